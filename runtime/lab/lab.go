package lab

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
)

// User is the login name of the in-process hosts.
const User = "deploy"

// Lab is a set of SSH servers inside this process, on 127.0.0.1. Commands run as the user that this process runs
// as, each host in a home folder of its own. It is a [Site].
type Lab struct {
	*ground
	processes *processes

	mu     sync.Mutex
	hosts  []*Host
	git    *GitServer
	closed bool
}

var _ Site = (*Lab)(nil)

// New makes a lab without servers in the folder dir, which is made if it is missing; an empty dir means a
// temporary folder, which Close removes.
func New(dir string) (*Lab, error) {
	if err := supported(); err != nil {
		return nil, err
	}
	g, err := newGround(dir)
	if err != nil {
		return nil, err
	}
	l := &Lab{ground: g, processes: newProcesses()}
	if err := l.describe(); err != nil {
		return nil, g.abandon(err)
	}
	return l, nil
}

// Start makes a lab as New does, with the git server and one host a name.
func Start(dir string, names ...string) (*Lab, error) {
	l, err := New(dir)
	if err != nil {
		return nil, err
	}
	_, err = l.GitServer()
	for _, name := range names {
		if err == nil {
			_, err = l.Host(name)
		}
	}
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// Host starts an SSH server with its own key, its own home and its own folder for the application. The name is
// also that of its folder, and may be given once.
func (l *Lab) Host(name string) (*Host, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, fmt.Errorf("host %s: the lab is closed", name)
	}
	for _, h := range l.hosts {
		if h.Name == name {
			return nil, fmt.Errorf("host %s: there is one already", name)
		}
	}
	h, err := newHost(l, name)
	if err != nil {
		return nil, err
	}
	l.hosts = append(l.hosts, h)
	return h, l.describe()
}

// GitServer returns the server of the application's repository, started when it is first asked for.
func (l *Lab) GitServer() (*GitServer, error) {
	repo, err := l.Repo()
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, errors.New("git server: the lab is closed")
	}
	if l.git == nil {
		if l.git, err = newGitServer(l, repo); err != nil {
			return nil, err
		}
	}
	return l.git, l.describe()
}

// RepoURL is the address of the repository on the git server, or "" before GitServer.
func (l *Lab) RepoURL() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.git == nil {
		return ""
	}
	return l.git.URL()
}

// Root is the folder for the application on a host; see [Site].
func (l *Lab) Root(host string) string {
	h, err := l.host(host)
	if err != nil {
		return ""
	}
	return h.Root
}

// Inside runs a program with the environment and in the home folder that commands on the host have; see [Site].
func (l *Lab) Inside(host string, argv ...string) (string, error) {
	h, err := l.host(host)
	if err != nil {
		return "", err
	}
	run, err := h.command("", false)
	if err != nil {
		return "", err
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir, cmd.Env = run.dir, append(run.env, l.processes.mark)
	return finish(cmd)
}

func (l *Lab) host(name string) (*Host, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	names := make([]string, len(l.hosts))
	for i, h := range l.hosts {
		if h.Name == name {
			return h, nil
		}
		names[i] = h.Name
	}
	return nil, fmt.Errorf("no host %s in the lab, only %s", name, strings.Join(names, ", "))
}

// describe writes known_hosts and the hosts file for the servers there are.
func (l *Lab) describe() error {
	var keys, entries strings.Builder
	if l.git != nil {
		fmt.Fprintf(&keys, "%s %s\n", keyName(l.git.Addr, l.git.Port), l.git.Key)
	}
	for _, h := range l.hosts {
		fmt.Fprintf(&keys, "%s %s\n", keyName(h.Addr, h.Port), h.Key)
		fmt.Fprintf(&entries, "  { name = %s, address = %s, port = %d,\n    vars = { root = %s, port = %d } },\n",
			luaString(h.Name), luaString(h.Addr), h.Port, luaString(h.Root), h.AppPort)
	}
	if err := os.WriteFile(l.KnownHosts(), []byte(keys.String()), 0o644); err != nil {
		return fmt.Errorf("write known_hosts: %w", err)
	}
	text := hostsHead(User, l.AdminKey(), l.KnownHosts()) + entries.String() + "}\n"
	if err := os.WriteFile(l.HostsFile(), []byte(text), 0o644); err != nil {
		return fmt.Errorf("write the hosts file: %w", err)
	}
	return nil
}

// Close ends the servers and every process that a host started, and waits for them. A temporary folder is
// removed. Closing again does nothing.
func (l *Lab) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	l.closed = true
	hosts, git := l.hosts, l.git
	l.mu.Unlock()

	var errs []error
	var servers []*server
	for _, h := range hosts {
		servers = append(servers, h.server)
	}
	if git != nil {
		servers = append(servers, git.server)
	}
	for _, s := range servers {
		errs = append(errs, s.stop())
	}
	// Only now can no new process appear.
	errs = append(errs, l.processes.end())
	for _, s := range servers {
		s.wait()
	}
	if l.temporary {
		errs = append(errs, os.RemoveAll(l.dir))
	}
	return errors.Join(errs...)
}

// Processes lists the processes on the lab's hosts that are still there, daemons among them.
// On Linux it finds them by a mark in their environment; elsewhere it knows only those in the process groups of
// commands that still run.
func (l *Lab) Processes() ([]Process, error) { return l.processes.list() }

func hostFolder(l *Lab, name string) string { return filepath.Join(l.dir, name) }
