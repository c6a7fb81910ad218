package sshconfig

import (
	"errors"
	"fmt"
	"os/user"
	"path/filepath"
	"strings"
)

// Machine describes this machine: its user, folders and name.
type Machine struct {
	Dir      string // absolute; relative paths on the command line start here
	Home     string
	System   string // the folder of OpenSSH's files for all users
	User     string // "" for a user without a name
	UID      string
	Hostname string
	Getenv   func(string) string
}

// ExpandHome replaces a leading ~ or ~USER by a home folder. home is that of the current user.
func ExpandHome(path, home string) (string, error) {
	if !strings.HasPrefix(path, "~") {
		return path, nil
	}
	name, rest, _ := strings.Cut(filepath.ToSlash(path[1:]), "/")
	if name != "" {
		u, err := user.Lookup(name)
		if err != nil {
			return "", fmt.Errorf("%q: no user %s on this machine", path, name)
		}
		home = u.HomeDir
	}
	return filepath.Join(home, rest), nil
}

// Path expands a leading ~ or ~USER. A relative path starts from dir.
func (m Machine) Path(dir, p string) (string, error) {
	switch {
	case p == "":
		return "", errors.New("empty path")
	case strings.ContainsAny(p, "\x00\n\r"):
		return "", fmt.Errorf("%q contains a control character", p)
	}
	p, err := ExpandHome(p, m.Home)
	if err != nil {
		return "", err
	}
	if filepath.IsAbs(p) {
		return filepath.Clean(p), nil
	}
	return filepath.Join(dir, p), nil
}

// Paths is Path for a list; nil stays nil.
func (m Machine) Paths(dir string, ps []string) ([]string, error) {
	var out []string
	for _, p := range ps {
		full, err := m.Path(dir, p)
		if err != nil {
			return nil, err
		}
		out = append(out, full)
	}
	return out, nil
}

// Display returns the path for errors: relative if it is under the current folder, else as it is.
func (m Machine) Display(path string) string {
	if rel, err := filepath.Rel(m.Dir, path); err == nil && filepath.IsLocal(rel) {
		return rel
	}
	return path
}
