package ssh

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	gossh "golang.org/x/crypto/ssh"

	"runbook/runtime/event"
	"runbook/runtime/process"
)

// local is this machine as a host.
type local struct {
	ended chan struct{}

	mu      sync.Mutex
	wg      sync.WaitGroup
	closers map[*func()]struct{} // one for each process
	socket  net.Listener
	lenders lenders
	once    sync.Once
}

// Local returns a connection to this machine, without SSH. Relative paths start from the current
// folder.
func Local() Conn {
	return &local{ended: make(chan struct{}), closers: map[*func()]struct{}{}}
}

// Done is closed when the connection is closed.
func (l *local) Done() <-chan struct{} { return l.ended }

// Lost returns why Done is closed.
func (l *local) Lost() error { return errors.New("closed") }

// Abandon does nothing: processes here end their streams reliably.
func (l *local) Abandon() {}

// onClose makes Close call closer, until forget is called.
func (l *local) onClose(closer func()) (forget func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closers[&closer] = struct{}{}
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.closers, &closer)
	}
}

// Close ends the processes, waits for them, and removes the agent's socket.
func (l *local) Close() error {
	l.once.Do(func() { close(l.ended) })
	l.mu.Lock()
	closers := l.closers
	l.closers = map[*func()]struct{}{}
	socket := l.socket
	l.socket = nil
	l.mu.Unlock()
	for closer := range closers {
		(*closer)()
	}
	var err error
	if socket != nil {
		err = errors.Join(socket.Close(), os.RemoveAll(filepath.Dir(socket.Addr().String())))
	}
	l.wg.Wait()
	return err
}

// grace limits how long a process may take to end before it is killed.
const grace = 5 * time.Second

// Start runs line with /bin/sh in a session of its own, as sshd does. So its group can be
// ended as a whole, and an interrupt at the terminal reaches runbook alone.
func (l *local) Start(ctx context.Context, line string) (*Process, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if runtime.GOOS == "windows" {
		return nil, event.WithHint(errors.New("commands on this machine need /bin/sh, which Windows does not have"),
			"run runbook in WSL, the Windows Subsystem for Linux")
	}
	cmd := exec.Command("/bin/sh", "-c", line)
	process.OwnSession(cmd)
	var files []io.Closer
	drop := func() {
		for _, f := range files {
			_ = f.Close() // one side of each may be closed already
		}
	}
	ends := make([]*os.File, 6)
	for i := 0; i < 6; i += 2 {
		r, w, err := os.Pipe()
		if err != nil {
			drop()
			return nil, err
		}
		ends[i], ends[i+1] = r, w
		files = append(files, r, w)
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = ends[0], ends[3], ends[5]
	if err := cmd.Start(); err != nil {
		drop()
		return nil, fmt.Errorf("start /bin/sh: %w", err)
	}
	for _, f := range []*os.File{ends[0], ends[3], ends[5]} {
		_ = f.Close() // the process has its own copy
	}
	var once sync.Once
	shut := func() {
		once.Do(func() {
			for _, f := range []*os.File{ends[1], ends[2], ends[4]} {
				_ = f.Close() // stdin may be closed already
			}
		})
	}
	gone := make(chan struct{})
	forget := l.onClose(func() {
		shut()
		select {
		case <-gone:
		case <-time.After(grace):
			process.Kill(cmd)
		}
	})
	l.wg.Go(func() {
		_ = cmd.Wait() // the status comes with the output
		close(gone)
		forget()
	})
	return &Process{Stdin: ends[1], Stdout: ends[2], Stderr: ends[4], Close: shut}, nil
}

// Session fails: there is no SSH server in between.
func (l *local) Session(context.Context) (*gossh.Session, error) {
	return nil, errors.New("this machine is not reached by SSH")
}

// OpenSSH returns false: there is no SSH server in between.
func (l *local) OpenSSH() bool { return false }

// Dial connects to an address.
func (l *local) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, network, address)
}

// Lend makes a the agent until end is called.
func (l *local) Lend(ctx context.Context, a Agent, host string) (end func()) {
	return l.lenders.lend(ctx, a, host).end
}

// AgentSocket listens in a folder that no other user can enter.
func (l *local) AgentSocket(context.Context) (string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.socket != nil {
		return l.socket.Addr().String(), nil
	}
	dir, err := os.MkdirTemp("", "runbook-agent-")
	if err != nil {
		return "", err
	}
	socket, err := net.Listen("unix", filepath.Join(dir, "agent"))
	if err != nil {
		return "", errors.Join(err, os.RemoveAll(dir))
	}
	l.socket = socket
	l.wg.Go(func() {
		for {
			conn, err := socket.Accept()
			if err != nil {
				return
			}
			if lent := l.lenders.current(); lent != nil {
				l.wg.Go(func() { lent.serve(conn) })
				continue
			}
			_ = conn.Close() // no agent is lent
		}
	})
	return socket.Addr().String(), nil
}
