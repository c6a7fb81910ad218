// Package relay makes a connection of a process on a host that relays one.
package relay

import (
	"io"
	"net"
	"sync"
	"time"

	"runbook/runtime/ssh"
	"runbook/runtime/ssh/shell/frame"
)

// Conn is a connection that a program on the host relays.
type Conn struct {
	*ssh.Process
	out     *frame.Scanner
	address string
	drained sync.WaitGroup
}

// New returns the connection to address that p relays. out reads the output of p. The caller closes
// the connection.
func New(p *ssh.Process, out *frame.Scanner, address string) *Conn {
	c := &Conn{Process: p, out: out, address: address}
	c.drained.Go(func() { _, _ = io.Copy(io.Discard, p.Stderr) }) // an unread stderr would block the server
	return c
}

func (r *Conn) Read(b []byte) (int, error) { return r.out.Read(b) }

func (r *Conn) Write(b []byte) (int, error) { return r.Stdin.Write(b) }

// Close ends the session, and with it the program on the host.
func (r *Conn) Close() error {
	r.Process.Close()
	r.drained.Wait()
	return nil
}

func (r *Conn) LocalAddr() net.Addr              { return addr("runbook") }
func (r *Conn) RemoteAddr() net.Addr             { return addr(r.address) }
func (r *Conn) SetDeadline(time.Time) error      { return nil }
func (r *Conn) SetReadDeadline(time.Time) error  { return nil }
func (r *Conn) SetWriteDeadline(time.Time) error { return nil }

type addr string

func (a addr) Network() string { return "tcp" }
func (a addr) String() string  { return string(a) }
