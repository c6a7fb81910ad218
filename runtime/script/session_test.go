package script_test

import (
	"context"
	"strings"
	"testing"

	"runbook/runtime/event"
	"runbook/runtime/script"
	"runbook/runtime/script/internal/scripttest"
)

func newSession(t *testing.T) *script.Session {
	t.Helper()
	s, err := scripttest.Library(t).NewState(event.NewStream(), script.StateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	if err := s.SetGlobal("hosts", []*scripttest.Host{{Name: "web1"}, {Name: "web2"}}); err != nil {
		t.Fatal(err)
	}
	return s.NewSession("typed", t.TempDir())
}

// TestSession types lines one after the other: later lines see the names of earlier ones, and the
// values of expressions are returned.
func TestSession(t *testing.T) {
	x := newSession(t)
	for _, line := range []struct{ typed, want, err string }{
		{"h = hosts[1]", "", ""},
		{"local a, b = 1, nil", "", ""},
		{"h.name", `"web1"`, ""},
		{"a, b, hosts[3]", "1 nil nil", ""},
		{"local function twice(n)\n  return n and twice(n - 1) or error('at the bottom')\nend", "", ""},
		{"log.info('x')", "", ""},
		{"", "", ""},
		{"-- nothing", "", ""},
		{"hots", "", `typed:11: undeclared global "hots" (did you mean "hosts"?)`},
		{"twice(nil)", "", "typed:6: at the bottom"},
		{"h:run('fail')", "", "typed:13: host:run: broken"},
		{"return 1 +", "", "the file ends too early"},
		{"h:run('x', { cwd = '/' }).stdout", `"web1 x / 5s  true"`, ""},
		{"hosts", "{ ?, ? }", ""},
		{"h.fs", "host.fs", ""},
		{"{ 1, a = { b = 'x\\ny' }, ['c d'] = print, [true] = 2 }",
			`{ 1, ["c d"] = function, [true] = 2, a = { b = "x\ny" } }`, ""},
		{"'a\\nb\\27c'", "a\nb\x1bc", ""}, // the caller cleans it
		{"t = {} t.t = t; t.list = { t }", "", ""},
		{"t", "{ list = { { … } }, t = { … } }", ""},
		{"('x'):rep(300)", `"` + strings.Repeat("x", 300) + `"`, ""},
		{"{ ('x'):rep(300) }", "{\n  \"" + strings.Repeat("x", 200) + "\"… (300 bytes in all),\n}", ""},
	} {
		values, err := x.Run(context.Background(), line.typed)
		got := strings.ReplaceAll(strings.Join(values, " "), "host, host", "?, ?")
		if got != line.want || (err == nil) != (line.err == "") || err != nil &&
			!strings.Contains(err.Error(), line.err) {
			t.Errorf("%s: got %s, %v; want %s, %s", line.typed, got, err, line.want, line.err)
		}
	}
	values, err := x.Run(context.Background(), "long = {} for i = 1, 100 do long[i] = i end; return long")
	if err != nil || !strings.HasSuffix(values[0], "  40,\n  … and 60 more,\n}") {
		t.Error(values, err)
	}
}

func TestUnfinished(t *testing.T) {
	x := newSession(t)
	for text, want := range map[string]bool{
		"":                        false,
		"hosts[1]":                false,
		"x =":                     true,
		"1 +":                     true,
		"each(hosts, function(h)": true,
		"each(hosts, function(h)\n  h:run('x')\nend)": false,
		"if a then":    true,
		"x = [[a":      true,
		"'a":           false,
		"end":          false,
		"host:run({":   true,
		"local x = 1)": false,
	} {
		if got := x.Unfinished(text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}
