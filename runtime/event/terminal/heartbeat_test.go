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
		sink.Event(event.Event{Kind: event.StepBegun, Host: "web1", Step: outer})
		sink.Event(event.Event{Kind: event.StepBegun, Host: "web1", Step: inner})
		time.Sleep(70 * time.Second) // the bubble's time, which costs none
		synctest.Wait()
		sink.Event(event.Event{Kind: event.StepEnded, Host: "web1", Step: inner, Seconds: 70})
		time.Sleep(20 * time.Second) // less than the heartbeat since the last line
		synctest.Wait()
		sink.Event(event.Event{Kind: event.StepEnded, Host: "web1", Step: outer, Seconds: 90})
		time.Sleep(time.Hour)
		synctest.Wait()
		if err := sink.Close(); err != nil {
			t.Fatal(err)
		}
		want := `web1 | prepare
web1 |   make the virtualenv
web1 |   make the virtualenv: still running, 30.0 s
web1 |   make the virtualenv: still running, 1m00s
web1 |   make the virtualenv: done, 1m10s
web1 | prepare: done, 1m30s
`
		if errs.String() != want {
			t.Errorf("got:\n%s", errs.String())
		}
	})
}
