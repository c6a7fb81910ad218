package shell

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	gossh "golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"runbook/runtime/event"
	"runbook/runtime/internal/sshtest"
)

// testAgent holds one key.
type testAgent struct {
	ring   agent.Agent
	served atomic.Int32
	ended  atomic.Int32
}

func newTestAgent(t *testing.T) *testAgent {
	t.Helper()
	path := filepath.Join(t.TempDir(), "deploy")
	sshtest.NewKey(t, path)
	pem, err := os.ReadFile(path)
	must(t, err)
	key, err := gossh.ParseRawPrivateKey(pem)
	must(t, err)
	a := &testAgent{ring: agent.NewKeyring()}
	must(t, a.ring.Add(agent.AddedKey{PrivateKey: key, Comment: "deploy"}))
	return a
}

func (a *testAgent) Serve(_ context.Context, _ string, conn io.ReadWriteCloser) error {
	a.served.Add(1)
	defer a.ended.Add(1)
	return agent.ServeAgent(a.ring, conn)
}

func TestAgentForwarding(t *testing.T) {
	onEach(t, func(t *testing.T, h *Host) {
		a := newTestAgent(t)
		ctx := WithAgent(t.Context(), a)
		path := ""
		for _, c := range []Command{{Script: "ssh-add -l; echo $SSH_AUTH_SOCK"},
			{Script: "ssh-add -l; echo $SSH_AUTH_SOCK", Stdin: new("")}} {
			r, err := h.Run(ctx, c)
			if err != nil || !strings.Contains(r.Stdout, "SHA256:") {
				t.Fatalf("%v: %q %q", err, r.Stdout, r.Stderr)
			}
			lines := strings.Fields(r.Stdout)
			path = lines[len(lines)-1]
		}
		// Outside of the scope the socket exists, and nobody answers.
		r, err := h.Run(t.Context(), Command{Script: "echo ${SSH_AUTH_SOCK-none}; SSH_AUTH_SOCK=" + path +
			" ssh-add -l", AnyStatus: true})
		must(t, err)
		if r.OK || strings.Contains(r.Stdout, "SHA256:") {
			t.Errorf("outside: %d %q %q", r.Code, r.Stdout, r.Stderr)
		}
		// A process that a command leaves behind loses its connection to the agent.
		before := a.served.Load()
		fifo := filepath.Join(t.TempDir(), "fifo")
		_, err = h.Run(ctx, Command{Script: "python3 -c 'import socket,sys,os; s=socket.socket(socket.AF_UNIX); " +
			"s.connect(os.environ[\"SSH_AUTH_SOCK\"]); s.send(b\"\\0\\0\\0\\1\\13\"); s.recv(4); " +
			"open(\"" + fifo + "\",\"w\").close(); s.recv(100000); s.recv(100000)' >/dev/null 2>&1 & " +
			"while ! [ -e " + fifo + " ]; do sleep 0.1; done", Timeout: 20e9})
		must(t, err)
		if a.served.Load() != before+1 || a.ended.Load() != a.served.Load() {
			t.Errorf("served %d, of which %d ended", a.served.Load(), a.ended.Load())
		}
	})
}

func TestAgentForwardingForbidden(t *testing.T) {
	s := sshtest.Start(t, "AllowAgentForwarding no")
	h := newPool(t, Options{}).Host(s.Target(t))
	for range 2 {
		_, err := h.Run(WithAgent(t.Context(), newTestAgent(t)), Command{Script: "true"})
		if err == nil || !strings.Contains(event.Hint(err), "--agent host") {
			t.Errorf("%v, hint %q", err, event.Hint(err))
		}
	}
	run(t, h, Command{Script: "true"})
}

func TestWithEnv(t *testing.T) {
	p := newPool(t, Options{})
	h, other := p.Localhost(), p.Localhost()
	outer := WithEnv(t.Context(), h, map[string]string{"A": "1", "B": "1"})
	ctx := WithEnv(WithEnv(outer, other, map[string]string{"A": "4"}), h, map[string]string{"B": "2", "C": "2"})
	for _, c := range []struct {
		ctx  context.Context
		host *Host
		want string
	}{{ctx, h, ".123\n"}, {ctx, other, ".43\n"}, {outer, h, ".113\n"}, {outer, other, ".3\n"}} {
		r, err := c.host.Run(c.ctx, Command{Script: "echo .$A$B$C", Env: map[string]string{"C": "3"}})
		if err != nil || r.Stdout != c.want {
			t.Errorf("got %q, %v; want %q", r.Stdout, err, c.want)
		}
	}
}
