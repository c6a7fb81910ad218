package script

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

// wide is how long a table may get on one line.
const wide = 100

// Format is a Lua value, as Value describes it, as a person reads it and Lua would write it: a short table on one line,
// a long one with a line an item, names in alphabetical order.
func Format(v any) string { return format(v, "") }

func format(v any, indent string) string {
	switch v := v.(type) {
	case nil:
		return "nil"
	case string:
		return quote(v)
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1e15 {
			return strconv.FormatFloat(v, 'f', -1, 64)
		}
		return strconv.FormatFloat(v, 'g', 14, 64)
	case Table:
		return formatTable(v, indent)
	case Callback:
		return "function"
	case error:
		return "error: " + v.Error()
	case fmt.Stringer: // a registered object
		return v.String()
	}
	return fmt.Sprint(v)
}

func formatTable(t Table, indent string) string {
	deeper := indent + "  "
	var items []string
	for _, item := range t.List {
		items = append(items, format(item, deeper))
	}
	for _, name := range sortedKeys(t.Fields) {
		key := name
		if !plainName.MatchString(name) {
			key = "[" + quote(name) + "]"
		}
		items = append(items, key+" = "+format(t.Fields[name], deeper))
	}
	return braced(items, indent)
}

// braced is a table of these items, on one line where they are short.
func braced(items []string, indent string) string {
	if len(items) == 0 {
		return "{}"
	}
	deeper := indent + "  "
	line := "{ " + strings.Join(items, ", ") + " }"
	if len(line) <= wide && !strings.Contains(line, "\n") {
		return line
	}
	return "{\n" + deeper + strings.Join(items, ",\n"+deeper) + ",\n" + indent + "}"
}

var plainName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// quote writes a string as Lua 5.1 reads it. Bytes that a terminal would act on are numbers.
func quote(s string) string {
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
