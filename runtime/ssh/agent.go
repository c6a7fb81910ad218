package ssh

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	gossh "golang.org/x/crypto/ssh"
	"golang.org/x/sync/errgroup"

	"runbook/runtime/event"
)

// Agent answers like an ssh-agent. Serve speaks the agent protocol on conn until the other side
// ends it or ctx ends. The caller closes conn after that. host names where the connection comes
// from.
type Agent interface {
	Serve(ctx context.Context, host string, conn io.ReadWriteCloser) error
}

// agentChannel is the type of the channels that a host opens to the agent.
const agentChannel = "auth-agent@openssh.com"

// agentForwarding connects programs on a host with the agent that is lent to it.
type agentForwarding struct {
	lenders  lenders
	channels errgroup.Group // those that are served; no function returns an error

	mu     sync.Mutex
	asked  bool // OpenSSH refuses a second request on a connection
	path   string
	failed error
}

// maxAgentChannels limits the connections to the agent that a host may have. On each, x/crypto lets the
// host send 2 MiB that nobody has read. A git client opens one.
const maxAgentChannels = 16

// accept connects an offered channel with the agent that is lent, or refuses it.
func (a *agentForwarding) accept(offered gossh.NewChannel) {
	l := a.lenders.current()
	switch {
	case offered.ChannelType() != agentChannel:
		_ = offered.Reject(gossh.UnknownChannelType, "only an agent is forwarded") // if it fails the connection is gone
	case l == nil:
		_ = offered.Reject(gossh.Prohibited, "no agent is forwarded")
	case !a.channels.TryGo(func() error { l.accept(offered); return nil }):
		_ = offered.Reject(gossh.ResourceShortage, "too many connections to the agent")
	}
}

// accept serves a channel until both sides have closed it.
func (l *lending) accept(o gossh.NewChannel) {
	channel, requests, err := o.Accept()
	if err != nil {
		return // the connection is gone
	}
	var served sync.WaitGroup
	served.Go(func() { l.serve(channel) })
	gossh.DiscardRequests(requests)
	served.Wait()
}

// Lend forwards a to the host until end is called.
func (r *remote) Lend(ctx context.Context, a Agent, host string) (end func()) {
	return r.agents.lenders.lend(ctx, a, host).end
}

// AgentSocket asks the server for a socket, in a session of its own that prints the path. The
// socket exists as long as the connection, so one request is enough.
func (r *remote) AgentSocket(ctx context.Context) (string, error) {
	a := &r.agents
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.asked {
		return a.path, a.failed
	}
	path, err := r.requestAgent(ctx)
	var full *SessionError
	if ctx.Err() != nil || errors.As(err, &full) { // nothing was asked
		return "", err
	}
	if err != nil {
		err = event.WithHint(err, "its sshd_config must have AllowAgentForwarding yes; or use --agent host")
	}
	a.asked, a.path, a.failed = true, path, err
	return path, err
}

func (r *remote) requestAgent(ctx context.Context) (string, error) {
	s, err := r.Session(ctx)
	if err != nil {
		return "", err
	}
	defer closeSession(s)
	return Await(ctx, func() (string, error) {
		ok, err := s.SendRequest("auth-agent-req@openssh.com", true, nil)
		if err != nil {
			return "", fmt.Errorf("ask for agent forwarding: %w", err)
		}
		if !ok {
			return "", errors.New("the server forbids agent forwarding")
		}
		// The start-up files of the login shell may print too, so the path is printed between
		// marks.
		mark := "=" + rand.Text() + "="
		stdout, err := s.StdoutPipe()
		if err == nil {
			err = s.Start("exec /bin/sh -c 'echo " + mark + "$SSH_AUTH_SOCK" + mark + "'")
		}
		path := ""
		if err == nil {
			path, err = readBetween(stdout, mark)
		}
		switch {
		case err != nil:
			return "", fmt.Errorf("ask for the agent's socket: %w", err)
		case path == "":
			return "", errors.New("the server agreed to forward the agent, but made no socket")
		}
		return path, nil
	}, func(string) {})
}

// readBetween returns what r has between two marks.
func readBetween(r io.Reader, mark string) (string, error) {
	const most = 64 << 10
	var said []byte
	buf := make([]byte, 4<<10)
	for {
		n, err := r.Read(buf)
		said = append(said, buf[:n]...)
		if parts := strings.SplitN(string(said), mark, 3); len(parts) == 3 {
			return parts[1], nil
		}
		if err != nil {
			return "", err
		}
		if len(said) > most {
			return "", &TooLongError{What: "the output of the login", Most: most}
		}
	}
}

// lenders are the agents that running commands use, the newest last.
type lenders struct {
	mu   sync.Mutex
	list []*lending
}

func (l *lenders) current() *lending {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.list) == 0 {
		return nil
	}
	return l.list[len(l.list)-1]
}

// lend makes a the agent of the host until the lending ends.
func (l *lenders) lend(ctx context.Context, a Agent, host string) *lending {
	ctx, cancel := context.WithCancel(ctx)
	n := &lending{ctx: ctx, cancel: cancel, agent: a, host: host, from: l, open: map[io.ReadWriteCloser]struct{}{}}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, n)
	return n
}

func (l *lenders) drop(n *lending) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = slices.DeleteFunc(l.list, func(o *lending) bool { return o == n })
}

// lending is one command's use of an agent.
type lending struct {
	ctx    context.Context
	cancel context.CancelFunc
	agent  Agent
	host   string
	from   *lenders
	warned sync.Once // a host may cause any number of failures

	mu   sync.Mutex
	over bool
	open map[io.ReadWriteCloser]struct{}
	wg   sync.WaitGroup
}

// serve lets the agent answer on conn and closes it.
func (l *lending) serve(conn io.ReadWriteCloser) {
	defer func() { _ = conn.Close() }() // it may be closed already
	if !l.begin(conn) {
		return
	}
	defer l.wg.Done()
	if err := l.agent.Serve(l.ctx, l.host, conn); err != nil && l.ctx.Err() == nil && !errors.Is(err, io.EOF) {
		l.warned.Do(func() { event.Emit(l.ctx, event.Event{Kind: event.Warning, Text: "agent: " + err.Error()}) })
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.open, conn)
}

func (l *lending) begin(conn io.ReadWriteCloser) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over {
		return false
	}
	l.open[conn] = struct{}{}
	l.wg.Add(1)
	return true
}

// end closes the open connections and waits until the agent serves none.
func (l *lending) end() {
	l.from.drop(l)
	l.cancel()
	l.mu.Lock()
	l.over = true
	for conn := range l.open {
		_ = conn.Close()
	}
	l.mu.Unlock()
	l.wg.Wait()
}
