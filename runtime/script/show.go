package script

import (
	"fmt"
	"slices"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// How much of a value is shown to a person.
const (
	shownItems = 40
	shownDepth = 6
	shownText  = 200   // characters of a text within a table
	shownLines = 20000 // bytes of a text that stands alone
)

// show is a Lua value for a person: as Lua would write it, but a text of several lines is shown as it is. What is long,
// nests deep or holds itself is cut.
func show(l *lua.LState, v lua.LValue) string {
	if text, ok := v.(lua.LString); ok {
		if strings.Contains(strings.TrimRight(string(text), "\n"), "\n") {
			return lines(string(text))
		}
		return shortened(string(text), shownLines)
	}
	return shower{l: l, around: map[*lua.LTable]bool{}}.value(v, "")
}

// shower writes one value. around are the tables that it is within.
type shower struct {
	l      *lua.LState
	around map[*lua.LTable]bool
}

func (s shower) value(v lua.LValue, indent string) string {
	switch v := v.(type) {
	case lua.LString:
		return shortened(string(v), shownText)
	case lua.LNumber:
		return format(float64(v), "")
	case *lua.LFunction:
		return "function"
	case *lua.LTable:
		if s.l.GetMetaField(v, "__tostring") == lua.LNil {
			return s.table(v, indent)
		}
	}
	return s.l.ToStringMeta(v).String()
}

func (s shower) table(t *lua.LTable, indent string) string {
	if s.around[t] || len(s.around) == shownDepth {
		return "{ … }"
	}
	s.around[t] = true
	defer delete(s.around, t)
	deeper := indent + "  "
	var list, named []string
	items := t.MaxN()
	for i := 1; i <= min(items, shownItems); i++ {
		list = append(list, s.value(t.RawGetInt(i), deeper))
	}
	names := map[string]lua.LValue{}
	t.ForEach(func(k, v lua.LValue) {
		if n, ok := k.(lua.LNumber); ok && n >= 1 && int(n) <= items && lua.LNumber(int(n)) == n {
			return
		}
		name := k.String()
		if _, ok := k.(lua.LString); !ok || !plainName.MatchString(name) {
			name = "[" + s.value(k, deeper) + "]"
		}
		names[name] = v
	})
	for _, name := range sortedKeys(names) {
		if len(named) == shownItems {
			break
		}
		named = append(named, name+" = "+s.value(names[name], deeper))
	}
	if more := items - len(list) + len(names) - len(named); more > 0 {
		named = append(named, fmt.Sprintf("… and %d more", more))
	}
	return braced(slices.Concat(list, named), indent)
}

// shortened is a text in quotes, without what is too much of it.
func shortened(text string, limit int) string {
	if len(text) <= limit {
		return quote(text)
	}
	return fmt.Sprintf("%s… (%d bytes in all)", quote(strings.ToValidUTF8(text[:limit], "")), len(text))
}

// lines is a text of several lines. Who shows it to a person cleans it.
func lines(text string) string {
	more := ""
	if len(text) > shownLines {
		text, more = strings.ToValidUTF8(text[:shownLines], ""), fmt.Sprintf("\n… (%d bytes in all)", len(text))
	}
	return strings.TrimRight(text, "\n") + more
}
