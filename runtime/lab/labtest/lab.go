package labtest

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"runbook/runtime/lab"
)

// Site is the part of a lab of either kind that tests of releases use.
type Site interface {
	HostsFile() string
	KnownHosts() string
	AdminKey() string
	DeployKey() string
	RepoURL() string
	Wheels() string
	Commit(version string) (string, error)
	// Root returns the application folder on a host, created and empty; "" if there is no such
	// host.
	Root(host string) string
	// Inside runs a program on a host without SSH and returns its standard output, trimmed. The
	// error of a program that fails includes its standard error.
	Inside(host string, argv ...string) (string, error)
	// Close ends everything that the lab started and waits for it.
	Close() error
}

// Lab is a lab with in-process hosts and a git server.
type Lab struct {
	*lab.Lab
	Hosts []*lab.Host
}

var _ Site = (*Lab)(nil)

// Start starts a lab in a temporary folder, with one host per name, and closes it at the end of the
// test.
func Start(t testing.TB, names ...string) *Lab {
	t.Helper()
	l, err := lab.New("") // not t.TempDir, which other users cannot enter, and whose path may be too long for sockets
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	started := &Lab{Lab: l}
	for _, name := range names {
		h, err := l.Host(name)
		if err != nil {
			t.Fatal(err)
		}
		started.Hosts = append(started.Hosts, h)
	}
	return started
}

// StartWithGit starts a lab like Start, and its git server.
func StartWithGit(t testing.TB, names ...string) *Lab {
	t.Helper()
	l := Start(t, names...)
	if _, err := l.GitServer(); err != nil {
		t.Fatal(err)
	}
	return l
}

// Root returns the application folder on a host; see [Site].
func (l *Lab) Root(host string) string {
	h, err := l.host(host)
	if err != nil {
		return ""
	}
	return h.Root
}

// Inside runs a program with the environment and home folder of commands on the host; see [Site].
func (l *Lab) Inside(host string, argv ...string) (string, error) {
	h, err := l.host(host)
	if err != nil {
		return "", err
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir, cmd.Env = h.Home, append(h.Environment(), l.Processes.Mark)
	return lab.Output(cmd)
}

func (l *Lab) host(name string) (*lab.Host, error) {
	var names []string
	for _, h := range l.Hosts {
		if h.Name == name {
			return h, nil
		}
		names = append(names, h.Name)
	}
	return nil, unknownHost(name, names)
}

func unknownHost(name string, names []string) error {
	return fmt.Errorf("the lab has no host %s, only %s", name, strings.Join(names, ", "))
}
