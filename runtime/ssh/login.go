package ssh

import (
	"context"
	"fmt"
	"net"
	"time"

	gossh "golang.org/x/crypto/ssh"

	"runbook/runtime/event"
	"runbook/runtime/inventory"
	"runbook/runtime/ssh/greeting"
	"runbook/runtime/ssh/proxy"
)

// server is a host to connect to.
type server struct {
	dialer *Dialer
	target Target
}

// login connects, verifies the host's key and authenticates.
func (s *server) login(ctx context.Context) (handshake, error) {
	keys, err := s.hostKeys()
	if err != nil {
		return handshake{}, err
	}
	hostKeyAlgorithms, err := keys.algorithms()
	if err != nil {
		return handshake{}, err
	}
	limit := newDeadline(ctx, s.dialer.opts.ConnectTimeout)
	defer limit.stop()
	auth := &authentication{server: s, limit: limit}
	defer auth.close()
	config := &gossh.ClientConfig{
		User:              s.target.User,
		HostKeyCallback:   keys.check,
		HostKeyAlgorithms: hostKeyAlgorithms,
		AuthCallback:      auth.next,
		BannerCallback:    auth.addBanner,
		Config:            algorithms(s.target.Security),
	}
	h, err := s.handshake(limit, keys.address, config)
	if err == nil && !limit.release() {
		_ = h.conn.Close() // the deadline has closed it already
		err = context.DeadlineExceeded
	}
	switch {
	case err == nil:
		s.dialer.showBanner(ctx, address(s.target), auth.banner)
		return h, nil
	case ctx.Err() != nil:
		return handshake{}, context.Cause(ctx)
	case keys.refused != nil:
		return handshake{}, keys.refused
	case auth.failed != nil:
		return handshake{}, auth.failed
	case h.proxy != nil && !h.spoke:
		return handshake{}, s.proxyError(h, limit, err)
	case h.dropped:
		return handshake{}, droppedError(address(s.target))
	case limit.passed() || !h.dialed:
		return handshake{}, s.connectError(ctx, limit, err)
	case auth.begun:
		return handshake{}, auth.refused(err)
	}
	return handshake{}, s.connectError(ctx, limit,
		&ConnectError{Address: address(s.target), Cause: NoHandshake, Err: err})
}

// handshake is the outcome of an attempt to speak SSH.
type handshake struct {
	conn     gossh.Conn
	channels <-chan gossh.NewChannel
	requests <-chan *gossh.Request
	dialed   bool        // there was a connection
	dropped  bool        // the server closed it before it spoke, and did so until the deadline
	proxy    *proxy.Conn // or nil
	spoke    bool        // it said that it speaks SSH
	said     string      // what it said before that
}

// A server that dropped a connection is tried again after a wait that doubles each time, with
// jitter: others were dropped with us.
const (
	firstWait   = 100 * time.Millisecond
	longestWait = 2 * time.Second
)

// handshake connects and speaks SSH. It retries while the server drops connections.
func (s *server) handshake(limit *deadline, name string, config *gossh.ClientConfig) (h handshake, err error) {
	for wait := firstWait; ; wait *= 2 {
		conn, err := s.dialTarget(limit)
		if err != nil {
			return handshake{}, err
		}
		limit.closes(conn)
		g := greeting.Watch(conn)
		h.dialed = true
		h.proxy, _ = conn.(*proxy.Conn)
		if h.conn, h.channels, h.requests, err = gossh.NewClientConn(g, name, config); err == nil {
			return h, nil
		}
		_ = conn.Close() // the other side may have closed it
		h.said, h.spoke = g.Heard()
		h.dropped = g.Dropped() && !limit.passed()
		if !h.dropped || !limit.sleep(min(wait, longestWait)) {
			return h, err
		}
	}
}

// dialTarget opens the connection: by TCP, through the jump host, or by the proxy command.
func (s *server) dialTarget(limit *deadline) (net.Conn, error) {
	at := address(s.target)
	switch {
	case s.target.Proxy != nil:
		c, err := proxy.Dial(*s.target.Proxy, at)
		if err != nil {
			return nil, s.proxyError(handshake{}, limit, err)
		}
		return c, nil
	case s.target.Via == nil:
		var d net.Dialer
		network := map[string]string{"": "tcp", "inet": "tcp4", "inet6": "tcp6"}[s.target.AddressFamily]
		return d.DialContext(limit.ctx, network, at)
	}
	b := s.dialer.bastion(*s.target.Via)
	limit.pause() // the jump host has a deadline of its own
	through, err := b.connect(limit.ctx)
	limit.resume()
	if err != nil {
		return nil, &viaError{b.target.Name, err}
	}
	conn, err := through.Dial(limit.ctx, "tcp", at)
	if err != nil && limit.ctx.Err() == nil {
		err = fmt.Errorf("%s can't be reached through %s: %w", at, b.target.Name, err)
		return nil, &ConnectError{Address: at, Cause: NoTunnel, Err: err}
	}
	return conn, err
}

// algorithms returns the key exchanges, ciphers and MACs to offer. If ssh_config does not restrict
// them, these are all that x/crypto calls safe, in its order: mlkem768x25519 first, so that
// recorded traffic cannot be decrypted by a future quantum computer, and AES-GCM first, which
// processors have instructions for.
func algorithms(allowed inventory.Security) gossh.Config {
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

// droppedError is the error of a server that dropped every connection until the deadline.
func droppedError(at string) error {
	err := fmt.Errorf("%s closes every new connection before it says that it speaks SSH", at)
	return event.WithHint(&ConnectError{Address: at, Cause: NoHandshake, Err: err},
		"too many logins under way for its MaxStartups? a firewall or a ban on this machine does the same; "+
			"--connect-timeout sets how long it is tried")
}
