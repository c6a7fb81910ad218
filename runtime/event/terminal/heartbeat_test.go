package terminal_test

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"runbook/runtime/event"
	"runbook/runtime/event/terminal"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var errs bytes.Buffer
		sink := terminal.New(terminal.Options{Out: &bytes.Buffer{}, Err: &errs, Heartbeat: 30 * time.Second})
		outer, inner := []string{"prepare"}, []string{"prepare", "make the virtualenv"}
		sink.Event(event.Event{Kind: event.StepBegun, Time: time.Now(), Host: "web1", Step: outer})
		sink.Event(event.Event{Kind: event.StepBegun, Time: time.Now(), Host: "web1", Step: inner})
		time.Sleep(70 * time.Second) // fake time
		synctest.Wait()
		sink.Event(event.Event{Kind: event.StepEnded, Time: time.Now(), Host: "web1", Step: inner, Seconds: 70})
		time.Sleep(20 * time.Second) // less than the heartbeat since the last line
		synctest.Wait()
		sink.Event(event.Event{Kind: event.StepEnded, Time: time.Now(), Host: "web1", Step: outer, Seconds: 90})
		time.Sleep(time.Hour)
		synctest.Wait()
		if err := sink.Close(); err != nil {
			t.Fatal(err)
		}
		want := `web1 | 2000-01-01T00:00:00Z prepare
web1 | 2000-01-01T00:00:00Z prepare > make the virtualenv
web1 | 2000-01-01T00:00:30Z prepare > make the virtualenv: still running, 30.0 s
web1 | 2000-01-01T00:01:00Z prepare > make the virtualenv: still running, 1m00s
web1 | 2000-01-01T00:01:10Z prepare > make the virtualenv: done, 1m10s
web1 | 2000-01-01T00:01:30Z prepare: done, 1m30s
`
		if errs.String() != want {
			t.Errorf("got:\n%s", errs.String())
		}
	})
}
