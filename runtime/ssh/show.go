package ssh

import (
	"context"
	"strings"

	"runbook/runtime/event"
)

// Show returns a command line as a person would type it. A program of several lines after -c is named instead of printed:
//
//	/usr/bin/python3 - (make the virtualenv) /srv/app/releases/x/venv
//
// Any other word of several lines is cut after its first. hide replaces the secrets in a text, before anything is cut:
// half a secret is not recognized.
func Show(words []string, hide func(string) string) string {
	shown := make([]string, len(words))
	for i, word := range words {
		if strings.Contains(word, "\n") {
			word = hide(word)
		}
		name, long := nameOf(word)
		switch {
		case long && i > 0 && words[i-1] == "-c":
			shown[i-1], shown[i] = "-", "("+name+")"
			continue
		case long:
			word = name + " …"
		}
		quoted, err := Quote(word)
		if err != nil { // a NUL byte, which running it refuses
			quoted = word
		}
		shown[i] = quoted
	}
	return strings.Join(shown, " ")
}

// nameOf returns what stands for a text of several lines: what its first comment says, or its first line. long is false
// for a text of one line.
func nameOf(text string) (name string, long bool) {
	const longest = 60
	if !strings.Contains(strings.TrimSpace(text), "\n") {
		return "", false
	}
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#!") {
			name = line
			break
		}
	}
	for _, mark := range []string{"#", `"""`, "'''"} {
		if said := strings.Trim(name, mark[:1]+" ."); strings.HasPrefix(name, mark) && said != "" {
			name = said
		}
	}
	if runes := []rune(name); len(runes) > longest {
		name = string(runes[:longest]) + "…"
	}
	return name, true
}

// redactor hides the secrets that the stream of ctx knows.
func redactor(ctx context.Context) func(string) string {
	return func(text string) string { return event.Redact(ctx, text) }
}
