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

// Feature is something that a host can be told to refuse, to see what becomes of a run without it.
type Feature string

// The features of a host, all on at first.
const (
	SFTP       Feature = "sftp"       // the sftp subsystem
	Agent      Feature = "agent"      // agent forwarding
	Forwarding Feature = "forwarding" // tunnels to ports and sockets
)

// Host is one SSH server of a lab, and the folders that stand for the machine behind it.
type Host struct {
	Name string
	Addr string // 127.0.0.1
	Port int
	Key  string // its public key, as authorized_keys and known_hosts spell it
	Home string // the home folder of the user
	Root string // the folder for the application, made and empty

	// AppPort is a free port for the application's own server: all hosts of a lab share the ports of this machine.
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
		return nil, fmt.Errorf("host %q: a name of a lab's host must be able to name a folder", name)
	}
	dir := hostFolder(l, name)
	h := &Host{
		Name: name, Home: filepath.Join(dir, "home", User), Root: filepath.Join(dir, "srv", "app"),
		refused: map[Feature]bool{},
	}
	for _, folder := range []string{h.Home, h.Root} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return nil, fmt.Errorf("host %s: %w", name, err)
		}
	}
	admin, err := readPublic(l.AdminKey())
	if err != nil {
		return nil, fmt.Errorf("host %s: %w", name, err)
	}
	if h.AppPort, err = freePort(); err != nil {
		return nil, fmt.Errorf("host %s: %w", name, err)
	}
	h.server, err = newServer(serverOptions{
		name: name, user: User, login: admin, keyFile: filepath.Join(dir, "ssh_host_ed25519_key"),
		processes: l.processes, policy: h,
	})
	if err != nil {
		return nil, err
	}
	h.Addr, h.Port, h.Key = h.server.address, h.server.port, publicLine(h.server.key)
	return h, nil
}

// Refuse makes the host refuse these features from now on.
func (h *Host) Refuse(features ...Feature) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, f := range features {
		h.refused[f] = true
	}
}

// Setenv sets a variable in the environment of commands on the host from now on, as the host's own start-up files
// would.
func (h *Host) Setenv(name, value string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.env = append(h.env, name+"="+value)
}

// Faults makes fn be called before each operation on the host is served: a command ("exec CMD", "shell"), an sftp
// request ("sftp rename PATH") or a tunnel ("tunnel ADDRESS:PORT"). op counts them from 1 over the host's life. The
// operation waits until fn returns, so fn may call KillConnections first; nil takes the hook off.
func (h *Host) Faults(fn func(op int, what string)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.hook = fn
}

// KillConnections closes all connections to the host without a farewell, as a network failure would. Commands go
// on running with their stdin closed, as under OpenSSH. New connections are accepted.
func (h *Host) KillConnections() { h.server.killConnections() }

// Logins is how many connections have logged in so far.
func (h *Host) Logins() int { return h.server.loginCount() }

// Connections is how many connections that have logged in are open now.
func (h *Host) Connections() int { return h.server.connectionCount() }

// Operations is how many operations the host has served so far, counted as Faults counts them.
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
	v.env = []string{"HOME=" + h.Home, "USER=" + User, "LOGNAME=" + User, "SHELL=/bin/sh", "PATH=" + os.Getenv("PATH")}
	if dir, ok := os.LookupEnv("TMPDIR"); ok {
		v.env = append(v.env, "TMPDIR="+dir)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	v.env = append(v.env, h.env...)
	return v, nil
}

func (h *Host) folder() string { return h.Home }

// freePort finds a port that nobody listens on, below the range that systems hand out to clients by themselves, so
// that it is still free when the application wants it.
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
	return 0, errors.New("find a free port: a hundred tries between 20000 and 32000 were all taken")
}

var _ policy = (*Host)(nil)

// policy is what a server lets a client do.
type policy interface {
	// command says what runs when a client asks for a command, or for a shell; the error is told to the client.
	command(asked string, shell bool) (invocation, error)
	allows(Feature) bool
	observe(what string)
	folder() string // where sftp starts
}

// invocation is a program to start: its path, argv with argv[0], folder and whole environment.
type invocation struct {
	path string
	argv []string
	dir  string
	env  []string
}
