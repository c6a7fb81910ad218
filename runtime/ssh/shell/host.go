package shell

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"

	"github.com/pkg/sftp"

	"runbook/runtime/event"
	"runbook/runtime/ssh"
)

// Host is one server of a run, or this machine. Its methods are safe for concurrent use.
type Host struct {
	pool   *Pool
	target ssh.Target
	local  bool

	permissions atomic.Pointer[Permissions] // nil before SetPermissions

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
// it the login's umask counts, which differs between hosts and between commands, sudo and sftp.
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

// connection returns the connection. If it was lost, connection connects again and takes the same
// locks again, so that nothing runs without them.
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
	guard := alive
	if h.pool.opts.NoLocks {
		guard = ssh.KeepAlive{}
	}
	h.conn = newConnection(link, alive, guard)
	return h.conn, h.ensureLocks(ctx)
}

func (h *Host) dial(ctx context.Context) (ssh.Conn, error) {
	if h.local {
		return ssh.Local(), nil
	}
	return h.pool.dialer.Dial(ctx, h.target)
}

// Files returns the host's file system over one sftp session, which the pool closes. Relative paths
// start from the user's home, on this machine from the current folder.
func (h *Host) Files(ctx context.Context) (*sftp.Client, error) {
	ctx = h.context(ctx)
	c, err := h.connection(ctx)
	if err != nil {
		return nil, err
	}
	if err := c.opening.Lock(ctx); err != nil {
		return nil, err
	}
	defer c.opening.Unlock()
	if c.files != nil {
		select {
		case <-c.filesGone: // the sftp server ended; the connection did not
			_ = c.files.Close()
		default:
			return c.files, nil
		}
	}
	p, err := openSession(ctx, c.link.SFTP, func() {})
	if err != nil {
		return nil, err
	}
	files, err := ssh.Await(ctx, func() (*sftp.Client, error) {
		var first bytes.Buffer
		in := bufio.NewReader(p)
		length := io.TeeReader(io.LimitReader(in, 4), &first) // of the first packet
		files, err := sftp.NewClientPipe(io.MultiReader(length, in), p, sftp.UseConcurrentWrites(true))
		if err != nil {
			err = explainSFTP(err, first.String(), in)
		}
		return files, err
	}, func(late *sftp.Client) { _ = late.Close() }) // nobody needs it any more
	if err != nil {
		p.Cut()
		return nil, err
	}
	c.files, c.filesGone = files, make(chan struct{})
	go func(gone chan struct{}) {
		_ = files.Wait() // whatever the reason, the next call starts another
		close(gone)
	}(c.filesGone)
	return files, nil
}

// explainSFTP returns the error of a file session that did not start. said is what the host sent
// before that, and rest the reader of what follows.
func explainSFTP(err error, said string, rest *bufio.Reader) error {
	const internal = `the line "Subsystem sftp internal-sftp" in its sshd_config needs neither a program nor a shell`
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF) && said == "":
		return event.WithHint(errors.New("start sftp: its sftp server ended at once"),
			"does the program that Subsystem sftp in its sshd_config names exist? "+internal)
	case said != "" && said[0] != 0: // the length of a packet begins with 0
		more, _ := rest.Peek(min(rest.Buffered(), 150)) // it is there
		line := event.OneLine(firstLine(said + string(more)))
		return event.WithHint(fmt.Errorf("start sftp: the host answered with something else: %s", line),
			"start-up files of the login shell, such as ~/.bashrc, must print nothing without a terminal; "+internal)
	}
	return event.WithHint(fmt.Errorf("start sftp: %w", err), internal)
}

// SFTP opens an sftp session of its own. The caller cuts it.
func (h *Host) SFTP(ctx context.Context) (*ssh.Pipe, error) {
	c, err := h.connection(h.context(ctx))
	if err != nil {
		return nil, err
	}
	return openSession(ctx, c.link.SFTP, func() {})
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
