// Package agent signs logins at git servers for programs on the hosts.
//
// Its one rule: a key signs only a login of a named user at a named server, which that server's
// host key proves. Forwarder is the agent inside runbook; its keys never leave this machine. OnHost
// runs OpenSSH's ssh-agent on the host itself.
package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	gossh "golang.org/x/crypto/ssh"

	"runbook/runtime/ssh"
)

// ForwarderOptions restricts what a Forwarder signs.
type ForwarderOptions struct {
	Keys    []Key
	To      []Destination // with their HostKeys
	Unbound bool          // also sign for clients that do not name the server they talk to (OpenSSH before 8.9)
	// Signatures limits the logins signed for each host, so that an intruder on a host cannot use
	// the key at will while a clone runs. 0 means defaultSignatures.
	Signatures int
}

// defaultSignatures is enough to rebuild a broken mirror: the fetch that fails, the check whether
// the server answers, and the second fetch.
const defaultSignatures = 3

// Forwarder is an agent that is forwarded to hosts. It is an ssh.Agent. Each connection to it has
// its own binding.
type Forwarder struct {
	opts    ForwarderOptions
	serving sync.WaitGroup

	mu       sync.Mutex
	closed   bool
	open     map[io.Closer]struct{}
	refusals []refusal                // distinct ones, for Explain
	refused  map[string]*refusedCount // by host
	signed   map[string]int           // logins signed, by host
}

// ErrClosed is the error of Serve after Close.
var ErrClosed = errors.New("the forwarded agent has ended")

// NewForwarder returns a Forwarder. Close it when its scope ends.
func NewForwarder(opts ForwarderOptions) *Forwarder {
	if opts.Signatures == 0 {
		opts.Signatures = defaultSignatures
	}
	return &Forwarder{opts: opts, open: map[io.Closer]struct{}{}, signed: map[string]int{},
		refused: map[string]*refusedCount{}}
}

// maxOpen limits the connections served at the same time. A git client opens one.
const maxOpen = 64

// Serve answers the requests on one connection from host, until it ends, ctx ends or f is closed.
// Then it closes the connection. Every signature becomes a KeyUsed event, and every refusal a
// KeyRefused event, up to maxRefusals per host.
func (f *Forwarder) Serve(ctx context.Context, host string, conn io.ReadWriteCloser) error {
	if err := f.begin(conn); err != nil {
		return errors.Join(err, conn.Close())
	}
	defer f.end(conn)
	// A read has no context; closing the connection ends it.
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	ch := &channel{f: f, ctx: ctx, host: host}
	for {
		message, err := readMessage(conn)
		if err == nil {
			err = writeMessage(conn, ch.answer(message))
		}
		switch {
		case err == nil:
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case f.isClosed():
			return ErrClosed
		case errors.Is(err, io.EOF):
			return nil
		default:
			return err
		}
	}
}

func (f *Forwarder) begin(conn io.Closer) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return ErrClosed
	}
	if len(f.open) >= maxOpen {
		return fmt.Errorf("too many connections to the forwarded agent (limit %d)", maxOpen)
	}
	f.open[conn] = struct{}{}
	f.serving.Add(1)
	return nil
}

func (f *Forwarder) end(conn io.Closer) {
	f.mu.Lock()
	delete(f.open, conn)
	f.mu.Unlock()
	_ = conn.Close() // possibly closed already
	f.serving.Done()
}

func (f *Forwarder) isClosed() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.closed
}

// Close closes all connections. When it returns, nothing is signed any more. It reports the
// refusals beyond maxRefusals.
func (f *Forwarder) Close() {
	f.mu.Lock()
	f.closed = true
	for conn := range f.open {
		_ = conn.Close() // the other end may have closed it first
	}
	f.mu.Unlock()
	f.serving.Wait()
	f.reportRefusals()
}

// spend counts a signature for host. It returns false if the host has used up its signatures.
func (f *Forwarder) spend(host string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.signed[host] >= f.opts.Signatures {
		return false
	}
	f.signed[host]++
	return true
}

// destinations returns the destinations with this host key. If there are none, the error says why.
func (f *Forwarder) destinations(hostKey gossh.PublicKey) ([]Destination, error) {
	var to []Destination
	why := fmt.Errorf("a server with the host key %s, which does not belong to %s",
		gossh.FingerprintSHA256(ssh.PlainKey(hostKey)), names(f.opts.To))
	for _, d := range f.opts.To {
		switch err := d.HostKeys.Check(d.Host, hostKey); {
		case err == nil:
			to = append(to, d)
		case !errors.Is(err, ssh.ErrNotKnown):
			why = err
		}
	}
	return to, why
}

func names(to []Destination) string {
	var all []string
	for _, d := range to {
		all = append(all, d.Address())
	}
	return strings.Join(all, ", ")
}
