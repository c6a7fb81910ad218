// Package typed writes a command as a person would type it.
package typed

import (
	"strings"

	"runbook/runtime/ssh"
)

// Line returns a command line as a person would type it. A program of several lines after -c is
// named instead of printed:
//
//	/usr/bin/python3 - (make the virtualenv) /srv/app/releases/x/venv
//
// Any other word of several lines is cut after the first one. hide replaces the secrets in a text
// before it is cut: half a secret is not recognized.
func Line(words []string, hide func(string) string) string {
	shown := make([]string, len(words))
	for i, word := range words {
		if strings.Contains(word, "\n") {
			word = hide(word)
		}
		title, long := programTitle(word)
		switch {
		case long && i > 0 && words[i-1] == "-c":
			shown[i-1], shown[i] = "-", "("+title+")"
			continue
		case long:
			word = title + " …"
		}
		quoted, err := ssh.Quote(word)
		if err != nil { // a word has a NUL byte, so the command cannot run
			quoted = word
		}
		shown[i] = quoted
	}
	return strings.Join(shown, " ")
}

// programTitle returns the title of a text of several lines: its first comment, or else its first
// line. long is false for a text of one line.
func programTitle(text string) (title string, long bool) {
	const longest = 60
	if !strings.Contains(strings.TrimSpace(text), "\n") {
		return "", false
	}
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#!") {
			title = line
			break
		}
	}
	for _, mark := range []string{"#", `"""`, "'''"} {
		if comment := strings.Trim(title, mark[:1]+" ."); strings.HasPrefix(title, mark) && comment != "" {
			title = comment
		}
	}
	if runes := []rune(title); len(runes) > longest {
		title = string(runes[:longest]) + "…"
	}
	return title, true
}
