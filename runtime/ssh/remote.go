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

// remote is a link over SSH.
type remote struct {
	client *gossh.Client
	ended  chan struct{}
	agents agentChannels
	wg     sync.WaitGroup

	mu     sync.Mutex
	reason error
}

// newRemote takes over an authenticated connection.
func newRemote(client *gossh.Client, p pulse) *remote {
	r := &remote{client: client, ended: make(chan struct{})}
	offered := client.HandleChannelOpen("auth-agent@openssh.com")
	r.wg.Go(func() { r.agents.accept(offered) })
	r.wg.Go(func() {
		err := client.Wait()
		r.because(err)
		close(r.ended)
	})
	if p.every > 0 {
		r.wg.Go(func() { r.keepAlive(p) })
	}
	return r
}

// keepAlive notices a peer that has gone without a word: a network that swallows packets says nothing.
func (r *remote) keepAlive(p pulse) {
	tick := time.NewTicker(p.every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-r.ended:
			return
		}
		answer := make(chan error, 1)
		r.wg.Go(func() {
			_, _, err := r.client.SendRequest("keepalive@openssh.com", true, nil)
			answer <- err
		})
		limit := time.NewTimer(p.patience())
		select {
		case <-answer: // refusing is an answer too
			limit.Stop()
		case <-limit.C:
			r.because(fmt.Errorf("no answer for %v", p.patience()))
			r.abandon()
			return
		case <-r.ended:
			limit.Stop()
			return
		}
	}
}

// because keeps the first reason.
func (r *remote) because(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.reason == nil {
		r.reason = err
	}
}

func (r *remote) done() <-chan struct{} { return r.ended }

func (r *remote) lost() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.reason == nil || errors.Is(r.reason, io.EOF) {
		return errors.New("the other side closed the connection")
	}
	return r.reason
}

// abandon closes the TCP connection. What Close returns says only that it was closed before.
func (r *remote) abandon() { _ = r.client.Close() }

func (r *remote) close() error {
	r.because(errors.New("closed"))
	r.abandon()
	r.wg.Wait()
	return nil
}

func (r *remote) session(ctx context.Context) (*gossh.Session, error) {
	s, err := cancellable(ctx, r.client.NewSession, closeSession)
	var refused *gossh.OpenChannelError
	if errors.As(err, &refused) {
		err = event.WithHint(fmt.Errorf("the server refused one more session: %s", refused.Message),
			"MaxSessions in its sshd_config must be 4 or more")
	}
	return s, err
}

// closeSession closes s. An error means that it was closed already, by whichever side.
func closeSession(s *gossh.Session) { _ = s.Close() }

func (r *remote) start(ctx context.Context, line string) (*process, error) {
	s, err := r.session(ctx)
	if err != nil {
		return nil, err
	}
	p, err := cancellable(ctx, func() (*process, error) {
		p, err := plumb(s)
		if err != nil {
			return nil, err
		}
		return p, s.Start(line)
	}, func(*process) {})
	if err != nil {
		closeSession(s)
		return nil, err
	}
	return p, nil
}

// plumb connects the three streams of a session.
func plumb(s *gossh.Session) (*process, error) {
	p := &process{close: func() { closeSession(s) }}
	var errs [3]error
	p.stdin, errs[0] = s.StdinPipe()
	p.stdout, errs[1] = s.StdoutPipe()
	p.stderr, errs[2] = s.StderrPipe()
	return p, errors.Join(errs[:]...)
}

func (r *remote) sftp(ctx context.Context) (*pipe, error) {
	s, err := r.session(ctx)
	if err != nil {
		return nil, err
	}
	p, err := cancellable(ctx, func() (*pipe, error) {
		p, err := plumb(s)
		if err != nil {
			return nil, err
		}
		if err := s.RequestSubsystem("sftp"); err != nil {
			return nil, event.WithHint(fmt.Errorf("the server offers no sftp: %w", err),
				`its sshd_config needs the line "Subsystem sftp internal-sftp"`)
		}
		// What the server says beside the protocol must be read, or it would stop for it.
		r.wg.Go(func() { _, _ = io.Copy(io.Discard, p.stderr) })
		return &pipe{p.stdout, p.stdin, p.close}, nil
	}, func(*pipe) {})
	if err != nil {
		closeSession(s)
		return nil, err
	}
	return p, nil
}

func (r *remote) dial(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := r.client.DialContext(ctx, network, address)
	var refused *gossh.OpenChannelError
	switch {
	case errors.As(err, &refused) && refused.Reason == gossh.Prohibited:
		return nil, event.WithHint(&forbiddenError{address},
			"its sshd_config must have AllowTcpForwarding yes or local, and no PermitOpen that leaves this address out")
	case errors.As(err, &refused):
		return nil, fmt.Errorf("connect to %s from the host: %s", address, strings.ToLower(refused.Message))
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	}
	return c, err
}
