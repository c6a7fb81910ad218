package ssh

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/pkg/sftp"

	"runbook/runtime/event"
	"runbook/runtime/inventory"
)

// Host is one server of a run, or this machine. A Pool makes it. Its methods are safe for concurrent use.
type Host struct {
	pool   *Pool
	target inventory.Host
	local  bool
	// bastion says that nothing but connections goes through it
	bastion bool

	asking semaphore // guards secret
	secret string    // the password for sudo

	busy   semaphore // guards what follows
	conn   *connection
	closed bool
	locks  []heldLock // what was taken, in its order
}

func newHost(p *Pool, t inventory.Host, local bool) *Host {
	return &Host{pool: p, target: t, local: local, asking: newSemaphore(), busy: newSemaphore()}
}

// Name is the name of the host in the hosts file.
func (h *Host) Name() string { return h.target.Name }

// Target says how the host is reached.
func (h *Host) Target() inventory.Host { return h.target }

// String is the name.
func (h *Host) String() string { return h.target.Name }

// context names the host in events that name none.
func (h *Host) context(ctx context.Context) context.Context {
	if event.Host(ctx) == h.Name() {
		return ctx
	}
	return event.WithHost(ctx, h.Name())
}

// connection is one login on a host, with what was started there.
type connection struct {
	link link

	turn     semaphore // guards shell: commands run one after the other
	shell    *shell
	hurry    func() // gives up starting the first shell
	pulse    pulse
	beat     pulse         // of a shell that is held, see hold; none where no lock will be taken
	patience time.Duration // how long close waits for a command to end by itself

	opening semaphore // guards files
	files   *sftp.Client
	unfiled chan struct{} // closed when files is of no more use

	mu      sync.Mutex
	keepers []*keeper
	groups  map[int64]struct{} // process groups on the host that are ours
}

// newConnection takes over a link. It can start the shell at once: what the start-up files of a log-in cost is then spent while
// others are still being connected to.
func newConnection(l link, p, beat pulse, shell bool) *connection {
	c := &connection{link: l, pulse: p, beat: beat, turn: newSemaphore(), opening: newSemaphore(), groups: map[int64]struct{}{}, hurry: func() {}, patience: closeLimit}
	if !shell {
		return c
	}
	ctx, cancel := context.WithCancel(context.Background())
	c.hurry = cancel
	c.turn <- struct{}{}
	go func() {
		defer c.turn.unlock()
		defer cancel()
		_, _ = c.startedShell(ctx) // the first command tries again, and says what is wrong
	}()
	return c
}

// shellLimit is how long a shell may take to start.
const shellLimit = 60 * time.Second

var errNoShell = fmt.Errorf("the host started no shell within %v", shellLimit)

// startedShell is the long-lived shell. The caller has the turn.
func (c *connection) startedShell(ctx context.Context) (*shell, error) {
	if c.shell != nil {
		return c.shell, nil
	}
	limited, cancel := context.WithTimeoutCause(ctx, shellLimit, errNoShell)
	defer cancel()
	s, err := startShell(limited, c.link, c.beat)
	if errors.Is(err, errNoShell) {
		err = event.WithHint(err, "do the start-up files of the log-in shell, such as ~/.bashrc, wait for something?")
	}
	if err != nil {
		return nil, err
	}
	c.shell = s
	c.began(s.group())
	return s, nil
}

// Connect connects and logs in, unless that is done. Everything that needs a connection calls it by itself. The errors
// are *ConnectError, *UnknownKeyError, *ChangedKeyError, *RevokedKeyError, *LoginError, or why ctx ended.
func (h *Host) Connect(ctx context.Context) error {
	_, err := h.connection(h.context(ctx))
	return err
}

// connection is the present connection, or a new one. After a loss it connects anew and takes the locks again that were held,
// so that nothing runs without them.
func (h *Host) connection(ctx context.Context) (*connection, error) {
	if err := h.busy.lock(ctx); err != nil {
		return nil, err
	}
	defer h.busy.unlock()
	return h.connected(ctx)
}

