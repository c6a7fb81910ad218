package ci_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"runbook/runtime/event/ci"
)

const apart = "\u200b"

// guarded writes text through Guard in two pieces, and returns the output.
func guarded(t testing.TB, text string, at int) string {
	t.Helper()
	var out bytes.Buffer
	shield, err := ci.Protect(func(name string) string { return map[string]string{"GITHUB_ACTIONS": "true"}[name] },
		io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	w := shield.Guard(&out)
	for _, piece := range []string{text[:at], text[at:]} {
		if n, err := io.WriteString(w, piece); n != len(piece) || err != nil {
			t.Fatal(n, err)
		}
	}
	return out.String()
}

func TestGuard(t *testing.T) {
	for text, want := range map[string]string{
		"::error::x\n":        ":" + apart + ":error::x\n",
		"a\n \t::add-mask::x": "a\n \t:" + apart + ":add-mask::x",
		"a\r::x":              "a\r:" + apart + ":x",
		"\u2003::x":           "\u2003:" + apart + ":x",
		":::x":                ":" + apart + "::x",
		"x ##[add-mask]y":     "x ##" + apart + "[add-mask]y",
		"###[x]":              "###" + apart + "[x]",
		"std::string a::b\n[::1]:22\n: :\n# #[x]\n#[x]\n{\"a\": \"::x\"}": "std::string a::b\n" +
			"[::1]:22\n: :\n# #[x]\n#[x]\n{\"a\": \"::x\"}",
	} {
		for at := range len(text) + 1 {
			if got := guarded(t, text, at); got != want {
				t.Errorf("%q cut at %d: got %q, want %q", text, at, got, want)
			}
		}
	}
}

// Regular files and the file of the commands need no guard. Outside GitHub, no file does.
func TestGuardsNoFile(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	pipe := func() *os.File {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _, _ = r.Close(), w.Close() })
		return w
	}
	w, other := pipe(), pipe()
	defer func() { _ = f.Close() }()
	for _, c := range []struct {
		github  string
		out     *os.File
		guarded bool
	}{{"true", f, false}, {"true", w, false}, {"", other, false}, {"true", other, true}} {
		shield, err := ci.Protect(func(string) string { return c.github }, w)
		if err != nil {
			t.Fatal(err)
		}
		if got := shield.Guard(c.out) != io.Writer(c.out); got != c.guarded {
			t.Errorf("%+v: guarded %v", c, got)
		}
	}
}

// FuzzGuard looks for commands in the output, as the runner does, and for any other change.
func FuzzGuard(f *testing.F) {
	for _, seed := range []string{"::error::x\n", "\r\n\t ::x##[y", "\u0085::", "\u3000\u2028:::", "##[[", "#\n#["} {
		f.Add(seed, 3)
	}
	f.Fuzz(func(t *testing.T, text string, at int) {
		got := guarded(t, text, max(0, min(at, len(text))))
		for _, line := range strings.FieldsFunc(got, func(c rune) bool { return c == '\n' || c == '\r' }) {
			if strings.HasPrefix(strings.TrimLeftFunc(line, unicode.IsSpace), "::") || strings.Contains(line, "##[") {
				t.Errorf("%q became %q", text, got)
			}
		}
		if strings.ReplaceAll(got, apart, "") != strings.ReplaceAll(text, apart, "") {
			t.Errorf("%q became %q", text, got)
		}
	})
}
