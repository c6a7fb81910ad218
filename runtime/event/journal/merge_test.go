package journal_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"runbook/runtime/event"
	"runbook/runtime/event/journal"
)

// at returns an event some seconds after the begin of a run.
func at(seconds int, e event.Event) event.Event {
	e.Time = time.Date(2026, 1, 5, 12, 0, seconds, 0, time.UTC)
	return e
}

// ended returns the last event of a run.
func ended(seconds, code int, e event.Event) event.Event {
	e.Kind, e.Code, e.Seconds = event.RunEnded, &code, float64(seconds)
	return at(seconds, e)
}

// shardOf returns a run on hosts, which begins later and does a step on each host.
func shardOf(later int, hosts ...string) []event.Event {
	events := []event.Event{at(later, event.Event{Kind: event.RunBegun, Text: "recipes/release.lua", By: "ci@runner",
		Hosts: hosts, Order: []string{"release"},
		Args: map[string]any{"branch": "release", "n": fmt.Sprint(later)}})}
	for i, host := range hosts {
		events = append(events, at(later+i+1, event.Event{Kind: event.StepBegun, Host: host, Step: []string{"switch"}}),
			at(later+i+1, event.Event{Kind: event.StepEnded, Host: host, Step: []string{"switch"}, Seconds: 1}),
			at(later+i+1, event.Event{Kind: event.Result, Host: host, State: "released"}))
	}
	return events
}

// writeShard writes events into a file, and then the text of rest.
func writeShard(t *testing.T, path string, events []event.Event, rest string) string {
	t.Helper()
	var text strings.Builder
	for _, e := range events {
		line, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		text.Write(append(line, '\n'))
	}
	if err := os.WriteFile(path, []byte(text.String()+rest), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// merge merges files and returns all events.
func merge(t *testing.T, paths ...string) (*journal.Merged, []event.Event) {
	t.Helper()
	runs, err := journal.Open(t.TempDir(), paths)
	if err != nil {
		t.Fatal(err)
	}
	merged, err := journal.Merge(runs)
	if err != nil {
		t.Fatal(err)
	}
	events, err := journal.Collect(merged.Events())
	if err != nil {
		t.Fatal(err)
	}
	return merged, events
}

func TestMerge(t *testing.T) {
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name+".jsonl") }
	a := writeShard(t, file("a"), append(shardOf(0, "web1", "web3"), at(2, event.Event{Kind: event.Warning, Text: "x"}),
		ended(9, 0, event.Event{Args: map[string]any{"release": "r1"}})), "")
	b := writeShard(t, file("b"), append(shardOf(1, "web2", "web1"),
		at(3, event.Event{Kind: event.StepBegun, Host: "localhost", Step: []string{"x"}}),
		ended(20, 1, event.Event{Error: "web2: it broke\nsecond line", Hint: "mend it",
			Faults: []event.Fault{{Host: "web1"}, {Host: "web2"}}, Args: map[string]any{"release": "r1"}})), "")
	merged, events := merge(t, a, b)
	first, last := events[0], events[len(events)-1]
	if want := []string{"web1 (a)", "web3", "web2", "web1 (b)"}; !slices.Equal(first.Hosts, want) ||
		!slices.Equal(merged.Hosts, want) {
		t.Errorf("hosts: %q", first.Hosts)
	}
	if first.Args["branch"] != "release" || first.Args["n"] != `"0" or "1"` || first.Text != "recipes/release.lua" {
		t.Errorf("begun: %+v", first)
	}
	if last.Kind != event.RunEnded || *last.Code != 1 || last.Seconds != 21 ||
		last.Error != "b: web2: it broke\nsecond line" || last.Hint != "mend it" ||
		last.Faults[0].Host != "web1 (b)" || last.Faults[1].Host != "web2" || last.Args["release"] != "r1" {
		t.Errorf("ended: %+v", last)
	}
	if !slices.IsSortedFunc(events, func(a, b event.Event) int { return a.Time.Compare(b.Time) }) {
		t.Error("the events are not in order")
	}
	var hosts []string
	for _, e := range events[1 : len(events)-1] {
		if e.Kind != event.StepEnded && e.Kind != event.Result {
			hosts = append(hosts, e.Host)
		}
	}
	slices.Sort(hosts)
	if want := []string{"a", "localhost (b)", "web1 (a)", "web1 (b)", "web2", "web3"}; !slices.Equal(hosts, want) {
		t.Errorf("hosts of events: %q", hosts)
	}
	if merged.Result != journal.Failed || merged.Seconds != 21 || merged.ID != "a b" {
		t.Errorf("%+v", merged.Run)
	}
	rows := merged.Shards().Rows
	if len(rows) != 2 || rows[1][0] != "b" || rows[1][2] != "2" || rows[1][3] != "failed" {
		t.Errorf("shards: %q", rows)
	}
}

