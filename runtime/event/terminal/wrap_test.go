package terminal

import (
	"strings"
	"testing"
	"unicode/utf8"

	"runbook/runtime/event"
)

// Lines are broken only at spaces, whatever a path contains, and continuation lines are indented.
func TestWrap(t *testing.T) {
	for text, want := range map[string]string{
		"x /srv/app/releases/2026-0105/a-path-that-is-too-long": "x /srv/app/releases/2026-0105/" +
			"a-path-that-is-too-long",
		"short":                             "short",
		"  at a-b/c-d e":                    "  at a-b/c-d e",
		"web1: cannot read /srv/app/a-b-c":  "web1: cannot read\n  /srv/app/a-b-c",
		"    cat /srv/app/releases/x y z":   "    cat /srv/app/releases/x y\n      z",
		"a /srv/app/releases/2026-0105/v b": "a\n/srv/app/releases/2026-0105/v\n  b",
		"/srv/app/releases/2026-0105/a-path-that-is-too-long x": "/srv/app/releases/2026-0105/" +
			"a-path-that-is-too-long\n  x",
		"one  two   three four five six seven":   "one  two   three four five\n  six seven",
		"first line is longer than that\nsecond": "first line is longer than\n  that\nsecond",
	} {
		if got := Wrap(text, 29); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// Wrapping changes only spaces, and a line is too long only if it is a single word.
func FuzzWrap(f *testing.F) {
	f.Add("web1: cannot read /srv/app/a-b-c", 20)
	f.Add("  \n x\x1b[31m  y\x1b[0m é", 3)
	f.Fuzz(func(t *testing.T, text string, columns int) {
		got := Wrap(text, columns)
		if a, b := strings.Join(strings.Fields(got), " "), strings.Join(strings.Fields(text), " "); a != b {
			t.Fatalf("%q in %d: %q", text, columns, got)
		}
		for word := range strings.FieldsSeq(text) {
			if width(word) > columns {
				return
			}
		}
		for _, line := range strings.Split(got, "\n") {
			sum := strings.Count(line, " ") // a letter's width may depend on its neighbours
			for word := range strings.FieldsSeq(line) {
				sum += width(word)
			}
			if columns > 0 && sum > columns && strings.Contains(strings.Trim(line, " "), " ") &&
				utf8.ValidString(text) && event.Clean(text) == text {
				t.Errorf("%q in %d: the line %q", text, columns, line)
			}
		}
	})
}

// A table that is too wide is folded, and empty parts of a row are omitted.
func TestFold(t *testing.T) {
	header := []string{"name", "login", "result", "current"}
	rows := [][]string{{"web1", "deploy@192.0.2.11", "ok", "20260105-120000"},
		{"web2", "deploy@192.0.2.12", "refused", ""}}
	for columns, want := range map[int]string{
		0: `name  login              result   current
web1  deploy@192.0.2.11  ok       20260105-120000
web2  deploy@192.0.2.12  refused  -
`,
		48: `name  login              result
  current
web1  deploy@192.0.2.11  ok
  20260105-120000
web2  deploy@192.0.2.12  refused
`,
		10: `name
  login
  result
  current
web1
  deploy@192.0.2.11
  ok
  20260105-120000
web2
  deploy@192.0.2.12
  refused
`,
	} {
		if got := align(header, rows, columns); got != want {
			t.Errorf("in %d columns:\n%s\nwant\n%s", columns, got, want)
		}
	}
	for want, row := range map[string][]string{
		"text  a path\n      /srv/app/releases\n      and more\n": {"text", "a path /srv/app/releases and more"},
		"a-long-first-cell\n  a path\n  /srv/app/releases\n":      {"a-long-first-cell", "a path /srv/app/releases"},
	} {
		if got := align(nil, [][]string{row}, 24); got != want {
			t.Errorf("got\n%swant\n%s", got, want)
		}
	}
	if got, want := align([]string{"long name", "a title"}, [][]string{{"web1", ""}}, 12),
		"long name\nweb1\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
