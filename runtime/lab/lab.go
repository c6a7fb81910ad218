package lab

import (
	"errors"
	"fmt"
	"path/filepath"
	"sync"
)

// User is the login name on the hosts.
const User = "deploy"

// Lab is a set of SSH servers inside this process, on 127.0.0.1. Commands run as this process's own
// user. Each host has a home folder of its own.
type Lab struct {
	*Folder
	Processes *Processes

	mu     sync.Mutex
	hosts  []*Host
	git    *GitServer
	closed bool
}

// New creates a lab without servers in the folder dir, which is created if missing. If dir is
// empty, the folder is temporary and Close removes it.
func New(dir string) (*Lab, error) {
	if err := supported(); err != nil {
		return nil, err
	}
	folder, err := NewFolder(dir)
	if err != nil {
		return nil, err
	}
	l := &Lab{Folder: folder, Processes: newProcesses()}
	if err := l.describe(); err != nil {
		return nil, errors.Join(err, folder.Remove())
	}
	return l, nil
}

// Host starts an SSH server with its own key, home folder and application folder. The name must be
// unique, and valid as the name of a folder.
func (l *Lab) Host(name string) (*Host, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, fmt.Errorf("host %s: the lab is closed", name)
	}
	for _, h := range l.hosts {
		if h.Name == name {
			return nil, fmt.Errorf("host %s: the lab already has a host of that name", name)
		}
	}
	h, err := newHost(l, name)
	if err != nil {
		return nil, err
	}
	l.hosts = append(l.hosts, h)
	return h, l.describe()
}

// GitServer returns the server of the application's repository. The first call starts it.
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

// RepoURL returns the address of the repository on the git server, or "" before GitServer has been
// called.
func (l *Lab) RepoURL() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.git == nil {
		return ""
	}
	return l.git.URL()
}

// describe writes known_hosts and the hosts file for the servers that run.
func (l *Lab) describe() error {
	hosts := make([]Server, len(l.hosts))
	for i, h := range l.hosts {
		hosts[i] = Server{h.Name, h.Addr, h.Port, h.server.key,
			fmt.Sprintf("root = %s, port = %d", quoteLua(h.Root), h.AppPort)}
	}
	var others []Server
	if l.git != nil {
		others = []Server{{Address: l.git.Addr, Port: l.git.Port, Key: l.git.server.key}}
	}
	return l.WriteHosts(User, hosts, others...)
}

// Close stops the servers, ends every process that a host started, and waits for them. It removes a
// temporary folder. A second call does nothing.
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
	// From here on no new process can start.
	errs = append(errs, l.Processes.end())
	for _, s := range servers {
		s.wait()
	}
	return errors.Join(append(errs, l.Remove())...)
}

func (l *Lab) hostDir(name string) string { return filepath.Join(l.Dir, name) }
