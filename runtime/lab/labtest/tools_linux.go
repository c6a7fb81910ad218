package labtest

import (
	"fmt"
	"os/exec"
	"os/user"

	"runbook/runtime/lab"
)

// tools holds the absolute paths of the programs that an OpenSSH lab needs.
type tools struct{ sshd, ip, useradd, usermod, nsenter, mount string }

// findTools finds the programs on PATH and in the folders of root's PATH.
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
			return nil, fmt.Errorf("an OpenSSH lab needs %s: install the Debian package %s", want.name, want.debian)
		}
		*want.into = path
	}
	return &t, nil
}

// ensureUser creates a user who can log in with a key but not with a password, unless the user
// exists.
func (t *tools) ensureUser(name string) error {
	if _, err := user.Lookup(name); err == nil {
		return nil
	}
	if _, err := execute(t.useradd, "--create-home", "--shell", "/bin/bash", name); err != nil {
		// Another lab may have created the user at the same time.
		if _, missing := user.Lookup(name); missing != nil {
			return err
		}
	}
	// New users are locked, and sshd rejects locked users.
	_, err := execute(t.usermod, "--password", "*", name)
	return err
}

func execute(program string, args ...string) (string, error) {
	return lab.Output(exec.Command(program, args...))
}
