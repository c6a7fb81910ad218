package ssh

import (
	"context"
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

func newDialer(t *testing.T, o Options) *Dialer { return newDialerTo(t, event.NewStream(), o) }

// newDialerTo returns a Dialer that learns the secrets of stream.
func newDialerTo(t *testing.T, stream *event.Stream, o Options) *Dialer {
	t.Helper()
	if o.Getenv == nil {
		o.Getenv = sshtest.Home(t)
	}
	d := NewDialer(stream, o)
	t.Cleanup(func() { must(t, d.Close()) })
	return d
}

// dial connects, and closes the connection at the end of the test.
func dial(ctx context.Context, t *testing.T, d *Dialer, target Target) error {
	t.Helper()
	conn, err := d.Dial(ctx, target)
	if err == nil {
		t.Cleanup(func() { must(t, conn.Close()) })
	}
	return err
}
