package preview

import (
	"strings"
	"testing"

	"runbook/runtime/event"
	"runbook/runtime/script"
)

// A changed file is shown as a diff, but never with a secret, binary content or too many lines.
func TestCompare(t *testing.T) {
	stream := event.NewStream()
	stream.AddSecret("hunter22")
	long := strings.Repeat("a line\n", 300)
	for _, tt := range []struct{ name, before, after, note, diff string }{
		{"one line", "a\nb\n", "a\nc\n", "", "--- f\n+++ f\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n"},
		{"new", "", "a\n", "", "--- f\n+++ f\n@@ -0,0 +1,1 @@\n+a\n"},
		{"the same", "a\n", "a\n", "its content stays the same", ""},
		{"a secret", "old-secret\n", "password hunter22\n",
			"it contains a secret, so its content is not shown: 11 bytes → 18 bytes", ""},
		{"a secret before", "hunter22\n", "none\n",
			"it contains a secret, so its content is not shown: 9 bytes → 5 bytes", ""},
		{"binary", "a\x00b", "", "3 bytes → 0 bytes, sha256 59b271ae1bbc → -", ""},
		{"larger than 64 KiB", strings.Repeat("x", 65537), "y", "65537 bytes → 1 bytes, sha256 ", ""},
		{"many lines", "", long, "103 more lines of the diff are not shown", ""},
	} {
		got := Compare(stream, "f", tt.before, tt.after)
		if !strings.HasPrefix(got.Note, tt.note) || tt.note == "" && got.Note != "" || tt.diff != "" &&
			got.Diff != tt.diff {
			t.Errorf("%s: %q %q", tt.name, got.Note, got.Diff)
		}
		if all := got.Note + got.Diff; strings.Contains(all, "hunter22") || strings.Contains(all, "old-secret") ||
			strings.Count(all, "\n") > mostLines {
			t.Errorf("%s shows %q", tt.name, all)
		}
	}
	for mode, want := range map[string]bool{"0600": true, "0640": true, "0644": false, "0755": false, "": false} {
		if private(mode) != want {
			t.Errorf("private(%q) is not %v", mode, want)
		}
	}
}

// Hosts with the same parts form a group. Calls in a file that states a plan are omitted, and equal
// calls are merged.
func TestPlan(t *testing.T) {
	c := &Collector{}
	at := func(host, line string) func(part event.PlanPart) {
		ctx := event.WithLine(event.WithHost(t.Context(), host), line)
		return func(part event.PlanPart) { c.state(ctx, part) }
	}
	skip := func(host, line, text string) {
		c.Skip(event.WithLine(event.WithHost(t.Context(), host), line), text, Change{})
	}
	for _, host := range []string{"web2", "web1", "web3"} {
		skip(host, "recipes/lib/git.lua:9", "git clone")
		at(host, "recipes/lib/git.lua:7")(event.PlanPart{Title: "commits",
			Text: map[bool]string{true: "another", false: "same"}[host == "web3"]})
		at(host, "recipes/lib/releases.lua:7")(event.PlanPart{Title: "log"})
		skip(host, "recipes/lib/releases.lua:9", "append")
		skip(host, "recipes/release.lua:40", "manage.py")
	}
	skip("web1", "recipes/release.lua:40", "manage.py")
	skip("localhost", "recipes/release.lua:50", "post")
	plan := c.Plan([]string{"web1", "web2", "web3"})
	if len(plan.Groups) != 2 || strings.Join(plan.Groups[0].Hosts, " ") != "web1 web2" ||
		len(plan.Groups[0].Parts) != 1 {
		t.Errorf("groups: %+v", plan.Groups)
	}
	if len(plan.Calls) != 2 || strings.Join(plan.Calls[0].Hosts, " ") != "web1 web2 web3" || plan.Calls[0].Times != 2 ||
		strings.Join(plan.Calls[1].Hosts, " ") != "localhost" {
		t.Errorf("calls: %+v", plan.Calls)
	}
	for n := range mostCalls + 10 {
		skip("web1", "x.lua:1", strings.Repeat("x", n))
	}
	if plan = c.Plan(nil); len(plan.Calls) != mostCalls || plan.Omitted != 12 {
		t.Errorf("%d calls, %d omitted", len(plan.Calls), plan.Omitted)
	}
}

func TestRead(t *testing.T) {
	fields := func(pairs ...any) script.Table {
		table := script.Table{Fields: map[string]any{}}
		for i := 0; i < len(pairs); i += 2 {
			table.Fields[pairs[i].(string)] = pairs[i+1]
		}
		return table
	}
	list := func(items ...any) script.Table { return script.Table{List: items} }
	for _, tt := range []struct {
		value any
		want  event.PlanPart
		err   string
	}{
		{nil, event.PlanPart{}, ""},
		{"text", event.PlanPart{Text: "text"}, ""},
		{fields("text", "t", "warning", "w", "omitted", 3.0, "rows", list(list("a", 1.0))),
			event.PlanPart{Text: "t", Warning: "w", Omitted: 3, Rows: [][]string{{"a", "1"}}}, ""},
		{fields("before", "a\n", "after", "b\n"), event.PlanPart{Diff: "--- \n+++ \n@@ -1,1 +1,1 @@\n-a\n+b\n"}, ""},
		{true, event.PlanPart{}, "want nil, a text or a table"},
		{list("a"), event.PlanPart{}, "rows = { … }"},
		{fields("row", "x"), event.PlanPart{}, "row = "},
		{fields("rows", list("x")), event.PlanPart{}, "rows = "},
	} {
		got, err := read(event.NewStream(), event.PlanPart{}, tt.value)
		if tt.err == "" && (err != nil || !got.Equal(tt.want)) || tt.err != "" &&
			(err == nil || !strings.Contains(err.Error(), tt.err)) {
			t.Errorf("%v: %+v, %v", tt.value, got, err)
		}
	}
}
