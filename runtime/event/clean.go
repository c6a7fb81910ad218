package event

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// The limits of what is shown, in bytes: of a line, and of a part of a line, such as a name.
const (
	LongestLine = 64 << 10
	LongestName = 4 << 10
)

// Clean removes from text what a terminal would obey or a reader would misread: control characters
// except line breaks and tabs, characters that reorder a line, and bytes that are not UTF-8. It
// truncates lines longer than LongestLine.
func Clean(text string) string { return cutLines(strip(text), LongestLine) }

// OneLine is Clean for a part of a line, such as a name: line breaks and tabs become spaces.
func OneLine(text string) string { return cutLines(stripLine(text), LongestName) }

// strip is Clean without truncation, which would cut secrets before they are found.
func strip(text string) string {
	at := skipPlain(text, 0)
	for ; at < len(text); at = skipPlain(text, at+1) {
		if c := text[at]; (c < ' ' || c >= 0x7f) && c != '\n' && c != '\t' {
			break
		}
	}
	if at == len(text) || strings.IndexFunc(text[at:], unfit) < 0 { // nearly all text is clean
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

// stripLine is strip with a space for each line break and tab.
func stripLine(text string) string {
	return oneLine.Replace(strip(text))
}

var oneLine = strings.NewReplacer("\n", " ", "\t", " ")

// unfit reports whether strip removes a character. utf8.RuneError may be that character, or a byte
// that is not UTF-8.
func unfit(r rune) bool {
	switch {
	case r == '\n', r == '\t':
		return false
	case r < ' ', r >= 0x7f && r < 0xa0: // C0, DEL and C1
		return true
	case r >= 0x202a && r <= 0x202e, r >= 0x2066 &&
		r <= 0x2069: // embeddings, overrides and isolates of the bidirectional algorithm
		return true
	}
	return r == utf8.RuneError
}

// cutLines truncates lines longer than most and appends the number of missing bytes.
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
