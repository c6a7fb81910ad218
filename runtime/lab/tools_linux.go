package lab

import (
	"fmt"
	"os/exec"
	"os/user"
)

// tools are the programs that an OpenSSH lab is made with, by absolute path.
type tools struct{ sshd, ip, useradd, usermod, nsenter, mount string }

// findTools finds the programs, also in the folders of an administrator's PATH.
func findTools() (*tools, error) {
	var t tools
	for _, want := range []struct {
		into         *string
		name, debian string
	}{
		{&t.sshd, "sshd", "openssh-server"},
		{&t.ip, "ip", "iproute2"},
		{&t.useradd, "useradd", "passwd"},
		{&t.usermod, "usermod", "passwd"},
		{&t.nsenter, "nsenter", "util-linux"},
		{&t.mount, "mount", "mount"},
	} {
		path, err := exec.LookPath(want.name)
		for _, folder := range []string{"/usr/sbin/", "/sbin/"} {
			if err != nil {
				path, err = exec.LookPath(folder + want.name)
			}
		}
		if err != nil {
			return nil, fmt.Errorf("an OpenSSH lab needs %s, which is not installed (Debian package %s)", want.name, want.debian)
		}
		*want.into = path
	}
	return &t, nil
}

// ensureUser makes a user that can log in with a key and not with a password, unless it is there.
func (t *tools) ensureUser(name string) error {
	if _, err := user.Lookup(name); err == nil {
		return nil
	}
	if _, err := execute(t.useradd, "--create-home", "--shell", "/bin/bash", name); err != nil {
		// Another lab may have made it at the same time.
		if _, missing := user.Lookup(name); missing != nil {
			return err
		}
	}
	// Not locked, as a new user is, for sshd lets no locked user in.
	_, err := execute(t.usermod, "--password", "*", name)
	return err
}

func execute(program string, args ...string) (string, error) {
	return finish(exec.Command(program, args...))
}
