// Package agent signs logins at git servers for programs on the hosts.
//
// Its one rule: a key signs a login of a stated user at a stated server, proved by that server's own host key, and
// nothing else. Forwarder is the agent inside runbook, whose keys never leave this machine; OnHost is the older
// way, OpenSSH's ssh-agent on the host itself.
package agent

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"

	gossh "golang.org/x/crypto/ssh"

	"runbook/runtime/event"
	"runbook/runtime/ssh"
)

// ForwarderOptions say what a Forwarder signs.
type ForwarderOptions struct {
	Keys    []Key
	To      []Destination // with their HostKeys
	Unbound bool          // sign for clients, too, that don't say which server they talk to (OpenSSH before 8.9)
	// Signatures is how many logins each host gets signed, so that a host that was broken into can't use the key at
	// will while a clone runs. Three when 0.
	Signatures int
}

// defaultSignatures is enough for a mirror that has to be made anew: its fetch fails, the server is asked whether it
// answers, and the fetch is done again.
const defaultSignatures = 3

// Forwarder is an agent that is forwarded to hosts. It is an ssh.Agent. Each connection to it keeps a binding of its own.
type Forwarder struct {
	opts ForwarderOptions

	mu       sync.Mutex
	closed   bool
	open     map[io.Closer]struct{}
	serving  sync.WaitGroup
	refusals []refusal
	refused  map[string]*refusedCount // by host
	signed   map[string]int           // logins signed, by host
}

// refusedCount counts what a host was refused.
type refusedCount struct {
	n   int
	ctx context.Context // of the last one, to tell of them in
}

// mostRefusals is how many refusals a host has told one by one. The others are told in one sum.
const mostRefusals = 20

// refusal is why a request was refused, and what to do about it.
type refusal struct{ host, reason, hint string }

// ErrClosed is what Serve returns once the scope of a Forwarder has ended.
var ErrClosed = errors.New("the forwarded agent has ended")

// NewForwarder returns a Forwarder. Close it when its scope ends.
func NewForwarder(opts ForwarderOptions) *Forwarder {
	if opts.Signatures == 0 {
		opts.Signatures = defaultSignatures
	}
	return &Forwarder{opts: opts, open: map[io.Closer]struct{}{}, signed: map[string]int{}, refused: map[string]*refusedCount{}}
}

// maxOpen is how many connections are served at once: a git client makes one.
const maxOpen = 64

// Serve answers one connection from host until it ends, ctx does, or f is closed, and closes it. Every signature
// is a KeyUsed event, and every refusal a KeyRefused one, as far as they are no more than mostRefusals a host.
func (f *Forwarder) Serve(ctx context.Context, host string, conn io.ReadWriteCloser) error {
	if err := f.begin(conn); err != nil {
		return errors.Join(err, conn.Close())
	}
	defer f.end(conn)
	// Reads know no context: closing is what ends them.
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
		return fmt.Errorf("more than %d connections to the forwarded agent", maxOpen)
	}
	f.open[conn] = struct{}{}
	f.serving.Add(1)
	return nil
}

func (f *Forwarder) end(conn io.Closer) {
	f.mu.Lock()
	delete(f.open, conn)
	f.mu.Unlock()
	_ = conn.Close() // it is over either way
	f.serving.Done()
}

func (f *Forwarder) isClosed() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.closed
}

// Close ends the scope: open connections are closed, and when it returns nothing signs any more. Refusals that were not told yet are then.
func (f *Forwarder) Close() {
	f.mu.Lock()
	f.closed = true
	for conn := range f.open {
		_ = conn.Close() // the other end may have closed it first
	}
	f.mu.Unlock()
	f.serving.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, host := range slices.Sorted(maps.Keys(f.refused)) {
		if count := f.refused[host]; count.n > mostRefusals {
			event.Emit(count.ctx, event.Event{Kind: event.KeyRefused, Host: host, Text: fmt.Sprintf("%d more requests", count.n-mostRefusals),
				Hint: "find out what on " + host + " asked the agent so often"})
		}
	}
	f.refused = map[string]*refusedCount{}
}

// spend counts a signature for host, or returns false when there have been as many as it gets.
func (f *Forwarder) spend(host string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.signed[host] >= f.opts.Signatures {
		return false
	}
	f.signed[host]++
	return true
}

// keepRefusal keeps a refusal for Explain, and says whether it is to be told by itself.
func (f *Forwarder) keepRefusal(ctx context.Context, r refusal) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !slices.Contains(f.refusals, r) && len(f.refusals) < 16 {
		f.refusals = append(f.refusals, r)
	}
	count := f.refused[r.host]
	if count == nil {
		count = &refusedCount{}
		f.refused[r.host] = count
	}
	count.n++
	count.ctx = ctx
	return count.n <= mostRefusals
}