// If a shard is cut short and none failed, the merged run has no end. Refusals alone are a refusal.
func TestMergeResults(t *testing.T) {
	dir := t.TempDir()
	for name, tt := range map[string]struct {
		codes  []int // -1 for no end, in the middle of a line
		result journal.Result
		code   int // -1 for none
		error  string
	}{
		"done":          {[]int{0, 0}, journal.Done, 0, ""},
		"cut":           {[]int{0, -1}, journal.Killed, -1, "1: its record has no end"},
		"cut, failed":   {[]int{1, -1}, journal.Failed, 1, "0: failed\n1: its record has no end"},
		"refused":       {[]int{3, 2}, journal.Refused, 3, "0: refused\n1: refused"},
		"done, refused": {[]int{0, 3}, journal.Failed, 1, "1: refused"},
		"interrupted":   {[]int{0, 130, 3}, journal.Interrupted, 130, "1: interrupted\n2: refused"},
	} {
		var paths []string
		for i, code := range tt.codes {
			events, rest := shardOf(0, fmt.Sprint("web", i)), `{"kind":"run_en`
			if code >= 0 {
				events, rest = append(events, ended(9, code, event.Event{})), ""
			}
			paths = append(paths, writeShard(t, filepath.Join(dir, fmt.Sprint(i)+".jsonl"), events, rest))
		}
		merged, events := merge(t, paths...)
		last, code := events[len(events)-1], -1
		if last.Code != nil {
			code = *last.Code
		}
		if merged.Result != tt.result || code != tt.code || !strings.HasPrefix(last.Error, tt.error) ||
			tt.error == "" && last.Error != "" {
			t.Errorf("%s: %v, %d, %q", name, merged.Result, code, last.Error)
		}
	}
}

// Plans are merged: a part or call that is the same on hosts of several shards appears once.
func TestMergePlans(t *testing.T) {
	dir := t.TempDir()
	var paths []string
	for i := range 2 {
		host := fmt.Sprint("web", i)
		plan := &event.Plan{Groups: []event.PlanGroup{{Hosts: []string{host},
			Parts: []event.PlanPart{{Title: "commits", Text: "x"}}}},
			Calls: []event.PlanCall{
				{Hosts: []string{host}, Text: "true"}, {Hosts: []string{"localhost"}, Text: host}},
			Omitted: 1, Seconds: float64(i), Runs: 1}
		events := append(shardOf(0, host), at(2, event.Event{Kind: event.PlanMade, Plan: plan}),
			ended(3, 0, event.Event{}))
		paths = append(paths, writeShard(t, filepath.Join(dir, fmt.Sprint(i)+".jsonl"), events, ""))
	}
	_, events := merge(t, paths...)
	plan := events[len(events)-2].Plan
	text, err := json.Marshal(plan)
	want := `{"groups":[{"hosts":["web0","web1"],"parts":[{"title":"commits","text":"x"}]}],` +
		`"calls":[{"hosts":["web0","web1"],"text":"true"},` +
		`{"hosts":["localhost (0)"],"text":"web0"},{"hosts":["localhost (1)"],"text":"web1"}],` +
		`"omitted":2,"seconds":1,"runs":1}`
	if err != nil || string(text) != want {
		t.Errorf("%s, %v", text, err)
	}
}

// A file that is not a journal is refused with its name and the reason.
func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	good := writeShard(t, filepath.Join(dir, "good.jsonl"), shardOf(0, "web1"), "")
	for name, tt := range map[string]struct{ text, want string }{
		"empty":   {"", "empty.jsonl is not the journal of a run: it has no event"},
		"text":    {"hello\n", "text.jsonl is not the journal of a run: invalid event"},
		"json":    {"{\"kind\":\"output\"}\n", `its first event is "output", not "run_begun"`},
		"no line": {strings.Repeat("x", 100), "it has no event"},
	} {
		path := filepath.Join(dir, name+".jsonl")
		if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := journal.Open(dir, []string{good, path}); err == nil || !strings.Contains(err.Error(), tt.want) ||
			event.Hint(err) == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, want := range map[string]string{good: "is named twice", filepath.Join(dir, "none.jsonl"): "no such file",
		dir + "/": "not a regular file", "nosuch": "no run"} {
		if _, err := journal.Open(dir, []string{good, name}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Terminal commands in a name and in texts are gone. A mistake in the middle names the line.
	bad := writeShard(t, filepath.Join(dir, "evil\x1b[2J\u202e.jsonl"),
		append(shardOf(0, "web1"), at(1, event.Event{Kind: event.Printed, Text: "a\x1b[31mb\u202e"})), "")
	_, events := merge(t, good, bad)
	if text, err := json.Marshal(events); err != nil || strings.ContainsAny(string(text), "\u202e") ||
		strings.Contains(string(text), `\u001b`) {
		t.Errorf("%s, %v", text, err)
	}
	end, err := json.Marshal(ended(9, 0, event.Event{}))
	if err != nil {
		t.Fatal(err)
	}
	for rest, want := range map[string]string{"{\n" + string(end) + "\n": ".jsonl:5: invalid event",
		"{\n": ".jsonl: invalid event"} {
		writeShard(t, bad, shardOf(0, "web1"), rest)
		if _, _, _, err := journal.ReadRuns(dir, []string{good, bad}); err == nil ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
