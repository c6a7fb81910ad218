// Package proxy connects to a host through a program, whose standard input and output are the
// connection.
package proxy

import (
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"sync"
	"time"

	"runbook/runtime/inventory"
	"runbook/runtime/process"
)

// exitWait limits how long a proxy that closed the connection may take to exit.
const exitWait = time.Second

// Conn is a connection through a proxy command.
type Conn struct {
	process *process.Process
	stdin   *os.File
	stdout  *os.File
	host    string // host:port
	closing sync.Once
}

// Dial starts a proxy command.
func Dial(p inventory.Proxy, host string) (*Conn, error) {
	cmd := exec.Command(p.Argv[0], p.Argv[1:]...)
	var ends [4]*os.File
	shut := func(files ...*os.File) {
		for _, f := range files {
			_ = f.Close() // nothing is lost: it was not used, or the process has its own copy
		}
	}
	for i := 0; i < len(ends); i += 2 {
		r, w, err := os.Pipe()
		if err != nil {
			shut(ends[:i]...)
			return nil, err
		}
		ends[i], ends[i+1] = r, w
	}
	cmd.Stdin, cmd.Stdout = ends[0], ends[3]
	running, err := process.Start(cmd)
	if err != nil {
		shut(ends[:]...)
		return nil, err
	}
	shut(ends[0], ends[3])
	return &Conn{process: running, stdin: ends[1], stdout: ends[2], host: host}, nil
}

// Ended reports a proxy that exited with a failure, or printed something.
type Ended struct{ status, printed string }

func (e *Ended) Error() string {
	if e.printed == "" {
		return "the proxy command ended with " + e.status
	}
	return "the proxy command ended with " + e.status + ": " + e.printed
}

// Read reads what the host sends. At the end of a proxy that failed it returns *Ended.
func (c *Conn) Read(b []byte) (int, error) {
	n, err := c.stdout.Read(b)
	if errors.Is(err, io.EOF) {
		if ended := c.end(); ended != nil {
			return n, ended
		}
	}
	return n, err
}

// end returns *Ended if the proxy has ended in another way than by closing the connection.
func (c *Conn) end() error {
	select {
	case <-c.process.Done():
	case <-time.After(exitWait):
		return nil
	}
	status := "exit status 0"
	if failed := c.process.Err(); failed != nil {
		status = failed.Error()
	}
	if printed := c.Printed(); printed != "" || status != "exit status 0" {
		return &Ended{status, printed}
	}
	return nil
}

// Write sends to the host. If the proxy has ended, Read returns the reason: output that it wrote
// before may still be unread.
func (c *Conn) Write(b []byte) (int, error) {
	n, err := c.stdin.Write(b)
	if process.IsClosedPipe(err) {
		return len(b), nil
	}
	return n, err
}

// Close ends the proxy and waits for it.
func (c *Conn) Close() error {
	c.closing.Do(func() {
		_ = c.stdin.Close() // the proxy sees the end of its input
		c.process.End()
		_ = c.stdout.Close()
	})
	return nil
}

// address is the address of a host behind a proxy.
type address string

func (address) Network() string  { return "proxy" }
func (a address) String() string { return string(a) }

// LocalAddr returns a name: there is no address.
func (c *Conn) LocalAddr() net.Addr { return address("localhost:0") }

// RemoteAddr returns the host's address, which the proxy connects to in its own way.
func (c *Conn) RemoteAddr() net.Addr { return address(c.host) }

// SetDeadline sets both deadlines.
func (c *Conn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// SetReadDeadline sets the deadline of Read.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.stdout.SetReadDeadline(t) }

// SetWriteDeadline sets the deadline of Write.
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.stdin.SetWriteDeadline(t) }

// Printed returns the last lines that the proxy has printed to standard error, as one.
func (c *Conn) Printed() string { return c.process.Printed() }
