package ssh

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	gossh "golang.org/x/crypto/ssh"

	"runbook/runtime/event"
)

// remote is a connection over SSH.
type remote struct {
	client *gossh.Client
	ended  chan struct{}
	agents agentForwarding
	wg     sync.WaitGroup

	mu     sync.Mutex
	reason error       // the first reason why the connection is gone
	gone   bool        // no keepalive request is sent any more
	next   *time.Timer // sends the next one
}

// newRemote takes over an authenticated connection. gossh.NewClient would start three goroutines
// for it. A run on a thousand hosts has a thousand connections, and most of them wait.
func newRemote(h handshake, k KeepAlive) *remote {
	r := &remote{client: &gossh.Client{Conn: h.conn}, ended: make(chan struct{})}
	r.agents.channels.SetLimit(maxAgentChannels)
	r.wg.Go(func() { r.serve(h.channels, h.requests) })
	if k.Every > 0 {
		r.scheduleKeepAlive(k)
	}
	return r
}

// serve answers what the host asks for, until the connection is gone.
func (r *remote) serve(channels <-chan gossh.NewChannel, requests <-chan *gossh.Request) {
	for channels != nil || requests != nil {
		select {
		case offered, ok := <-channels:
			if !ok {
				channels = nil
				continue
			}
			r.agents.accept(offered)
		case request, ok := <-requests:
			if !ok {
				requests = nil
				continue
			}
			_ = request.Reply(false,
				nil) // a refusal answers a keepalive request too; if it fails the connection is gone
		}
	}
	r.fail(r.client.Wait())
	close(r.ended)
	r.endKeepAlive()
	_ = r.agents.channels.Wait()
}

// scheduleKeepAlive schedules the next keepalive request. It uses a timer, because a waiting
// goroutine needs more memory.
func (r *remote) scheduleKeepAlive(k KeepAlive) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.gone {
		return
	}
	r.wg.Add(1)
	r.next = time.AfterFunc(k.Every, func() {
		defer r.wg.Done()
		r.keepAlive(k)
	})
}

// endKeepAlive stops the keepalive requests.
func (r *remote) endKeepAlive() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.gone = true
	if r.next != nil && r.next.Stop() {
		r.wg.Done()
	}
}

// keepAlive cuts the connection if the other side does not answer. A network that drops packets
// reports nothing.
func (r *remote) keepAlive(k KeepAlive) {
	answer := make(chan error, 1)
	r.wg.Go(func() {
		_, _, err := r.client.SendRequest("keepalive@openssh.com", true, nil)
		answer <- err
	})
	limit := time.NewTimer(k.Patience())
	defer limit.Stop()
	select {
	case <-answer: // a refusal is an answer too
		r.scheduleKeepAlive(k)
	case <-limit.C:
		r.fail(fmt.Errorf("no answer for %v", k.Patience()))
		r.Abandon()
	case <-r.ended:
	}
}

// fail records why the connection is gone, unless that is known.
func (r *remote) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.reason == nil {
		r.reason = err
	}
}

// Done is closed when the connection is gone.
func (r *remote) Done() <-chan struct{} { return r.ended }

// Lost returns why the connection is gone.
func (r *remote) Lost() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.reason == nil || errors.Is(r.reason, io.EOF) {
		return errors.New("the other side closed the connection")
	}
	return r.reason
}

// Abandon closes the TCP connection.
func (r *remote) Abandon() { _ = r.client.Close() } // it fails only if it was closed before

// Close ends the connection and waits until nothing of it is left here.
func (r *remote) Close() error {
	r.fail(errors.New("closed"))
	r.Abandon()
	r.wg.Wait()
	return nil
}

// Session opens a raw SSH session, which the caller closes.
func (r *remote) Session(ctx context.Context) (*gossh.Session, error) {
	s, err := Await(ctx, r.client.NewSession, closeSession)
	return s, sessionError(err)
}

// sessionError returns err, or the error of a server that refuses one more session.
func sessionError(err error) error {
	var refused *gossh.OpenChannelError
	if !errors.As(err, &refused) {
		return err
	}
	return event.WithHint(&SessionError{oneLine(refused.Message, 150)},
		"MaxSessions in its sshd_config must be 4 or more; its default is 10")
}

// closeSession closes s. It fails only if either side has closed it before.
func closeSession(s *gossh.Session) { _ = s.Close() }

// Start runs a command line in a session of its own. It does without gossh.Session, which tells the
// exit status only when the last process that holds the streams has ended.
func (r *remote) Start(ctx context.Context, line string) (*Process, error) {
	p, err := Await(ctx, func() (*Process, error) {
		ch, requests, err := r.client.OpenChannel("session", nil)
		if err != nil {
			return nil, err
		}
		return newProcess(ch, requests), nil
	}, func(p *Process) { p.Close() })
	if err != nil {
		return nil, sessionError(err)
	}
	accepted, err := Await(ctx, func() (bool, error) {
		return p.channel.SendRequest("exec", true, gossh.Marshal(struct{ Line string }{line}))
	}, func(bool) {})
	if err == nil && !accepted {
		err = errors.New("the server refuses to run a command")
	}
	if err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// OpenSSH reports whether the server says that it is OpenSSH.
func (r *remote) OpenSSH() bool {
	return strings.HasPrefix(string(r.client.ServerVersion()), "SSH-2.0-OpenSSH")
}

// Dial connects to an address as seen from the host.
func (r *remote) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := r.client.DialContext(ctx, network, address)
	var refused *gossh.OpenChannelError
	switch {
	case errors.As(err, &refused) && refused.Reason == gossh.Prohibited:
		return nil, event.WithHint(&ForbiddenError{address},
			"its sshd_config must have AllowTcpForwarding yes or local, and no PermitOpen that excludes this address")
	case errors.As(err, &refused):
		return nil, fmt.Errorf("connect to %s from the host: %s", address, strings.ToLower(refused.Message))
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	}
	return c, err
}
