package ssh

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	gossh "golang.org/x/crypto/ssh"

	"runbook/runtime/event"
	"runbook/runtime/inventory"
)

// Cause says what was in the way of a connection.
type Cause string

// The causes.
const (
	NameUnknown Cause = "name unknown" // the address has no IP address
	Refused     Cause = "refused"      // nothing listens there
	TimedOut    Cause = "timed out"    // no answer within the limit
	Unreachable Cause = "unreachable"  // the network says that there is no way
	NoHandshake Cause = "no handshake" // something answers, but the two sides don't agree on SSH
	NoTunnel    Cause = "no tunnel"    // the bastion doesn't let this through
)

// ConnectError is a host that could not be reached. What is wrong with its key or the login has errors of its own.
type ConnectError struct {
	Address string // host:port
	Cause   Cause
	Err     error
}

func (e *ConnectError) Error() string { return e.Err.Error() }

func (e *ConnectError) Unwrap() error { return e.Err }

// login connects, verifies the host's key and logs in.
func (h *Host) login(ctx context.Context) (*gossh.Client, error) {
	keys, err := h.hostKeys()
	if err != nil {
		return nil, err
	}
	hostKeyAlgorithms, err := keys.algorithms()
	if err != nil {
		return nil, err
	}
	limit := newLimit(ctx, h.pool.opts.ConnectTimeout)
	defer limit.stop()
	auth := &authentication{host: h, limit: limit}
	defer auth.close()
	config := &gossh.ClientConfig{
		User:              h.target.User,
		HostKeyCallback:   keys.check,
		HostKeyAlgorithms: hostKeyAlgorithms,
		AuthCallback:      auth.next,
		Config:            transport(h.target.Security),
	}
	var opened *opening
	var c gossh.Conn
	var channels <-chan gossh.NewChannel
	var requests <-chan *gossh.Request
	var drops bool
	for wait := firstWait; ; wait *= 2 {
		if opened, err = h.openTarget(limit); err != nil {
			return nil, h.noConnection(ctx, limit, err)
		}
		c, channels, requests, err = gossh.NewClientConn(opened, keys.address, config)
		drops = err != nil && opened.dropped() && !limit.over()
		if !drops || !limit.sleep(min(wait, longestWait)) {
			break
		}
		_ = opened.Close() // the server has done so
	}
	if err != nil {
		_ = opened.Close() // it may be closed already
		switch {
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case keys.refused != nil:
			return nil, keys.refused
		case auth.failed != nil:
			return nil, auth.failed
		case drops:
			return nil, opened.refused(address(h.target))
		case limit.over():
			return nil, h.noConnection(ctx, limit, err)
		case auth.begun:
			return nil, auth.refused(err)
		}
		return nil, h.noConnection(ctx, limit, &ConnectError{Address: address(h.target), Cause: NoHandshake, Err: err})
	}
	if !limit.release() {
		_ = c.Close() // the limit has done so
		return nil, h.noConnection(ctx, limit, context.DeadlineExceeded)
	}
	return gossh.NewClient(c, channels, requests), nil
}

// transport is how the connection is secured. Where ssh_config doesn't say, it is all that x/crypto calls safe, in its order:
// mlkem768x25519 first for the keys, so that what is recorded today can't be read one day, and AES-GCM first for the data, for
// which processors have instructions.
func transport(allowed inventory.Security) gossh.Config {
	safe := gossh.SupportedAlgorithms()
	c := gossh.Config{KeyExchanges: safe.KeyExchanges, Ciphers: safe.Ciphers, MACs: safe.MACs}
	for _, list := range []struct {
		allowed inventory.Algorithms
		into    *[]string
	}{{allowed.KeyExchanges, &c.KeyExchanges}, {allowed.Ciphers, &c.Ciphers}, {allowed.MACs, &c.MACs}} {
		if len(list.allowed.Names) > 0 {
			*list.into = list.allowed.Names
		}
	}
	return c
}

// restriction names the directive of ssh_config because of which err may have come: the two sides had no algorithm in common.
func restriction(err error, allowed inventory.Security) string {
	var none *gossh.AlgorithmNegotiationError
	if !errors.As(err, &none) {
		return ""
	}
	for what, list := range map[string]inventory.Algorithms{"key exchange": allowed.KeyExchanges, "host key": allowed.HostKeys, "cipher": allowed.Ciphers, "MAC": allowed.MACs} {
		if strings.HasSuffix(none.What, what) {
			return list.From
		}
	}
	return ""
}

