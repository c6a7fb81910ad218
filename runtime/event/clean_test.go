package event

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestClean(t *testing.T) {
	for text, want := range map[string]string{
		"as it is\n\tgröße 日本 👍 \uFFFD": "as it is\n\tgröße 日本 👍 \uFFFD",
		"a\r\nb\rc":                     "a\nbc",
		"\x1b[31mred\x1b[0m":            "[31mred[0m",
		"\u009bx\x9bx\x7f\x00":          "x\uFFFDx",
		"\u202eabc\u2069":               "abc",
		"é\xc3":                         "é\uFFFD",
	} {
		if got := Clean(text); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
	if got := OneLine("a\n\tb\r\n"); got != "a  b " {
		t.Errorf("%q", got)
	}
	long := strings.Repeat("é", LongestLine)
	if got, want := Clean("é"+long+"x\nend\n"), strings.Repeat("é",
		LongestLine/2)+fmt.Sprintf("… (%d bytes more)\nend\n", LongestLine+3); got != want {
		t.Errorf("%d bytes, %q", len(got), got[len(got)-40:])
	}
}

func FuzzClean(f *testing.F) {
	f.Add("a\r\n\x1b]0;x\x07\u202e\x9b\xff")
	f.Add(strings.Repeat("x", LongestLine+1) + "\ny")
	f.Fuzz(func(t *testing.T, text string) {
		got := Clean(text)
		if strings.ContainsFunc(got, func(r rune) bool { return r != utf8.RuneError && unfit(r) }) ||
			!utf8.ValidString(got) {
			t.Errorf("%q became %q", text, got)
		}
		if strings.Count(got, "\n") != strings.Count(text, "\n") {
			t.Errorf("%q became %q: other lines", text, got)
		}
		if 3*len(text) < LongestLine && Clean(got) != got { // an invalid UTF-8 byte becomes three
			t.Errorf("%q became %q, and then %q", text, got, Clean(got))
		}
		if line := OneLine(text); strings.ContainsAny(line, "\n\t") {
			t.Errorf("%q became %q", text, line)
		}
	})
}

// A secret is found with control characters between its letters, however the output is cut. A
// secret may contain some itself.
func TestSecretsWithControlCharacters(t *testing.T) {
	rec := &recorder{}
	s := NewStream(rec)
	s.AddSecret(password)
	s.AddSecret("pass\x1bword\rx")
	ctx := WithStream(t.Context(), s)
	split := "a " + strings.Join(strings.Split(password, ""), "\x1b\u202e\xc2\x80") + " b\n"
	for _, text := range []string{split, "x pass\x1bword\rx y\n", "x passwordx y\n"} {
		for size := 1; size <= len(text); size++ {
			rec.events = nil
			pending := ""
			for rest := text; rest != ""; {
				n := min(size, len(rest))
				pending, rest = pending+rest[:n], rest[n:]
				ready := len(pending) - s.Pending(pending)
				Emit(ctx, Event{Kind: Output, Text: pending[:ready]})
				pending = pending[ready:]
			}
			Emit(ctx, Event{Kind: Output, Text: pending})
			var shown strings.Builder
			for _, e := range rec.events {
				shown.WriteString(e.Text)
			}
			for _, leak := range []string{"battery", "horse bat", "word"} {
				if strings.Contains(shown.String(), leak) {
					t.Fatalf("%q in pieces of %d bytes: %q", text, size, shown.String())
				}
			}
		}
	}
}

// Text for a program keeps every byte except those of secrets.
func TestRaw(t *testing.T) {
	rec := &recorder{}
	s := NewStream(rec)
	s.AddSecret(password)
	Emit(WithStream(t.Context(), s), Event{Kind: Output, Text: "\x1b[1m\xff\r\n" + password + "\n"})
	if e := rec.events[0]; e.Raw() != "\x1b[1m\xff\r\n"+mark+"\n" || e.Text != "[1m\uFFFD\n"+mark+"\n" {
		t.Errorf("%q, %q", e.Raw(), e.Text)
	}
	if got := s.Hide("\x1b" + password); got != "\x1b"+mark {
		t.Errorf("%q", got)
	}
}
