package journal

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"runbook/runtime/event"
)

// record writes the journal of a run and returns its summary.
func record(t *testing.T, events ...event.Event) Run {
	t.Helper()
	dir := t.TempDir()
	sink, err := Create(dir, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	stream := event.NewStream(sink)
	for _, e := range events {
		event.Emit(event.WithStream(context.Background(), stream), e)
	}
	if err := stream.Close(); err != nil {
		t.Fatal(err)
	}
	runs, err := List(dir)
	if err != nil || len(runs) != 1 {
		t.Fatal(runs, err)
	}
	return runs[0]
}

func TestAbout(t *testing.T) {
	code := 0
	begun := event.Event{Kind: event.RunBegun, Text: "r.lua", Order: []string{"b", "a"}}
	ended := event.Event{Kind: event.RunEnded, Code: &code, Args: map[string]any{"a": "1", "b": "2"}}
	for name, tt := range map[string]struct {
		events []event.Event
		want   []Fact
	}{
		"in the recipe's order": {[]event.Event{begun, ended}, []Fact{{"b", "2"}, {"a", "1"}}},
		"killed": {[]event.Event{begun,
			{Kind: event.Resumable, Text: "again", Args: map[string]any{"a": "1", "tag": "x"}}}, []Fact{{"a", "1"}}},
		"from before there was an order": {[]event.Event{{Kind: event.RunBegun, Text: "r.lua"}, ended},
			[]Fact{{"a", "1"}, {"b", "2"}}},
		"nothing": {[]event.Event{begun, {Kind: event.RunEnded, Code: &code}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			r := record(t, tt.events...)
			if !slices.Equal(r.About, tt.want) {
				t.Errorf("got %q, want %q", r.About, tt.want)
			}
		})
	}
}

func TestFactsAreFieldsInJSON(t *testing.T) {
	r := Run{ID: "20260105-120000", About: []Fact{{"release", "r1"}, {"id", "taken"}}}
	text, err := json.Marshal(r)
	if err != nil || !strings.Contains(string(text), `"release":"r1"`) ||
		!strings.Contains(string(text), `"id":"20260105-120000"`) {
		t.Errorf("%s %v", text, err)
	}
}

// Typical returns the median of the last five successful runs of a recipe on the same hosts.
func TestTypical(t *testing.T) {
	dir, ok, failed := t.TempDir(), 0, 1
	at := time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC)
	write := func(seconds float64, code *int, dry bool, recipe string, hosts ...string) {
		t.Helper()
		at = at.Add(time.Hour)
		sink, err := Create(dir, at)
		if err != nil {
			t.Fatal(err)
		}
		sink.Event(event.Event{Kind: event.RunBegun, Time: at, Text: recipe, Hosts: hosts, DryRun: dry})
		sink.Event(event.Event{Kind: event.RunEnded, Time: at, Code: code, Seconds: seconds})
		if err := sink.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for _, seconds := range []float64{900, 30, 50, 10, 40, 20} {
		write(seconds, &ok, false, "r.lua", "web2", "web1")
	}
	write(1000, &failed, false, "r.lua", "web1", "web2")
	write(1000, &ok, true, "r.lua", "web1", "web2")
	write(1000, &ok, false, "other.lua", "web1", "web2")
	write(1000, &ok, false, "r.lua", "web1")
	if seconds, runs := Typical(dir, "r.lua", []string{"web1", "web2"}); seconds != 30 || runs != 5 {
		t.Errorf("%v s of %d runs, want 30 of 5", seconds, runs)
	}
	if seconds, runs := Typical(dir, "r.lua", []string{"web3"}); seconds != 0 || runs != 0 {
		t.Errorf("%v s of %d runs without one", seconds, runs)
	}
}
