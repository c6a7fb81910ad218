package lab

import (
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync"
)

// Feature is a part of SSH that a host can refuse, so that a test can run without it.
type Feature string

// The features of a host. All are on by default.
const (
	Agent      Feature = "agent"      // agent forwarding
	Forwarding Feature = "forwarding" // tunnels to ports and sockets
)

// Host is an SSH server of a lab, with the folders of the machine that it simulates.
type Host struct {
	Name string
	Addr string // 127.0.0.1
	Port int
	Key  string // its public key, in the format of known_hosts
	Home string // the user's home folder
	Root string // the application folder, created empty

	// AppPort is a free port for the application's server. All hosts of a lab share this machine's
	// ports.
	AppPort int

	server *server

	mu      sync.Mutex
	refused map[Feature]bool
	env     []string
	ops     int
	hook    func(op int, what string)
}

func newHost(l *Lab, name string) (*Host, error) {
	if name == "" || name != filepath.Base(name) || name == "." || name == ".." {
		return nil, fmt.Errorf("host %q: the name of a lab host must be a valid folder name", name)
	}
	dir := l.hostDir(name)
	h := &Host{
		Name: name, Home: filepath.Join(dir, "home", User), Root: filepath.Join(dir, "srv", "app"),
		refused: map[Feature]bool{},
	}
	for _, folder := range []string{h.Home, h.Root} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return nil, fmt.Errorf("host %s: %w", name, err)
		}
	}
	admin, err := ReadPublicKey(l.AdminKey())
	if err != nil {
		return nil, fmt.Errorf("host %s: %w", name, err)
	}
	if h.AppPort, err = freePort(); err != nil {
		return nil, fmt.Errorf("host %s: %w", name, err)
	}
	h.server, err = newServer(serverOptions{
		name: name, user: User, login: admin, keyFile: filepath.Join(dir, "ssh_host_ed25519_key"),
		processes: l.Processes, policy: h,
	})
	if err != nil {
		return nil, err
	}
	h.Addr, h.Port, h.Key = h.server.address, h.server.port, AuthorizedKey(h.server.key)
	return h, nil
}

// Refuse turns features off.
func (h *Host) Refuse(features ...Feature) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, f := range features {
		h.refused[f] = true
	}
}

// Setenv sets a variable for later commands on the host, as its shell profile would.
func (h *Host) Setenv(name, value string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.env = append(h.env, name+"="+value)
}

// Faults installs a hook that is called before each operation: a command ("exec CMD", "shell") or a
// tunnel ("tunnel ADDRESS:PORT"). op numbers them from 1.
// The operation waits for fn, so fn can call KillConnections first. A nil fn removes the hook.
func (h *Host) Faults(fn func(op int, what string)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.hook = fn
}

// KillConnections cuts all connections to the host, as a network failure would. Commands keep
// running with their stdin closed, as under OpenSSH. New connections are accepted.
func (h *Host) KillConnections() { h.server.killConnections() }

// Logins returns how many connections have logged in so far.
func (h *Host) Logins() int { return h.server.loginCount() }

// Connections returns how many logged-in connections are open now.
func (h *Host) Connections() int { return h.server.connectionCount() }

// Operations returns how many operations the host has served so far, counted like those of Faults.
func (h *Host) Operations() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.ops
}

func (h *Host) allows(f Feature) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return !h.refused[f]
}

func (h *Host) observe(what string) {
	h.mu.Lock()
	h.ops++
	op, hook := h.ops, h.hook
	h.mu.Unlock()
	if hook != nil {
		hook(op, what)
	}
}

func (h *Host) command(asked string, shell bool) (invocation, error) {
	v := invocation{argv: []string{"/bin/sh", "-c", asked}, path: "/bin/sh", dir: h.Home}
	if shell {
		v.argv = []string{"-sh"}
	}
	v.env = h.Environment()
	return v, nil
}

// Environment returns the variables that a command on the host starts with.
func (h *Host) Environment() []string {
	env := []string{"HOME=" + h.Home, "USER=" + User, "LOGNAME=" + User, "SHELL=/bin/sh", "PATH=" + os.Getenv("PATH")}
	if dir, ok := os.LookupEnv("TMPDIR"); ok {
		env = append(env, "TMPDIR="+dir)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return append(env, h.env...)
}

// freePort returns a port that nobody listens on. It is below the range of ephemeral ports, so that
// no client takes it before the application does.
func freePort() (int, error) {
	for range 100 {
		n, err := rand.Int(rand.Reader, big.NewInt(12000))
		if err != nil {
			return 0, fmt.Errorf("find a free port: %w", err)
		}
		port := 20000 + int(n.Int64())
		listener, err := net.Listen("tcp4", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		if err := listener.Close(); err != nil {
			return 0, fmt.Errorf("find a free port: %w", err)
		}
		return port, nil
	}
	return 0, errors.New("find a free port: 100 random ports between 20000 and 32000 were all in use")
}

var _ policy = (*Host)(nil)

// policy decides what a client of a server can do.
type policy interface {
	// command returns the program that serves a request for a command or a shell. The client sees
	// the error.
	command(asked string, shell bool) (invocation, error)
	allows(Feature) bool
	observe(what string)
}

// invocation is a program to start: its path, argv including argv[0], working directory and
// complete environment.
type invocation struct {
	path string
	argv []string
	dir  string
	env  []string
}