// connected is connection for who has h.busy.
func (h *Host) connected(ctx context.Context) (*connection, error) {
	if h.closed {
		return nil, errors.New("the run is over: its connections are closed")
	}
	if h.conn != nil {
		select {
		case <-h.conn.link.done():
			event.Emit(ctx, event.Event{Kind: event.Disconnected, Error: h.conn.link.lost().Error()})
			err := h.conn.close()
			h.conn = nil
			if err != nil {
				return nil, err
			}
		default:
			return h.conn, h.keepLocks(ctx)
		}
	}
	began := time.Now()
	l, err := h.open(ctx)
	if err != nil {
		return nil, err
	}
	beat := h.pulse()
	if h.pool.opts.NoLocks {
		beat = pulse{}
	}
	h.conn = newConnection(l, h.pulse(), beat, !h.bastion) // a bastion need not let anybody run anything
	if !h.local {
		event.Emit(ctx, event.Event{Kind: event.Connected, Text: h.target.User + "@" + address(h.target), Seconds: time.Since(began).Seconds()})
	}
	return h.conn, h.keepLocks(ctx)
}

func (h *Host) open(ctx context.Context) (link, error) {
	if h.local {
		return newLocal(), nil
	}
	client, err := h.login(ctx)
	if err != nil {
		return nil, err
	}
	return newRemote(client, h.pulse()), nil
}

// Files is the host's file system through one sftp session, which the pool closes. Paths are relative to the user's home; on
// this machine, to the current folder.
func (h *Host) Files(ctx context.Context) (*sftp.Client, error) {
	ctx = h.context(ctx)
	c, err := h.connection(ctx)
	if err != nil {
		return nil, err
	}
	if err := c.opening.lock(ctx); err != nil {
		return nil, err
	}
	defer c.opening.unlock()
	if c.files != nil {
		select {
		case <-c.unfiled: // its server ended, and the connection did not
			_ = c.files.Close()
		default:
			return c.files, nil
		}
	}
	p, err := c.link.sftp(ctx)
	if err != nil {
		return nil, err
	}
	files, err := cancellable(ctx, func() (*sftp.Client, error) {
		return sftp.NewClientPipe(p, p, sftp.UseConcurrentWrites(true))
	}, func(late *sftp.Client) { _ = late.Close() }) // nobody waits for it any more
	if err != nil {
		p.close()
		return nil, event.WithHint(fmt.Errorf("start sftp: %w", err), `its sshd_config needs the line "Subsystem sftp internal-sftp"`)
	}
	c.files, c.unfiled = files, make(chan struct{})
	go func(gone chan struct{}) {
		_ = files.Wait() // why doesn't matter: it is started again
		close(gone)
	}(c.unfiled)
	return files, nil
}

// Dial connects to an address as seen from the host, also where its server forbids tunnels: then Python on the host passes the
// bytes on. network is "tcp" or "unix". Connections through SSH know no deadlines.
func (h *Host) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := h.connection(h.context(ctx))
	if err != nil {
		return nil, err
	}
	conn, err := c.link.dial(ctx, network, address)
	var forbidden *forbiddenError
	if network == "tcp" && errors.As(err, &forbidden) {
		return c.relay(ctx, address, err)
	}
	return conn, err
}

// Close ends what runs on the host and the connection, before the pool would. The host must not be used any more.
func (h *Host) Close() error {
	h.busy <- struct{}{}
	defer h.busy.unlock()
	h.closed = true
	if h.conn == nil {
		return nil
	}
	c := h.conn
	h.conn = nil
	return c.close()
}

// closeLimit is how long a command that still runs has for its own end when the connection is closed.
const closeLimit = 20 * time.Second

func (c *connection) close() error {
	c.hurry()
	ctx, cancel := context.WithTimeout(context.Background(), c.patience)
	defer cancel()
	var errs []error
	if err := c.turn.lock(ctx); err != nil {
		errs = append(errs, errors.New("a command was still running"), c.endAll())
	} else {
		if c.shell != nil {
			c.shell.bye(c.link)
			c.ended(c.shell.group())
			c.shell = nil
		}
		c.turn.unlock()
	}
	if c.files != nil {
		_ = c.files.Close() // it fails when the connection is gone
		defer func() { <-c.unfiled }()
	}
	ctx, cancel = context.WithTimeout(context.Background(), closeLimit)
	defer cancel()
	for _, k := range c.takeKeepers() {
		errs = append(errs, k.bye(ctx))
	}
	return errors.Join(append(errs, c.link.close())...)
}
