package typed

import (
	"strings"
	"testing"
)

func TestLine(t *testing.T) {
	hide := func(text string) string { return strings.ReplaceAll(text, "hunter2\nhunter3", "[secret]") }
	const program = "import os\nprint(os.getcwd())\n"
	for want, words := range map[string][]string{
		"ls -l 'a b'":                    {"ls", "-l", "a b"},
		"sh -c 'echo $1' sh x":           {"sh", "-c", "echo $1", "sh", "x"},
		"python3 - (import os) /srv/app": {"python3", "-c", program, "/srv/app"},
		"python3 - (Make the virtualenv) '/srv/my app'": {"python3", "-c", "\n# Make the virtualenv.\n" + program,
			"/srv/my app"},
		"python3 - (Make it) x": {"python3", "-c",
			"#!/usr/bin/env python3\n\"\"\"Make it.\"\"\"\n" + program, "x"},
		"sh - (look) sh /srv":                     {"sh", "-c", "# look\nls \"$1\"", "sh", "/srv"},
		"printf 'a …' b":                          {"printf", "a\nb\nc", "b"},
		"printf '[secret] …'":                     {"printf", "hunter2\nhunter3\nhunter4"},
		"sh - (" + strings.Repeat("é", 60) + "…)": {"sh", "-c", strings.Repeat("é", 70) + "\nls"},
		"sh -c 'ls\n'":                            {"sh", "-c", "ls\n"},
		"sh - (#)":                                {"sh", "-c", "#\nls"},
	} {
		if got := Line(words, hide); got != want {
			t.Errorf("%q: got %q, want %q", words, got, want)
		}
	}
}

// FuzzLine checks that no more than one line of a longer program is shown.
func FuzzLine(f *testing.F) {
	f.Add("python3", "-c", "import os\nprint()", "x")
	f.Add("sh", "-c", "#\n\n#!\n'''\n", "")
	f.Fuzz(func(t *testing.T, a, b, c, d string) {
		words := []string{a, b, c, d}
		got := Line(words, func(text string) string { return text })
		for _, w := range words {
			if inner := strings.TrimSpace(w); strings.Contains(inner, "\n") && len(inner) > 4 &&
				strings.Contains(got, inner) {
				t.Errorf("%q: %q", words, got)
			}
		}
	})
}