// Explain returns err with what f refused meanwhile, because a git client says no more than "agent refused
// operation". Refusals on other hosts than the one that ctx is about are left out.
func (f *Forwarder) Explain(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	var reasons []string
	hint := event.Hint(err)
	for _, r := range f.refusals {
		if about := event.Host(ctx); about != "" && about != r.host {
			continue
		}
		reasons = append(reasons, r.reason)
		if r.hint != "" {
			hint = r.hint
		}
	}
	if len(reasons) == 0 {
		return err
	}
	err = fmt.Errorf("%w (the forwarded agent refused: %s)", err, strings.Join(reasons, "; "))
	if hint != "" {
		err = event.WithHint(err, hint)
	}
	return err
}

// channel is one connection to the agent.
type channel struct {
	f     *Forwarder
	ctx   context.Context
	host  string
	bound *binding
	to    []Destination // those that bound's host key belongs to
	spoil *refusal      // why nothing is signed on this connection any more
}

func (c *channel) answer(message []byte) []byte {
	body := cursor{rest: message[1:]}
	switch message[0] {
	case agentRequestIdentities:
		if body.done() == nil {
			return c.list()
		}
	case agentExtension:
		if name := body.string(); !body.bad && name == "session-bind@openssh.com" {
			return c.bind(body.rest)
		}
		// "query" and others: not supported, which needs no event.
		return []byte{agentFailure}
	case agentSignRequest:
		return c.sign(&body)
	}
	c.refuse(refusal{reason: fmt.Sprintf("a request of kind %d: this agent only lists and signs", message[0])})
	return []byte{agentFailure}
}

// comment is what clients are shown of each key: the file's path is this machine's own business.
const comment = "runbook"

func (c *channel) list() []byte {
	answer := binary.BigEndian.AppendUint32([]byte{agentIdentitiesAnswer}, uint32(len(c.f.opts.Keys)))
	for _, k := range c.f.opts.Keys {
		answer = appendString(appendString(answer, k.Public().Marshal()), []byte(comment))
	}
	return answer
}

func (c *channel) bind(contents []byte) []byte {
	b, err := parseBinding(contents)
	if err != nil {
		return c.spoiled(refusal{reason: "binding to a server: " + err.Error()})
	}
	if b.forwarding {
		return c.spoiled(refusal{reason: "the host wanted to forward the agent to another server",
			hint: "take ForwardAgent out of the ssh_config on " + c.host})
	}
	if c.bound != nil && !(bytes.Equal(c.bound.session, b.session) && bytes.Equal(c.bound.hostKey.Marshal(), b.hostKey.Marshal())) {
		return c.spoiled(refusal{reason: "one connection was bound to two servers"})
	}
	to, err := c.f.known(b.hostKey)
	if len(to) == 0 {
		return c.spoiled(refusal{reason: err.Error()})
	}
	c.bound, c.to = &b, to
	return []byte{agentSuccess}
}

// known are the destinations that a host key belongs to. When there are none the error says why.
func (f *Forwarder) known(hostKey gossh.PublicKey) ([]Destination, error) {
	var to []Destination
	why := fmt.Errorf("a server with the host key %s, which is not one of %s", gossh.FingerprintSHA256(ssh.PlainKey(hostKey)), names(f.opts.To))
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

func (c *channel) sign(body *cursor) []byte {
	blob, data, flags := body.bytes(), body.bytes(), body.uint32()
	if body.done() != nil {
		return c.refuse(refusal{reason: errMalformed.Error()})
	}
	i := slices.IndexFunc(c.f.opts.Keys, func(k Key) bool { return bytes.Equal(k.Public().Marshal(), blob) })
	if i < 0 {
		return c.refuse(refusal{reason: "signing with a key that the recipe did not name"})
	}
	key := c.f.opts.Keys[i]
	algorithm, d, no := c.allow(key, data, flags)
	if no != nil {
		return c.refuse(*no)
	}
	if !c.f.spend(c.host) {
		return c.refuse(refusal{reason: fmt.Sprintf("more than %d logins at %s", c.f.opts.Signatures, d.Address()),
			hint: "one clone needs no more; if this does, raise signatures in agent.forward, else find out what on " + c.host + " asked for them"})
	}
	sig, err := key.signer.SignWithAlgorithm(rand.Reader, data, algorithm)
	if err != nil {
		return c.refuse(refusal{reason: err.Error()})
	}
	if c.f.isClosed() {
		return []byte{agentFailure}
	}
	event.Emit(c.ctx, event.Event{Kind: event.KeyUsed, Host: c.host,
		Text: gossh.FingerprintSHA256(key.Public()) + " for " + d.String()})
	signature := appendString(appendString(nil, []byte(sig.Format)), sig.Blob)
	return appendString([]byte{agentSignResponse}, signature)
}

func (c *channel) spoiled(r refusal) []byte {
	c.spoil = &r
	return c.refuse(r)
}

// refuse makes a refusal known and returns what the client is told.
func (c *channel) refuse(r refusal) []byte {
	r.host = c.host
	if c.f.keepRefusal(c.ctx, r) {
		event.Emit(c.ctx, event.Event{Kind: event.KeyRefused, Host: c.host, Text: r.reason, Hint: r.hint})
	}
	return []byte{agentFailure}
}

func names(to []Destination) string {
	var all []string
	for _, d := range to {
		all = append(all, d.Address())
	}
	return strings.Join(all, ", ")
}
