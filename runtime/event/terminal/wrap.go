package terminal

import (
	"os"
	"strings"

	"golang.org/x/term"
)

// Wrap breaks lines that are wider than columns, only at spaces, so that a path or a command to
// copy stays whole. The terminal breaks words that are wider than columns. Continuation lines are
// indented by two more than their line.
func Wrap(text string, columns int) string {
	if columns <= 0 || len(text) <= columns {
		return text
	}
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		// A character has at least as many bytes as columns.
		if len(line) > columns && width(line) > columns {
			indent := len(line) - len(strings.TrimLeft(line, " "))
			lines[i] = wrapLine(line, columns, 0, min(indent+2, columns/2))
		}
	}
	return strings.Join(lines, "\n")
}

// wrapLine breaks one line that begins at a column of the screen. It keeps the spaces between
// words, except at a break and at the end.
func wrapLine(line string, columns, at, indent int) string {
	var b strings.Builder
	begun := false
	for rest := strings.TrimRight(line, " "); rest != ""; {
		word := strings.TrimLeft(rest, " ")
		gap := len(rest) - len(word)
		if end := strings.IndexByte(word, ' '); end >= 0 {
			word = word[:end]
		}
		rest = rest[gap+len(word):]
		if w := width(word); begun && at+gap+w > columns && w <= columns {
			at = max(0, min(indent, columns-w)) // a path that just fits is not indented, to stay whole
			b.WriteString("\n" + strings.Repeat(" ", at) + word)
			at += w
			continue
		}
		b.WriteString(strings.Repeat(" ", gap) + word)
		at += gap + width(word)
		begun = true
	}
	return b.String()
}

// Columns returns the width of a terminal without its last column, because terminals disagree about
// when a full line wraps. It returns 0 if the width is unknown or there is no terminal.
func Columns(screen *os.File) int {
	if screen == nil {
		return 0
	}
	columns, _, err := term.GetSize(int(screen.Fd()))
	if err != nil {
		return 0
	}
	return max(0, columns-1)
}
