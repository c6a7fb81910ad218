package lab

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
)

// Site is what a release needs to know of a lab, whichever kind it is: the hosts, and where the application comes
// from.
type Site interface {
	// HostsFile is the path of a hosts file in Lua that names the lab's hosts.
	HostsFile() string
	// KnownHosts is the path of a known_hosts file with the keys of the hosts and of the git server.
	KnownHosts() string
	// AdminKey is the path of the private key that logs in to the hosts.
	AdminKey() string
	// DeployKey is the path of the private key that may read the repository, and nothing else.
	DeployKey() string
	// RepoURL is where the application's repository is read from with the deploy key.
	RepoURL() string
	// Wheels is the folder for pip's --find-links.
	Wheels() string
	// Commit changes the application so that it needs this version of greeting, and returns the new commit.
	Commit(version string) (string, error)
	// Root is the folder for the application on a host, made and empty; "" when there is no such host.
	Root(host string) string
	// Inside runs a program on a host past SSH and returns its output, trimmed. When it fails, the error tells what it
	// said on standard error.
	Inside(host string, argv ...string) (string, error)
	// Close ends everything that the lab started and waits for it.
	Close() error
}

// ground is what both kinds of lab stand on: a folder with keys, wheels and the application's repository.
type ground struct {
	dir       string
	temporary bool // dir was made by the lab and goes with it

	mu   sync.Mutex
	repo *Repo
}

// newGround makes the folder dir (a temporary one when dir is empty), the keys and the wheels in it.
func newGround(dir string) (*ground, error) {
	g := &ground{dir: dir}
	if dir == "" {
		made, err := os.MkdirTemp(shortTemp(), "lab-")
		if err != nil {
			return nil, fmt.Errorf("make the lab's folder: %w", err)
		}
		g.dir, g.temporary = made, true
	}
	if err := g.furnish(); err != nil {
		return nil, g.abandon(err)
	}
	return g, nil
}

func (g *ground) furnish() error {
	absolute, err := filepath.Abs(g.dir)
	if err != nil {
		return fmt.Errorf("make the lab's folder: %w", err)
	}
	// Symbolic links (macOS has one at /tmp) would make paths seen from a host differ from those handed out here.
	if err := os.MkdirAll(absolute, 0o755); err != nil {
		return fmt.Errorf("make the lab's folder: %w", err)
	}
	if g.dir, err = filepath.EvalSymlinks(absolute); err != nil {
		return fmt.Errorf("make the lab's folder: %w", err)
	}
	// Servers that give up root must be able to walk to the application.
	if err := os.Chmod(g.dir, 0o755); err != nil {
		return fmt.Errorf("open the lab's folder: %w", err)
	}
	for _, path := range []string{g.AdminKey(), g.DeployKey()} {
		if _, err := writeKey(path); err != nil {
			return err
		}
	}
	return makeWheels(g.Wheels())
}

// abandon removes the folder when the lab made it, and returns err.
func (g *ground) abandon(err error) error {
	if g.temporary {
		if removed := os.RemoveAll(g.dir); removed != nil {
			return fmt.Errorf("%w (and its folder stays: %w)", err, removed)
		}
	}
	return err
}

// Dir is the lab's folder.
func (g *ground) Dir() string { return g.dir }

// HostsFile is the path of the hosts file; see [Site].
func (g *ground) HostsFile() string { return filepath.Join(g.dir, "hosts.lua") }

// KnownHosts is the path of the known_hosts file; see [Site].
func (g *ground) KnownHosts() string { return filepath.Join(g.dir, "known_hosts") }

// AdminKey is the path of the private key for the hosts, mode 0600; its public half is beside it with .pub.
func (g *ground) AdminKey() string { return filepath.Join(g.dir, "admin") }

// DeployKey is the path of the private key for the git server, mode 0600; its public half is beside it with .pub.
func (g *ground) DeployKey() string { return filepath.Join(g.dir, "deploy") }

// Wheels is the folder with the application's wheels; see [Site].
func (g *ground) Wheels() string { return filepath.Join(g.dir, "wheels") }

// Repo returns the application's repository, made with its first commit (greeting 1.0) when it is first asked for.
func (g *ground) Repo() (*Repo, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.repo == nil {
		repo, err := newApplication(g.repoFolders())
		if err != nil {
			return nil, err
		}
		g.repo = repo
	}
	return g.repo, nil
}

// EmptyRepo makes the repository that Repo returns from then on, without a commit: for an application other than the
// lab's own. There may be no repository yet.
func (g *ground) EmptyRepo() (*Repo, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.repo != nil {
		return nil, errors.New("the lab has its repository already")
	}
	repo, err := newRepo(g.repoFolders())
	if err != nil {
		return nil, err
	}
	g.repo = repo
	return repo, nil
}

func (g *ground) repoFolders() (work, bare string) {
	return filepath.Join(g.dir, "work"), filepath.Join(g.dir, "app.git")
}

// Commit changes the application; see [Repo.Commit].
func (g *ground) Commit(version string) (string, error) {
	repo, err := g.Repo()
	if err != nil {
		return "", err
	}
	return repo.Commit(version)
}
