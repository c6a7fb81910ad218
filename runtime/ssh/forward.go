package ssh

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	gossh "golang.org/x/crypto/ssh"

	"runbook/runtime/event"
)

// Agent answers on behalf of an ssh-agent. Serve speaks the agent protocol on conn until it ends, or ctx does; the
// caller closes conn then. host is the name of the host that the connection comes from.
type Agent interface {
	Serve(ctx context.Context, host string, conn io.ReadWriteCloser) error
}

type agentKey struct{}

// WithAgent returns a context under which commands, on any host, find a as their ssh-agent. a is reached only while such a
// command runs: what it leaves behind finds nobody there.
func WithAgent(ctx context.Context, a Agent) context.Context {
	return context.WithValue(ctx, agentKey{}, a)
}

func agentOf(ctx context.Context) Agent {
	a, _ := ctx.Value(agentKey{}).(Agent)
	return a
}

// agentChannels are the connections that programs on a host make to the agent here.
type agentChannels struct {
	lent lenders

	mu     sync.Mutex
	asked  bool // OpenSSH refuses to be asked twice on a connection
	path   string
	failed error
}

// mostAgentChannels is how many of these connections a host may have: each may take 2 MiB, which x/crypto lets the host send unasked. A git
// client makes one.
const mostAgentChannels = 16

// accept hands offered channels to the agent that is lent, or refuses them.
func (a *agentChannels) accept(offered <-chan gossh.NewChannel) {
	var wg sync.WaitGroup
	defer wg.Wait()
	free := make(chan struct{}, mostAgentChannels)
	for o := range offered {
		l := a.lent.current()
		if l == nil {
			_ = o.Reject(gossh.Prohibited, "no agent is forwarded") // an error means that the connection is gone
			continue
		}
		select {
		case free <- struct{}{}:
		default:
			_ = o.Reject(gossh.ResourceShortage, "too many connections to the agent")
			continue
		}
		ch, requests, err := o.Accept()
		if err != nil {
			<-free
			continue
		}
		wg.Go(func() {
			gossh.DiscardRequests(requests) // until both sides have closed it
			<-free
		})
		wg.Go(func() { l.serve(ch) })
	}
}

func (r *remote) lenders() *lenders { return &r.agents.lent }

// agentSocket asks the server once for a socket, on a session of its own that prints its path. The socket
// lives as long as the connection.
func (r *remote) agentSocket(ctx context.Context) (string, error) {
	a := &r.agents
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.asked {
		return a.path, a.failed
	}
	path, err := r.requestAgent(ctx)
	if ctx.Err() != nil {
		return "", err
	}
	if err != nil {
		err = event.WithHint(err, "its sshd_config must have AllowAgentForwarding yes; or use --agent host")
	}
	a.asked, a.path, a.failed = true, path, err
	return path, err
}

func (r *remote) requestAgent(ctx context.Context) (string, error) {
	s, err := r.session(ctx)
	if err != nil {
		return "", err
	}
	defer closeSession(s)
	return cancellable(ctx, func() (string, error) {
		ok, err := s.SendRequest("auth-agent-req@openssh.com", true, nil)
		if err != nil {
			return "", fmt.Errorf("ask for agent forwarding: %w", err)
		}
		if !ok {
			return "", errors.New("the server forbids agent forwarding")
		}
		// The start-up files of the log-in shell may print too, so the path stands between marks.
		mark := newMark()
		stdout, err := s.StdoutPipe()
		if err == nil {
			err = s.Start("exec /bin/sh -c 'echo " + mark + "$SSH_AUTH_SOCK" + mark + "'")
		}
		out, said, path := newScanner(stdout), noise("what the log-in prints before a command"), limitedText{what: "the path of the agent's socket", most: longestWord}
		for _, take := range []func([]byte) error{said.take, path.take} {
			if err == nil {
				_, err = out.until(take, mark)
			}
		}
		switch {
		case err != nil:
			return "", fmt.Errorf("ask for the agent's socket: %w", err)
		case path.text() == "":
			return "", errors.New("the server agreed to forward the agent, but made no socket")
		}
		return path.text(), nil
	}, func(string) {})
}

// lenders are the agents that commands running at present use, the newest last.
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

// lend makes a the agent of the host until the returned lending is ended.
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
	warned sync.Once // a host may fail as often as it likes

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

// end closes what is still open and waits until the agent has let go.
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
