package ssh

import (
	"context"
	"net"

	gossh "golang.org/x/crypto/ssh"
)

// Conn is a connection to a host: over SSH, or to this machine itself. Its methods are safe for
// concurrent use.
type Conn interface {
	// Start runs a command line in a session of its own. The host's login shell parses it, so it
	// must mean the same in every shell.
	Start(ctx context.Context, line string) (*Process, error)
	// Session opens a raw SSH session, which the caller closes. This machine itself has none.
	Session(ctx context.Context) (*gossh.Session, error)
	// OpenSSH reports whether the server says that it is OpenSSH. This machine itself has none.
	OpenSSH() bool
	// Dial connects to an address as seen from the host. The error is a *ForbiddenError if the
	// server forbids tunnels. A connection through SSH has no deadlines.
	Dial(ctx context.Context, network, address string) (net.Conn, error)
	// AgentSocket returns the path of a socket on the host that is connected to the agent lent to
	// it.
	AgentSocket(ctx context.Context) (string, error)
	// Lend forwards a to the host until end is called. host is the name that a.Serve gets. The
	// agent that was lent last answers.
	Lend(ctx context.Context, a Agent, host string) (end func())
	// Done is closed when the connection is gone. Lost returns the reason.
	Done() <-chan struct{}
	Lost() error
	// Abandon cuts the connection without waiting.
	Abandon()
	// Close ends the connection and waits until nothing of it is left on this machine.
	Close() error
}

// Await calls fn, which takes no context, and stops waiting when ctx ends. A value that fn returns
// after that is passed to drop.
func Await[T any](ctx context.Context, fn func() (T, error), drop func(T)) (T, error) {
	type outcome struct {
		value T
		err   error
	}
	var zero T
	if ctx.Err() != nil {
		return zero, context.Cause(ctx)
	}
	result := make(chan outcome)
	abandoned := make(chan struct{})
	go func() {
		v, err := fn()
		select {
		case result <- outcome{v, err}:
		case <-abandoned:
			if err == nil {
				drop(v)
			}
		}
	}()
	select {
	case o := <-result:
		return o.value, o.err
	case <-ctx.Done():
		close(abandoned)
		return zero, context.Cause(ctx)
	}
}

// Mutex is a mutex whose Lock gives up when a context ends.
type Mutex chan struct{}

// NewMutex returns an unlocked mutex.
func NewMutex() Mutex { return make(Mutex, 1) }

// Lock locks m. It fails with the cause of ctx.
func (m Mutex) Lock(ctx context.Context) error {
	select {
	case m <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// LockAnyway locks m, however long that takes.
func (m Mutex) LockAnyway() { m <- struct{}{} }

// TryLock locks m if that needs no waiting, and reports whether it did.
func (m Mutex) TryLock() bool {
	select {
	case m <- struct{}{}:
		return true
	default:
		return false
	}
}

// Unlock unlocks m.
func (m Mutex) Unlock() { <-m }
