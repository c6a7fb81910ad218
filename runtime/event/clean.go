package event

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// The most bytes that are shown of a line, and of what is in one line with others, such as a name.
const (
	LongestLine = 64 << 10
	LongestName = 4 << 10
)

// Clean returns text without what could make a terminal, or who reads it, take it for something else than text: control characters but line
// breaks and tabs, what reorders a line, and bytes that are no UTF-8. Of an over-long line the beginning stays.
func Clean(text string) string { return cutLines(strip(text), LongestLine) }

// OneLine is Clean for what stands in one line, such as a name.
func OneLine(text string) string { return cutLines(stripLine(text), LongestName) }

// strip leaves out what Clean does, but cuts nothing: first secrets are looked for, of which half would not be known for what it is.
func strip(text string) string {
	at := 0
	for at < len(text) && (text[at] >= ' ' && text[at] < 0x7f || text[at] == '\n' || text[at] == '\t') {
		at++
	}
	if at == len(text) || strings.IndexFunc(text[at:], unfit) < 0 { // as nearly all text
		return text
	}
	var b strings.Builder
	b.Grow(len(text))
	b.WriteString(text[:at])
	for rest := text[at:]; rest != ""; {
		r, n := utf8.DecodeRuneInString(rest)
		if r == utf8.RuneError || !unfit(r) {
			b.WriteRune(r)
		}
		rest = rest[n:]
	}
	return b.String()
}

// stripLine is strip, with a space for each line break and tab.
func stripLine(text string) string {
	return oneLine.Replace(strip(text))
}

var oneLine = strings.NewReplacer("\n", " ", "\t", " ")

// unfit says whether a character has no place in a text. utf8.RuneError may stand for itself, or for a byte that is no UTF-8.
func unfit(r rune) bool {
	switch {
	case r == '\n', r == '\t':
		return false
	case r < ' ', r >= 0x7f && r < 0xa0: // C0, DEL and C1
		return true
	case r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069: // embeddings, overrides and isolates of the bidirectional algorithm
		return true
	}
	return r == utf8.RuneError
}

// cutLines cuts lines that are longer than most, and says by how much.
func cutLines(text string, most int) string {
	if len(text) <= most {
		return text
	}
	var b strings.Builder
	for line := range strings.Lines(text) {
		whole := strings.TrimSuffix(line, "\n")
		if len(whole) <= most {
			b.WriteString(line)
			continue
		}
		start := strings.ToValidUTF8(whole[:most], "")
		fmt.Fprintf(&b, "%s… (%d bytes more)%s", start, len(whole)-len(start), line[len(whole):])
	}
	return b.String()
}
