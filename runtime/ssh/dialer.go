package ssh

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"runbook/runtime/event"
	"runbook/runtime/inventory"
	"runbook/runtime/ssh/known"
)

// Target describes how to reach a host.
type Target = inventory.Host

// Options apply to all connections of a Dialer. The zero value is usable.
type Options struct {
	// ConnectTimeout limits reaching a host and logging in, not counting the time that a person
	// takes to answer; 10 s if 0.
	ConnectTimeout time.Duration
	// KeepAlive is the time between two keepalive requests; 15 s if 0. ssh_config overrides it.
	KeepAlive time.Duration
	// Prompt asks the person at the terminal. Secret answers are not echoed. nil if there is no
	// terminal.
	Prompt func(ctx context.Context, question string, secret bool) (string, error)
	// Getenv reads the environment (HOME, SSH_AUTH_SOCK); os.Getenv if nil.
	Getenv func(name string) string
}

// Dialer connects to hosts. It holds what their connections share: jump hosts, unlocked keys and
// the terminal. It is safe for concurrent use.
type Dialer struct {
	opts        Options
	stream      *event.Stream // hides the passwords that are asked for
	passphrases Passphrases
	known       known.Files
	prompting   Mutex // one question at a time

	mu       sync.Mutex
	bastions []*bastion // in the order of their creation: the outer end of a chain comes first
	banners  map[string]bool
}

// NewDialer returns a Dialer without connections. The caller closes it. The passwords that it asks
// for become secrets of stream.
func NewDialer(stream *event.Stream, opts Options) *Dialer {
	if opts.ConnectTimeout <= 0 {
		opts.ConnectTimeout = 10 * time.Second
	}
	if opts.KeepAlive <= 0 {
		opts.KeepAlive = 15 * time.Second
	}
	if opts.Getenv == nil {
		opts.Getenv = os.Getenv
	}
	return &Dialer{opts: opts, stream: stream, prompting: NewMutex(), banners: map[string]bool{}}
}

// Dial connects to a host, verifies its key and logs in. It fails with *ConnectError,
// *UnknownKeyError, *ChangedKeyError, *RevokedKeyError, *LoginError or the cause of ctx.
func (d *Dialer) Dial(ctx context.Context, t Target) (Conn, error) {
	r, err := d.dial(ctx, t)
	if err != nil {
		return nil, err // a nil *remote would not be a nil Conn
	}
	return r, nil
}

func (d *Dialer) dial(ctx context.Context, t Target) (*remote, error) {
	began := time.Now()
	h, err := (&server{d, t}).login(ctx)
	if err != nil {
		return nil, err
	}
	seconds := time.Since(began).Seconds()
	event.Emit(ctx, event.Event{Kind: event.Connected, Text: t.User + "@" + address(t), Seconds: seconds})
	return newRemote(h, d.KeepAlive(t)), nil
}

// showBanner shows what a server printed before the login, such as a maintenance notice. Text that
// many servers share, such as a legal notice, is shown once.
func (d *Dialer) showBanner(ctx context.Context, from string, lines []string) {
	text := strings.Join(lines, " ")
	d.mu.Lock()
	shown := text == "" || d.banners[text]
	if !shown {
		d.banners[text] = true
	}
	d.mu.Unlock()
	if !shown {
		event.Emit(ctx, event.Event{Kind: event.Info, Text: "banner of " + from + ": " + text})
	}
}

// address returns host:port.
func address(t Target) string {
	port := t.Port
	if port == 0 {
		port = 22
	}
	return net.JoinHostPort(t.Address, strconv.Itoa(port))
}

// KeepAlive configures how each side of a connection detects that the other one is gone.
type KeepAlive struct {
	Every  time.Duration // the time between two signs of life; 0 or less sends none
	Misses int           // how many may stay unanswered
}

// KeepAlive returns the settings of ssh_config for t. The default is 3 requests, one every 15 s.
func (d *Dialer) KeepAlive(t Target) KeepAlive {
	k := KeepAlive{Every: d.opts.KeepAlive, Misses: 3}
	if t.AliveInterval != 0 {
		k.Every = t.AliveInterval
	}
	if t.AliveCount != 0 {
		k.Misses = t.AliveCount
	}
	return k
}

// Patience returns how long this side waits for an answer.
func (k KeepAlive) Patience() time.Duration { return time.Duration(k.Misses) * k.Every }

// Silence returns the number of seconds without a sign of life after which the host gives up on
// this side; 0 for never. This side gives up the connection earlier, so that no two runs work at
// the same time.
func (k KeepAlive) Silence() int64 {
	if k.Every <= 0 {
		return 0
	}
	return max(5, int64(math.Ceil((k.Patience() + 2*k.Every).Seconds())))
}

// ErrNoTerminal is the error of a question that nobody can answer.
var ErrNoTerminal = errors.New("there is no terminal to ask on")

// Ask asks the person at the terminal, one question at a time.
func (d *Dialer) Ask(ctx context.Context, question string, secret bool) (string, error) {
	if d.opts.Prompt == nil {
		return "", ErrNoTerminal
	}
	if err := d.prompting.Lock(ctx); err != nil {
		return "", err
	}
	defer d.prompting.Unlock()
	return d.opts.Prompt(ctx, question, secret)
}

// ErrClosed is the error of a connection that is requested after Close.
var ErrClosed = errors.New("the run is over: its connections are closed")

// Close closes the connections to jump hosts. The connections through them must be closed before.
func (d *Dialer) Close() error {
	d.mu.Lock()
	bastions := d.bastions
	d.bastions = nil
	d.mu.Unlock()
	var errs []error
	for _, b := range slices.Backward(bastions) {
		errs = append(errs, b.close())
	}
	return errors.Join(errs...)
}

// bastion is a jump host. All hosts behind it share its connection.
type bastion struct {
	dialer *Dialer
	target Target

	busy   Mutex // guards the fields below
	conn   *remote
	closed bool
}

// bastion returns the jump host t: the same one for all hosts behind it.
func (d *Dialer) bastion(t Target) *bastion {
	if t.Via != nil {
		d.bastion(*t.Via) // created first, closed last
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, b := range d.bastions {
		if route(b.target) == route(t) {
			return b
		}
	}
	b := &bastion{dialer: d, target: t, busy: NewMutex()}
	d.bastions = append(d.bastions, b)
	return b
}

// route identifies how a host is reached. Targets with the same route share a connection.
func route(t Target) string {
	s := t.User + "@" + address(t)
	if t.Via != nil {
		s += " through " + route(*t.Via)
	}
	if t.Proxy != nil {
		s += fmt.Sprintf(" through %q", t.Proxy.Argv)
	}
	return s
}

// connect returns the connection to the jump host. If it was lost, connect dials again.
func (b *bastion) connect(ctx context.Context) (*remote, error) {
	if err := b.busy.Lock(ctx); err != nil {
		return nil, err
	}
	defer b.busy.Unlock()
	if b.closed {
		return nil, ErrClosed
	}
	if b.conn != nil {
		select {
		case <-b.conn.Done():
			event.Emit(ctx, event.Event{Kind: event.Disconnected, Error: b.conn.Lost().Error()})
			err := b.conn.Close()
			b.conn = nil
			if err != nil {
				return nil, err
			}
		default:
			return b.conn, nil
		}
	}
	conn, err := b.dialer.dial(ctx, b.target)
	if err != nil {
		return nil, err
	}
	b.conn = conn
	return conn, nil
}

func (b *bastion) close() error {
	b.busy.LockAnyway()
	defer b.busy.Unlock()
	b.closed = true
	if b.conn == nil {
		return nil
	}
	return b.conn.Close()
}
