package lab

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// GitServer serves one bare repository over SSH, read-only, to the deploy key. It behaves like a
// line command="git-upload-pack REPO",restrict in authorized_keys.
type GitServer struct {
	Addr string // 127.0.0.1
	Port int
	Key  string // its public key, in the format of known_hosts

	server  *server
	program string // git
	bare    string
}

func newGitServer(l *Lab, repo *Repo) (*GitServer, error) {
	program, err := findGit()
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(l.Dir, "githost")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("git server: %w", err)
	}
	deploy, err := ReadPublicKey(l.DeployKey())
	if err != nil {
		return nil, fmt.Errorf("git server: %w", err)
	}
	g := &GitServer{program: program, bare: repo.Bare}
	g.server, err = newServer(serverOptions{
		name: "git", user: "git", login: deploy, keyFile: filepath.Join(dir, "ssh_host_ed25519_key"),
		processes: l.Processes, policy: g,
	})
	if err != nil {
		return nil, err
	}
	g.Addr, g.Port, g.Key = g.server.address, g.server.port, AuthorizedKey(g.server.key)
	return g, nil
}

// URL returns the repository's address.
func (g *GitServer) URL() string { return fmt.Sprintf("ssh://git@%s:%d/app.git", g.Addr, g.Port) }

// Logins returns how many connections have logged in so far.
func (g *GitServer) Logins() int { return g.server.loginCount() }

// KillConnections cuts all connections to the git server, as a network failure would.
func (g *GitServer) KillConnections() { g.server.killConnections() }

func (g *GitServer) command(asked string, shell bool) (invocation, error) {
	if shell {
		return invocation{}, errors.New("this deploy key has no shell: it can only read the repository")
	}
	if strings.Contains(asked, "receive-pack") {
		return invocation{}, errors.New("this deploy key can only read the repository: pushing is refused")
	}
	return invocation{
		path: g.program, argv: []string{"git", "upload-pack", g.bare}, dir: g.dir(),
		env: append(gitEnvironment(), "HOME="+g.dir()),
	}, nil
}

func (g *GitServer) allows(Feature) bool { return false }

func (g *GitServer) observe(string) {}

func (g *GitServer) dir() string { return filepath.Dir(g.bare) }

var _ policy = (*GitServer)(nil)

func findGit() (string, error) {
	path, err := exec.LookPath("git")
	if err != nil {
		return "", fmt.Errorf("the lab needs git: install the Debian package git: %w", err)
	}
	return path, nil
}
