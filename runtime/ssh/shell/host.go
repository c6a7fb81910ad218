package shell

import (
	"context"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"runbook/runtime/event"
	"runbook/runtime/ssh"
)

// Host is one server of a run, or this machine. Its methods are safe for concurrent use.
type Host struct {
	pool   *Pool
	target ssh.Target
	local  bool

	permissions atomic.Pointer[Permissions] // nil before SetPermissions
	trip        atomic.Int64                // see RoundTrip

	asking   ssh.Mutex // guards password
	password string    // for sudo

	busy   ssh.Mutex // guards the fields below
	conn   *connection
	closed bool
	locks  []string // the paths of the locks to hold, oldest first
}

func newHost(p *Pool, t ssh.Target, local bool) *Host {
	return &Host{pool: p, target: t, local: local, asking: ssh.NewMutex(), busy: ssh.NewMutex()}
}

// Name returns the host's name in the hosts file.
func (h *Host) Name() string { return h.target.Name }

// Target returns how the host is reached.
func (h *Host) Target() ssh.Target { return h.target }

// Local reports whether the host is this machine, without SSH.
func (h *Host) Local() bool { return h.local }

// String returns the host's name.
func (h *Host) String() string { return h.target.Name }

// Permissions decide who else can use what is made on a host.
type Permissions struct {
	Umask os.FileMode
	Group string // the group whose members share locks and mirrors, or "" for nobody
}

// SetPermissions sets the permissions of everything that is made on the host from now on. Without
// it the login's umask counts, which differs between hosts and between commands and sudo.
func (h *Host) SetPermissions(p Permissions) { h.permissions.Store(&p) }

// Permissions returns what SetPermissions set, or nil.
func (h *Host) Permissions() *Permissions { return h.permissions.Load() }

// group returns the group whose members share locks, or "".
func (h *Host) group() string {
	if p := h.Permissions(); p != nil {
		return p.Group
	}
	return ""
}

// umask returns the command that sets the umask of a shell, or "".
func (h *Host) umask() string {
	if p := h.Permissions(); p != nil {
		return fmt.Sprintf("umask %04o\n", p.Umask)
	}
	return ""
}

// RoundTrip returns the shortest time that a command in a long-lived shell took, which is little
// more than one round trip. If none has run yet, one is run.
func (h *Host) RoundTrip(ctx context.Context) (time.Duration, error) {
	if h.trip.Load() == 0 {
		if _, err := h.Run(ctx, Command{Script: ":", Resident: true, Quiet: true}); err != nil {
			return 0, err
		}
	}
	return time.Duration(h.trip.Load()), nil
}

// Hide keeps values out of everything that the run shows from now on.
func (h *Host) Hide(secrets []string) {
	for _, s := range secrets {
		h.pool.stream.AddSecret(s)
	}
}

// context adds the host's name to the events of ctx.
func (h *Host) context(ctx context.Context) context.Context {
	if event.Host(ctx) == h.Name() {
		return ctx
	}
	return event.WithHost(ctx, h.Name())
}

// Connect connects and logs in, unless that is done. Whatever needs a connection calls it. It fails
// like ssh.Dialer.Dial.
func (h *Host) Connect(ctx context.Context) error {
	_, err := h.connection(h.context(ctx))
	return err
}

// connection returns the connection. If it was lost, connection connects again and reacquires the
// same locks, so that nothing runs without them.
func (h *Host) connection(ctx context.Context) (*connection, error) {
	if err := h.busy.Lock(ctx); err != nil {
		return nil, err
	}
	defer h.busy.Unlock()
	return h.ensureConnection(ctx)
}

// ensureConnection does the work of connection. The caller holds h.busy.
func (h *Host) ensureConnection(ctx context.Context) (*connection, error) {
	if h.closed {
		return nil, ssh.ErrClosed
	}
	if h.conn != nil {
		select {
		case <-h.conn.link.Done():
			event.Emit(ctx, event.Event{Kind: event.Disconnected, Error: h.conn.link.Lost().Error()})
			err := h.conn.close()
			h.conn = nil
			if err != nil {
				return nil, err
			}
		default:
			return h.conn, h.ensureLocks(ctx)
		}
	}
	link, err := h.dial(ctx)
	if err != nil {
		return nil, err
	}
	alive := h.pool.dialer.KeepAlive(h.target)
	if h.pool.opts.OneCommand {
		h.conn = newConnection(link, alive, ssh.KeepAlive{})
		close(h.conn.begun)
		return h.conn, nil
	}
	guard := ssh.KeepAlive{}
	if may := h.pool.opts.Locks; may != nil && may() && !h.local {
		guard = alive
	}
	h.conn = newConnection(link, alive, guard)
	h.conn.begin()
	return h.conn, h.ensureLocks(ctx)
}

func (h *Host) dial(ctx context.Context) (ssh.Conn, error) {
	if h.local {
		return ssh.Local(), nil
	}
	return h.pool.dialer.Dial(ctx, h.target)
}

// Disconnect cuts the connection. The next use of the host connects again.
func (h *Host) Disconnect() {
	h.busy.LockAnyway()
	defer h.busy.Unlock()
	if h.conn != nil {
		h.conn.link.Abandon()
		_ = h.conn.close() // it was cut, so nothing can be ended in order
		h.conn = nil
	}
}

// Close ends what runs on the host, releases its locks and closes the connection. The host must not
// be used any more.
func (h *Host) Close() error {
	h.busy.LockAnyway()
	defer h.busy.Unlock()
	h.closed = true
	if h.conn == nil {
		return nil
	}
	c := h.conn
	h.conn = nil
	return c.close()
}
