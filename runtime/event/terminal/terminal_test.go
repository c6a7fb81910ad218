package terminal_test

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"runbook/runtime/event"
	"runbook/runtime/event/terminal"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// story is a run with events of most kinds.
func story(failed bool) []event.Event {
	one, zero := 1, 0
	build := []string{"prepare", "build the virtualenv"}
	events := []event.Event{
		{Kind: event.RunBegun, Text: "recipes/release.lua", Order: []string{"release", "revision", "previous"}},
		{Kind: event.Warning, Text: "--processes 3 is overruled by the vars of web2 (4)"},
		{Kind: event.Connected, Host: "web1", Text: "deploy@192.0.2.11:22", Seconds: 0.2},
		{Kind: event.Connected, Host: "production2", Text: "deploy@192.0.2.12:22", Seconds: 0.3},
		{Kind: event.HostBegun, Host: "web1"},
		{Kind: event.LockTaken, Host: "web1", Text: "/srv/app/.runbook.lock"},
		{Kind: event.CommandBegun, Host: "web1", Text: "uptime"},
		{Kind: event.CommandEnded, Host: "web1", Text: "uptime", Code: &zero},
		{Kind: event.StepBegun, Host: "web1", Step: build[:1]},
		{Kind: event.StepBegun, Host: "web1", Step: build},
		{Kind: event.CommandBegun, Host: "web1", Step: build, Text: "pip install -r requirements.txt"},
		{Kind: event.Output, Host: "web1", Step: build, Stream: "stdout", Text: "Collecting \x1b[2Jflask\r\nDone\n"},
		{Kind: event.CommandEnded, Host: "web1", Step: build, Code: &one, Seconds: 61.2},
		{Kind: event.Changed, Host: "web1", Step: build, Text: "wrote /srv/app/x"},
		{Kind: event.KeyUsed, Host: "web1", Step: build, Text: "SHA256:abc for git@192.0.2.1"},
		{Kind: event.KeyRefused, Host: "web1", Step: build, Text: "no destination was bound"},
		{Kind: event.WouldChange, Host: "web1", Step: build, Text: "host:run(\"touch x\")"},
		{Kind: event.Info, Host: "web1", Text: "two\nlines"},
		{Kind: event.LockWaiting, Host: "web1", Text: "ann from laptop since 2026-01-02T03:04:05Z"},
		{Kind: event.Printed, Host: "web1", Text: "a line of the recipe's"},
		{Kind: event.Table, Header: []string{"release", "größe"}, Rows: [][]string{{"20260102", ""}, {"x", "12"}}},
	}
	if failed {
		return append(events,
			event.Event{Kind: event.StepEnded, Host: "web1", Step: build, Seconds: 61.2, Error: "exit status 1"},
			event.Event{Kind: event.StepEnded, Host: "web1", Step: build[:1], Seconds: 187, Error: "exit status 1"},
			event.Event{Kind: event.HostEnded, Host: "web1", Error: "pip install: exit status 1"},
			event.Event{Kind: event.Skipped, Host: "web1", Text: "defer of recipes/release.lua:9"},
			event.Event{Kind: event.Disconnected, Host: "production2", Error: "the server went away"},
			event.Event{Kind: event.Result, Host: "web1", State: "failed", Seconds: 187},
			event.Event{Kind: event.Result, Host: "production2", State: "not touched"},
			event.Event{Kind: event.RunEnded, Code: &one,
				Error: "web1: build the virtualenv: the command failed\n  exit status 1", Hint: "run again with -v"},
		)
	}
	return append(events,
		event.Event{Kind: event.StepEnded, Host: "web1", Step: build, Seconds: 61.2},
		event.Event{Kind: event.StepEnded, Host: "web1", Step: build[:1], Seconds: 187},
		event.Event{Kind: event.HostEnded, Host: "web1"},
		event.Event{Kind: event.Result, Host: "web1", State: "done", Seconds: 187,
			Columns: map[string]string{"zebra": "z", "previous": "r1", "release": "r2"}},
		event.Event{Kind: event.Result, Host: "production2", State: "done", Seconds: 3,
			Columns: map[string]string{"revision": "abc"}},
		event.Event{Kind: event.RunEnded, Code: &zero},
	)
}

func TestGolden(t *testing.T) {
	tests := []struct {
		name   string
		level  terminal.Level
		colour bool
		failed bool
	}{
		{"normal", terminal.Normal, false, false},
		{"verbose", terminal.Verbose, false, false},
		{"quiet", terminal.Quiet, false, false},
		{"failed", terminal.Normal, false, true},
		{"quiet-failed", terminal.Quiet, false, true},
		{"colour-failed", terminal.Normal, true, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out, errs bytes.Buffer
			sink := terminal.New(terminal.Options{Out: &out, Err: &errs, Level: tt.level, Colour: tt.colour,
				Hosts: []string{"web1", "production2"}})
			for i, e := range story(tt.failed) {
				e.Time = time.Date(2026, 1, 2, 3, 4, i, 0, time.UTC)
				sink.Event(event.CleanEvent(e)) // like a stream
			}
			if err := sink.Close(); err != nil {
				t.Fatal(err)
			}
			got := "--- stderr\n" + errs.String() + "--- stdout\n" + out.String()
			if !tt.colour && strings.Contains(got, "\x1b") {
				t.Error("an escape sequence without colour")
			}
			golden(t, filepath.Join("testdata", tt.name+".golden"), strings.ReplaceAll(got, "\x1b", "ESC"))
		})
	}
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (go test -update rewrites it); got:\n%s", path, got)
	}
}

// After a recipe's own table, the last table is omitted.
func TestNoLastTableBesideARecipesOwn(t *testing.T) {
	var out bytes.Buffer
	sink := terminal.New(terminal.Options{Out: &out, Err: &bytes.Buffer{}})
	sink.Event(event.Event{Kind: event.Table, Rows: [][]string{{"only this"}}})
	sink.Event(event.Event{Kind: event.Result, Host: "web1", State: "done"})
	sink.Event(event.Event{Kind: event.RunEnded})
	if out.String() != "only this\n" {
		t.Errorf("got %q", out.String())
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestCloseReportsAFailedWrite(t *testing.T) {
	sink := terminal.New(terminal.Options{Out: full{}, Err: full{}})
	sink.Event(event.Event{Kind: event.Printed, Text: "x"})
	if err := sink.Close(); err == nil || !strings.Contains(err.Error(), "no space left") {
		t.Errorf("want the write error, got %v", err)
	}
}
