package ssh

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/user"
	"strconv"
	"sync"
	"time"

	gossh "golang.org/x/crypto/ssh"

	"runbook/runtime/inventory"
)

// PoolOptions are what all hosts of a pool share. The zero value is of use.
type PoolOptions struct {
	// ConnectTimeout is the limit for reaching a host and logging in, without the time that a person takes to answer; 10 s when 0.
	ConnectTimeout time.Duration
	// KeepAlive is the time between two questions whether a host is still there, where ssh_config doesn't state one; when none
	// is answered for three times as long the connection is given up. 15 s when 0.
	KeepAlive time.Duration
	// LockWait is how long Lock waits for another holder where a recipe doesn't say; not at all when 0.
	LockWait time.Duration
	// NoLocks says that no lock will be taken, so that a shell needn't be held until a keeper knows of it, which costs a host three processes.
	NoLocks bool
	// Prompt asks the person at the terminal; secret answers aren't shown. nil when there is no terminal.
	Prompt func(ctx context.Context, question string, secret bool) (string, error)
	// Getenv reads the environment (HOME, SSH_AUTH_SOCK); os.Getenv when nil.
	Getenv func(name string) string
}

// Pool makes hosts and keeps what they share: connections to bastions, keys that were unlocked, and the one
// terminal. It is safe for concurrent use.
type Pool struct {
	opts PoolOptions

	retake time.Duration // how long a lock that was lost is waited for

	prompting semaphore // one question at a time

	mu       sync.Mutex
	hosts    []*Host
	bastions []*Host // in the order in which they were made: a chain's outer end comes first

	unlocking semaphore // guards unlocked
	unlocked  map[string]gossh.Signer
}

// NewPool returns a pool without any host. Close it.
func NewPool(opts PoolOptions) *Pool {
	if opts.ConnectTimeout <= 0 {
		opts.ConnectTimeout = 10 * time.Second
	}
	if opts.KeepAlive <= 0 {
		opts.KeepAlive = 15 * time.Second
	}
	if opts.Getenv == nil {
		opts.Getenv = os.Getenv
	}
	return &Pool{opts: opts, retake: 15 * time.Second, prompting: newSemaphore(), unlocking: newSemaphore(), unlocked: map[string]gossh.Signer{}}
}

// Host returns a new host. Nothing is contacted yet.
func (p *Pool) Host(t inventory.Host) *Host {
	h := newHost(p, t, false)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hosts = append(p.hosts, h)
	return h
}

// Localhost returns this machine as a host, without any SSH. Relative paths start from the current folder.
func (p *Pool) Localhost() *Host {
	t := inventory.Host{Name: "localhost", Address: "localhost", Vars: map[string]any{}}
	if u, err := user.Current(); err == nil { // else its user stays unstated
		t.User = u.Username
	}
	h := newHost(p, t, true)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hosts = append(p.hosts, h)
	return h
}

// bastion returns the host to go through, the same one for all that are reached in the same way.
func (p *Pool) bastion(t inventory.Host) *Host {
	if t.Via != nil {
		p.bastion(*t.Via) // made first, closed last
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, b := range p.bastions {
		if login(b.target) == login(t) {
			return b
		}
	}
	b := newHost(p, t, false)
	b.bastion = true
	p.bastions = append(p.bastions, b)
	return b
}

// login names a way to a host: two with the same name are one connection.
func login(t inventory.Host) string {
	s := t.User + "@" + address(t)
	if t.Via != nil {
		s += " through " + login(*t.Via)
	}
	return s
}

// address is host:port.
func address(t inventory.Host) string {
	port := t.Port
	if port == 0 {
		port = 22
	}
	return net.JoinHostPort(t.Address, strconv.Itoa(port))
}

// errNoTerminal is the error of a question that nobody can answer.
var errNoTerminal = errors.New("there is no terminal to ask on")

// ask asks the person at the terminal.
func (p *Pool) ask(ctx context.Context, question string, secret bool) (string, error) {
	if p.opts.Prompt == nil {
		return "", errNoTerminal
	}
	if err := p.prompting.lock(ctx); err != nil {
		return "", err
	}
	defer p.prompting.unlock()
	return p.opts.Prompt(ctx, question, secret)
}

// Close says farewell to the keepers of locks, ends the shells, and closes all connections, those to bastions last. When it
// returns, nothing that the pool started is left on this machine. The hosts must not be used any more.
func (p *Pool) Close() error {
	p.mu.Lock()
	hosts, bastions := p.hosts, p.bastions
	p.hosts, p.bastions = nil, nil
	p.mu.Unlock()
	errs := make([]error, len(hosts))
	var wg sync.WaitGroup
	for i, h := range hosts {
		wg.Go(func() {
			if err := h.Close(); err != nil {
				errs[i] = fmt.Errorf("%s: %w", h.Name(), err)
			}
		})
	}
	wg.Wait()
	for i := len(bastions) - 1; i >= 0; i-- {
		errs = append(errs, bastions[i].Close())
	}
	return errors.Join(errs...)
}
