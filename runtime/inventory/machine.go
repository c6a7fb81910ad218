package inventory

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"strings"
)

// machine is what this machine contributes: who and where we are.
type machine struct {
	dir      string // absolute: what relative paths on the command line start from
	home     string
	user     string // "" when it has no name
	uid      string
	hostname string
	getenv   func(string) string
}

func thisMachine(dir string) (machine, error) {
	me := machine{getenv: os.Getenv}
	var err error
	if me.dir, err = filepath.Abs(dir); err != nil {
		return machine{}, fmt.Errorf("the current folder is not known: %w", err)
	}
	if me.hostname, err = os.Hostname(); err != nil {
		return machine{}, fmt.Errorf("this machine's name is not known: %w", err)
	}
	// In a container the current user may have no name. That matters only where a host states no user.
	if u, err := user.Current(); err == nil {
		me.uid, me.user, me.home = u.Uid, u.Username, u.HomeDir
	}
	if runtime.GOOS == "windows" { // DOMAIN\user; OpenSSH for Windows logs in as user
		me.user = me.user[strings.LastIndexByte(me.user, '\\')+1:]
	}
	if home, err := os.UserHomeDir(); err == nil {
		me.home = home
	}
	if me.home == "" {
		return machine{}, errors.New("this user's home folder is not known: set HOME")
	}
	return me, nil
}

// path replaces a leading ~ and makes a relative path start from dir.
func (me machine) path(dir, p string) (string, error) {
	switch {
	case p == "":
		return "", errors.New("the path is empty")
	case strings.ContainsAny(p, "\x00\n\r"):
		return "", fmt.Errorf("%q has a control character in it", p)
	case p == "~":
		return me.home, nil
	case strings.HasPrefix(p, "~/"):
		return filepath.Join(me.home, p[2:]), nil
	case strings.HasPrefix(p, "~"):
		return "", fmt.Errorf("%q: only one's own home folder can be written with ~; write ~/… or the whole path", p)
	case filepath.IsAbs(p):
		return filepath.Clean(p), nil
	}
	return filepath.Join(dir, p), nil
}

// paths is path for each; nil stays nil.
func (me machine) paths(dir string, ps []string) ([]string, error) {
	var out []string
	for _, p := range ps {
		full, err := me.path(dir, p)
		if err != nil {
			return nil, err
		}
		out = append(out, full)
	}
	return out, nil
}
