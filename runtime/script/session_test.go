package script

import (
	"context"
	"strings"
	"testing"
)

func newSession(t *testing.T) *Session {
	t.Helper()
	s, err := testLibrary(t).NewState(StateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	if err := s.SetGlobal("hosts", []*server{{"web1"}, {"web2"}}); err != nil {
		t.Fatal(err)
	}
	return s.NewSession("typed", t.TempDir())
}

// What a line sets is there for the next one, and the value of an expression is shown.
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
		{"{ 1, a = { b = 'x\\ny' }, ['c d'] = print, [true] = 2 }", `{ 1, ["c d"] = function, [true] = 2, a = { b = "x\ny" } }`, ""},
		{"'a\\nb\\27c'", "a\nb\x1bc", ""}, // who shows it cleans it
		{"t = {} t.t = t; t.list = { t }", "", ""},
		{"t", "{ list = { { … } }, t = { … } }", ""},
		{"('x'):rep(300)", `"` + strings.Repeat("x", 300) + `"`, ""},
		{"{ ('x'):rep(300) }", "{\n  \"" + strings.Repeat("x", 200) + "\"… (300 bytes in all),\n}", ""},
	} {
		values, err := x.Run(context.Background(), line.typed)
		got := strings.ReplaceAll(strings.Join(values, " "), "host, host", "?, ?")
		if got != line.want || (err == nil) != (line.err == "") || err != nil && !strings.Contains(err.Error(), line.err) {
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

func TestComplete(t *testing.T) {
	x := newSession(t)
	if _, err := x.Run(context.Background(), "mine = { first = hosts[1], flat = 1, fn = print }"); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"ho":                                "hosts",
		"hosts[1]:":                         "run wait",
		"hosts[1].":                         "fs name",
		"x = hosts[1].fs:r":                 "read",
		"hosts[1].fs.":                      "",
		"hosts[9]:":                         "",
		"each(hosts, function(host) host:":  "run wait",
		"mi":                                "mine",
		"mine.f":                            "first flat fn",
		"mine:f":                            "fn",
		"mine.first:r":                      "run",
		"log.":                              "info",
		"math.flo":                          "floor",
		"hosts[1]:run({ ho":                 "hosts",
		"hosts[1]:run('ls', { ":             "check =  cwd =  mode =  timeout = ",
		"hosts[1]:run('ls', { cwd = '/', m": "mode = ",
		"hosts[1]:run({ 'ls', '/' },\n{ t":  "timeout = ",
		"hosts[1]:run('ls', { cwd = ho":     "hosts",
		"each(hosts, {":                     "at_once = ",
		"'ho":                               "",
		"-- ho":                             "",
		"1":                                 "",
		"f().":                              "",
		"nosuch.":                           "",
	} {
		_, names := x.Complete(text)
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
