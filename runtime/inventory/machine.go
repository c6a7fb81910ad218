package inventory

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"runbook/runtime/inventory/sshconfig"
)

func thisMachine(dir string) (sshconfig.Machine, error) {
	me := sshconfig.Machine{Getenv: os.Getenv, System: "/etc/ssh"}
	var err error
	if me.Dir, err = filepath.Abs(dir); err != nil {
		return sshconfig.Machine{}, fmt.Errorf("find the current folder: %w", err)
	}
	if me.Hostname, err = os.Hostname(); err != nil {
		return sshconfig.Machine{}, fmt.Errorf("find this machine's name: %w", err)
	}
	// In a container the current user may have no name. That matters only for a host without a
	// user.
	if u, err := user.Current(); err == nil {
		me.UID, me.User = u.Uid, u.Username
	}
	if runtime.GOOS == "windows" {
		me.System = filepath.Join(os.Getenv("ProgramData"), "ssh")
		me.User = me.User[strings.LastIndexByte(me.User, '\\')+1:] // DOMAIN\user; OpenSSH for Windows logs in as user
	}
	if me.Home, err = HomeDir(); err != nil {
		return sshconfig.Machine{}, err
	}
	return me, nil
}

// HomeDir returns the user's home folder: $HOME, or else the one in the user database.
func HomeDir() (string, error) {
	home, err := os.UserHomeDir()
	if err == nil {
		return home, nil
	}
	if u, err := user.Current(); err == nil && u.HomeDir != "" {
		return u.HomeDir, nil
	}
	return "", errors.New("no home folder: set HOME")
}

// ExpandHome replaces a leading ~ or ~USER by a home folder.
func ExpandHome(path string) (string, error) {
	if !strings.HasPrefix(path, "~") {
		return path, nil
	}
	home, err := HomeDir()
	if err != nil {
		return path, err
	}
	return sshconfig.ExpandHome(path, home)
}

// Operator returns the person who runs runbook and the machine they use: a label for logs, locks
// and events. It never fails, because a label must not make an operation fail.
func Operator() (name, machine string) {
	name = cmp.Or(os.Getenv("USER"), os.Getenv("LOGNAME"))
	if name == "" {
		name = strconv.Itoa(os.Getuid())
		if u, err := user.Current(); err == nil {
			name = u.Username
		}
	}
	machine, err := os.Hostname()
	if err != nil {
		machine = "unknown"
	}
	return name, machine
}
