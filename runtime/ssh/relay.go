package ssh

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"runbook/runtime/event"
)

// relayProgram connects its standard input and output to HOST PORT.
//
//go:embed relay.py
var relayProgram string

// relay connects to an address from a host whose server forbids tunnels: Python passes the bytes on, on a session of its own.
func (c *connection) relay(ctx context.Context, address string, forbidden error) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	words, err := QuoteAll([]string{"exec", "python3", "-c", relayProgram, host, port})
	if err != nil {
		return nil, err
	}
	mark := newMark()
	script := "printf '%s' '" + mark + "'; command -v python3 >/dev/null || { echo none; exit; }; " + words
	p, err := c.link.start(ctx, feedable(len(script)))
	if err != nil {
		return nil, err
	}
	var wg sync.WaitGroup
	wg.Go(func() { _, _ = io.Copy(io.Discard, p.stderr) }) // what is not read would stop the server
	conn := &relayed{process: p, out: newScanner(p.stdout), address: address, ended: &wg}
	answer, err := cancellable(ctx, func() (string, error) {
		if err := feed(p.stdin, script); err != nil {
			return "", err
		}
		said := noise("what the log-in prints before a command")
		if _, err := conn.out.until(said.take, mark); err != nil {
			return "", err
		}
		return conn.out.word()
	}, func(string) {})
	switch {
	case err != nil && !errors.Is(err, io.EOF):
	case answer == "connected":
		return conn, nil
	case answer == "none":
		err = event.WithHint(fmt.Errorf("%w, and the host has no python3 that could pass them on", forbidden), event.Hint(forbidden))
	default:
		err = fmt.Errorf("connect to %s from the host: %s", address, answer)
	}
	return nil, errors.Join(err, conn.Close())
}

// relayed is a connection that a program on the host passes on. It knows no deadlines.
type relayed struct {
	*process
	out     *scanner
	address string
	ended   *sync.WaitGroup
}

func (r *relayed) Read(b []byte) (int, error) {
	if len(r.out.pending) == 0 && r.out.err == nil {
		r.out.fill()
	}
	n := copy(b, r.out.pending)
	r.out.pending = r.out.pending[n:]
	if n == 0 {
		return 0, r.out.err
	}
	return n, nil
}

func (r *relayed) Write(b []byte) (int, error) { return r.stdin.Write(b) }

// Close ends the session, and with it the program on the host.
func (r *relayed) Close() error {
	r.close()
	r.ended.Wait()
	return nil
}

func (r *relayed) LocalAddr() net.Addr              { return relayAddr("runbook") }
func (r *relayed) RemoteAddr() net.Addr             { return relayAddr(r.address) }
func (r *relayed) SetDeadline(time.Time) error      { return nil }
func (r *relayed) SetReadDeadline(time.Time) error  { return nil }
func (r *relayed) SetWriteDeadline(time.Time) error { return nil }

type relayAddr string

func (a relayAddr) Network() string { return "tcp" }
func (a relayAddr) String() string  { return string(a) }

// forbiddenError is the refusal of a server that connects to nothing for its clients.
type forbiddenError struct{ address string }

func (e *forbiddenError) Error() string {
	return "the server forbids tunnels, so " + e.address + " can't be reached through it"
}
