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
	"sync"
	"time"

	"github.com/pkg/sftp"
)

// local is a link to this machine.
type local struct {
	ended chan struct{}

	mu      sync.Mutex
	wg      sync.WaitGroup
	closers map[*func()]struct{} // of what runs
	socket  net.Listener
	lent    lenders
	once    sync.Once
}

func newLocal() *local {
	return &local{ended: make(chan struct{}), closers: map[*func()]struct{}{}}
}

func (l *local) done() <-chan struct{} { return l.ended }
func (l *local) lost() error           { return errors.New("closed") }

// abandon does nothing: what runs here can't stop answering when its streams are closed.
func (l *local) abandon() {}

// opened keeps how to close what runs, until the returned function is called.
func (l *local) opened(closer func()) (forget func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closers[&closer] = struct{}{}
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.closers, &closer)
	}
}

func (l *local) close() error {
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

// grace is how long a process that was told to end may take before it is killed.
const grace = 5 * time.Second

// start runs line by /bin/sh in a process group of its own, as sshd does: so it can be ended as a whole, and an
// interrupt at the terminal doesn't reach it behind our back.
func (l *local) start(ctx context.Context, line string) (*process, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	cmd := exec.Command("/bin/sh", "-c", line)
	ownGroup(cmd)
	var files []io.Closer
	drop := func() {
		for _, f := range files {
			_ = f.Close() // whichever side came first
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
		_ = f.Close() // the process has its own
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
	forget := l.opened(func() {
		shut()
		select {
		case <-gone:
		case <-time.After(grace):
			killGroup(cmd)
		}
	})
	l.wg.Go(func() {
		_ = cmd.Wait() // how a command ended is read from its output
		close(gone)
		forget()
	})
	return &process{stdin: ends[1], stdout: ends[2], stderr: ends[4], close: shut}, nil
}

func (l *local) sftp(context.Context) (*pipe, error) {
	here, there := net.Pipe()
	server, err := sftp.NewServer(there)
	if err != nil {
		return nil, err
	}
	shut := func() { _ = here.Close() }
	forget := l.opened(shut)
	l.wg.Go(func() {
		_ = server.Serve() // it ends with the pipe
		_ = server.Close()
		forget()
	})
	return &pipe{here, here, shut}, nil
}

func (l *local) dial(ctx context.Context, network, address string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, network, address)
}

func (l *local) lenders() *lenders { return &l.lent }

// agentSocket listens in a folder that nobody else can enter.
func (l *local) agentSocket(context.Context) (string, error) {
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
			if lent := l.lent.current(); lent != nil {
				l.wg.Go(func() { lent.serve(conn) })
				continue
			}
			_ = conn.Close() // nobody is there
		}
	})
	return socket.Addr().String(), nil
}
