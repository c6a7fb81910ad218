package terminal_test

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"runbook/runtime/event"
	"runbook/runtime/event/terminal"
)

// The hosts' output is shown in their order, aligned, as soon as the hosts before have ended.
func TestOutputs(t *testing.T) {
	var both bytes.Buffer
	view := terminal.NewOutputs(terminal.Options{Out: &both, Err: &both, Hosts: []string{"web1", "db", "web10"}})
	said := func(want string) {
		t.Helper()
		if both.String() != want {
			t.Errorf("got:\n%swant:\n%s", both.String(), want)
		}
		both.Reset()
	}
	out := func(host, stream, text string) {
		view.Event(event.Event{Kind: event.Output, Host: host, Stream: stream, Text: text})
	}
	ended := func(host string) { view.Event(event.Event{Kind: event.HostEnded, Host: host, State: "done"}) }
	view.Event(event.Event{Kind: event.RunBegun, Text: "exec -- ls"})
	out("web10", "stdout", "ten\n")
	out("db", "stdout", "one\ntwo\n")
	out("db", "stderr", "three\n")
	said("")
	out("web1", "stdout", "first\n")
	said("web1  | first\n")
	ended("web10")
	said("")
	ended("web1")
	said("db    | one\ndb    | two\ndb    | three\n")
	out("db", "stdout", "four\n")
	said("db    | four\n")
	ended("db")
	said("web10 | ten\n")
	view.Event(event.Event{Kind: event.RunEnded})
	if err := view.Close(); err != nil {
		t.Fatal(err)
	}
	said("")
}

// Waiting output is shown at the end of an interrupted run, and has a limit.
func TestOutputsLeft(t *testing.T) {
	var out bytes.Buffer
	view := terminal.NewOutputs(terminal.Options{Out: &out, Err: &out, Hosts: []string{"a", "b", "c"}})
	view.Event(event.Event{Kind: event.Output, Host: "c", Stream: "stdout", Text: "late\n"})
	line := strings.Repeat("x", 1000) + "\n"
	for range 2000 {
		view.Event(event.Event{Kind: event.Output, Host: "b", Stream: "stdout", Text: line})
	}
	if n := strings.Count(out.String(), "b | "); n != 2000 {
		t.Errorf("%d lines of a host that prints much", n)
	}
	view.Event(event.Event{Kind: event.RunEnded})
	if err := view.Close(); err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(out.String(), "\nc | late\n") {
		t.Error("what waited is lost")
	}
}

// Without a screen, lines report which hosts are still running.
func TestOutputsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var errs bytes.Buffer
		view := terminal.NewOutputs(terminal.Options{Out: &bytes.Buffer{}, Err: &errs,
			Hosts: []string{"web1", "web2", "web3"}, Heartbeat: 30 * time.Second})
		emit := func(kind event.Kind, host, text string) {
			view.Event(event.Event{Kind: kind, Time: time.Now(), Host: host, Text: text})
		}
		for _, host := range []string{"web1", "web2", "web3"} {
			emit(event.HostBegun, host, "")
		}
		emit(event.Connected, "web1", "")
		emit(event.CommandBegun, "web1", "apt-get update")
		emit(event.HostEnded, "web3", "")
		time.Sleep(40 * time.Second)
		synctest.Wait()
		if err := view.Close(); err != nil {
			t.Fatal(err)
		}
		want := "web1 | 2000-01-01T00:00:30Z $ apt-get update: still running, 30.0 s\n" +
			"web2 | 2000-01-01T00:00:30Z still connecting, 30.0 s\n"
		if errs.String() != want {
			t.Errorf("got:\n%s", errs.String())
		}
	})
}
