package source

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

// NumberText writes a number as Lua does.
func NumberText(n float64) string {
	if n == math.Trunc(n) && math.Abs(n) < 1e15 {
		return strconv.FormatFloat(n, 'f', -1, 64)
	}
	return strconv.FormatFloat(n, 'g', 14, 64)
}

// Quote writes a string as Lua 5.1 reads it. Control characters become numbers, so that no terminal
// acts on them.
func Quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case unicode.IsControl(r):
			for _, c := range []byte(string(r)) {
				fmt.Fprintf(&b, `\%03d`, c)
			}
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// QuoteStart quotes at most so many bytes of a text.
func QuoteStart(text string, most int) string {
	if len(text) <= most {
		return Quote(text)
	}
	return fmt.Sprintf("%s… (%d bytes in all)", Quote(strings.ToValidUTF8(text[:most], "")), len(text))
}

// FirstLine returns the beginning of a text's first line. A line without spaces, such as a path, is
// kept whole if possible.
func FirstLine(text string) string {
	most := 80
	line, _, more := strings.Cut(text, "\n")
	if !strings.ContainsAny(line, " \t") {
		most = 300
	}
	if len(line) > most {
		line, more = strings.ToValidUTF8(line[:most], ""), true
	}
	if more {
		line += "…"
	}
	return line
}

var plainName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// IsName reports whether Lua takes a text as a name, unless it is a keyword.
func IsName(text string) bool { return plainName.MatchString(text) }

// FieldName writes the name of a field as in a table: name, or ["a name"].
func FieldName(name string) string {
	if IsName(name) {
		return name
	}
	return "[" + Quote(name) + "]"
}

// Braces puts braces around items, on one line when they are short or oneLine is set.
func Braces(items []string, indent string, oneLine bool) string {
	const widest = 100
	if len(items) == 0 {
		return "{}"
	}
	line := "{ " + strings.Join(items, ", ") + " }"
	if oneLine || len(line) <= widest && !strings.Contains(line, "\n") {
		return line
	}
	deeper := indent + "  "
	return "{\n" + deeper + strings.Join(items, ",\n"+deeper) + ",\n" + indent + "}"
}
