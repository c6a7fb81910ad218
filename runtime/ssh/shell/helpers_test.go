package shell

import (
	"testing"

	"runbook/runtime/event"
	"runbook/runtime/internal/sshtest"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newPool(t *testing.T, o Options) *Pool { return newPoolTo(t, event.NewStream(), o) }

// newPoolTo returns a pool that learns the secrets of stream.
func newPoolTo(t *testing.T, stream *event.Stream, o Options) *Pool {
	t.Helper()
	if o.Getenv == nil {
		o.Getenv = sshtest.Home(t)
	}
	o.Operator, o.Locks = "ada from desk", func() bool { return !o.OneCommand }
	p := NewPool(stream, o)
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return p
}

// hosts returns this machine, reached directly and over SSH. Both must behave the same.
func hosts(t *testing.T) map[string]*Host {
	p := newPool(t, Options{})
	return map[string]*Host{"localhost": p.Localhost(), "sshd": p.Host(sshtest.Start(t).Target(t))}
}

func onEach(t *testing.T, fn func(t *testing.T, h *Host)) {
	t.Helper()
	for name, h := range hosts(t) {
		t.Run(name, func(t *testing.T) { fn(t, h) })
	}
}

func run(t *testing.T, h *Host, c Command) Result {
	t.Helper()
	r, err := h.Run(t.Context(), c)
	if err != nil {
		t.Fatalf("%+v: %v", c, err)
	}
	return r
}
