package ssh

import (
	"os/exec"
	"strings"
	"testing"
)

func TestQuote(t *testing.T) {
	for in, want := range map[string]string{
		"": "''", "plain-1.2_3/x,y@z:%+": "plain-1.2_3/x,y@z:%+", "a b": "'a b'", "it's": `'it'\''s'`, "$x": "'$x'",
		"a=b": "'a=b'", "~": "'~'",
		"if": "'if'", "then": "'then'", "-n": "-n", "é": "'é'", "\n": "'\n'", "\xff": "'\xff'", "!": "'!'", "{": "'{'",
		"*": "'*'",
	} {
		if got, err := Quote(in); err != nil || got != want {
			t.Errorf("Quote(%q) = %s, %v; want %s", in, got, err, want)
		}
	}
	if _, err := Quote("a\x00b"); err == nil {
		t.Error("a NUL byte was accepted")
	}
	for _, words := range [][]string{nil, {}, {""}, {"a", "\x00"}} {
		if got, err := QuoteAll(words); err == nil {
			t.Errorf("QuoteAll(%q) = %s", words, got)
		}
	}
}

// FuzzQuote compares a word with what real shells make of it when it is quoted.
func FuzzQuote(f *testing.F) {
	for _, s := range []string{"", "a", "it's", "$(id)", "`id`", "a\nb", "\\", "'", "''", "\"", "-n", "~root", "*",
		"\xff\xfe", "if", "a=b", "!x", "\t", "{a,b}", "#", "\\\n", "\r"} {
		f.Add(s)
	}
	shells := []string{"/bin/sh", "/bin/bash"}
	for _, sh := range shells {
		if _, err := exec.LookPath(sh); err != nil {
			f.Fatalf("%v: install the package bash", err)
		}
	}
	f.Fuzz(func(t *testing.T, s string) {
		q, err := Quote(s)
		if strings.ContainsRune(s, 0) {
			if err == nil {
				t.Fatal("a NUL byte was accepted")
			}
			return
		}
		must(t, err)
		for _, sh := range shells {
			// Commands under sudo or in eval are quoted twice.
			qq, err := Quote("printf '%s.' " + q + " " + q)
			must(t, err)
			out, err := exec.Command(sh, "-c", "eval "+qq).Output()
			if err != nil || string(out) != s+"."+s+"." {
				t.Errorf("%s made %q of %q (%s), %v", sh, out, s, q, err)
			}
		}
	})
}