// dialTarget opens the connection, through the bastion if there is one.
func (h *Host) dialTarget(l *limit) (net.Conn, error) {
	if h.target.Via == nil {
		var d net.Dialer
		return d.DialContext(l.ctx, "tcp", address(h.target))
	}
	b := h.pool.bastion(*h.target.Via)
	l.pause() // the bastion's own limit counts
	c, err := b.connection(l.ctx)
	l.resume()
	if err != nil {
		return nil, &viaError{b.Name(), err}
	}
	conn, err := c.link.dial(l.ctx, "tcp", address(h.target))
	if err != nil && l.ctx.Err() == nil {
		return nil, &ConnectError{Address: address(h.target), Cause: NoTunnel,
			Err: event.WithHint(fmt.Errorf("%s can't be reached through %s: %w", address(h.target), b.Name(), err), event.Hint(err))}
	}
	return conn, err
}

// viaError is what is wrong with a bastion.
type viaError struct {
	bastion string
	err     error
}

func (e *viaError) Error() string { return "bastion " + e.bastion + ": " + e.err.Error() }
func (e *viaError) Unwrap() error { return e.err }

// noConnection puts into words why the host was not reached.
func (h *Host) noConnection(ctx context.Context, l *limit, err error) error {
	at := address(h.target)
	var via *viaError
	var name *net.DNSError
	var known *ConnectError
	fail := func(cause Cause, hint, format string, args ...any) error {
		return event.WithHint(&ConnectError{Address: at, Cause: cause, Err: fmt.Errorf(format, args...)}, hint)
	}
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &via):
		return err
	case l.over(), errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded), errors.Is(err, syscall.ETIMEDOUT):
		return fail(TimedOut, "is the machine up, and does a firewall let this machine through? --connect-timeout sets the limit",
			"no answer from %s within %v", at, l.length)
	case errors.As(err, &name):
		return fail(NameUnknown, "check the address in the hosts file", "the name %s is not known (DNS)", h.target.Address)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fail(Refused, "is sshd running there, and on this port?", "%s refused the connection", at)
	case errors.As(err, &known):
		if from := restriction(err, h.target.Security); from != "" {
			return fail(NoHandshake, "allow one there that the host has, or set up the host's sshd_config", "no SSH connection with %s: %w (%s leaves no other)", at, known.Err, from)
		}
		if known.Cause == NoHandshake {
			return fail(NoHandshake, "is it an SSH server that answers on this port? what it logs says more", "no SSH connection with %s: %w", at, known.Err)
		}
		return err
	}
	return fail(Unreachable, "check the address and the network", "%s can't be reached: %w", at, err)
}

// limit is the time that connecting may take. It stands still while a person is asked.
type limit struct {
	ctx    context.Context
	cancel context.CancelFunc
	length time.Duration

	mu     sync.Mutex
	timer  *time.Timer
	ends   time.Time
	rest   time.Duration
	late   bool
	paused int
	conn   net.Conn
	unhook func() bool
}

func newLimit(ctx context.Context, length time.Duration) *limit {
	l := &limit{length: length, ends: time.Now().Add(length)}
	l.ctx, l.cancel = context.WithCancel(ctx)
	l.timer = time.AfterFunc(length, l.expire)
	// What knows of no context ends with its connection.
	l.unhook = context.AfterFunc(l.ctx, l.cut)
	return l
}

func (l *limit) expire() {
	l.mu.Lock()
	l.late = true
	l.mu.Unlock()
	l.cancel()
}

func (l *limit) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn != nil {
		_ = l.conn.Close() // it may be closed already
	}
}

// closing makes conn end with the limit.
func (l *limit) closing(conn net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conn = conn
	if l.ctx.Err() != nil {
		_ = conn.Close() // a moment too late
	}
}

func (l *limit) pause() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.paused++; l.paused == 1 {
		l.timer.Stop()
		l.rest = time.Until(l.ends)
	}
}

func (l *limit) resume() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.paused--; l.paused == 0 {
		l.ends = time.Now().Add(l.rest)
		l.timer.Reset(l.rest)
	}
}

func (l *limit) over() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.late
}

// release lets the connection live on, if it is not too late for that.
func (l *limit) release() bool {
	l.timer.Stop()
	return l.unhook()
}

// stop ends the limit.
func (l *limit) stop() {
	l.timer.Stop()
	l.unhook()
	l.cancel()
}
