package transfer

import (
	"testing"

	"go.uber.org/goleak"

	"runbook/runtime/event"
	"runbook/runtime/internal/sshtest"
	"runbook/runtime/ssh/shell"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newPool(t testing.TB, o shell.Options) *shell.Pool {
	t.Helper()
	if o.Getenv == nil {
		o.Getenv = sshtest.Home(t)
	}
	p := shell.NewPool(event.NewStream(), o)
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return p
}

// hosts returns this machine, reached directly and over SSH. Both must behave the same.
func hosts(t *testing.T) map[string]*shell.Host {
	p := newPool(t, shell.Options{})
	return map[string]*shell.Host{"localhost": p.Localhost(), "sshd": p.Host(sshtest.Start(t).Target(t))}
}

func onEach(t *testing.T, fn func(t *testing.T, h *shell.Host)) {
	t.Helper()
	for name, h := range hosts(t) {
		t.Run(name, func(t *testing.T) { fn(t, h) })
	}
}

// plenty is a limit that no download here reaches.
const plenty = 4 << 30
