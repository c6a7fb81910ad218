package script

import (
	"fmt"
	"sort"
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"runbook/runtime/event"
)

// given is the call that is under way, with the first top values on the stack, as a recipe would write it. Secrets are
// hidden before anything is cut: half a secret is not known for what it is.
func given(l *lua.LState, name string, top int) string {
	first := 1
	if _, ok := l.Get(1).(*lua.LUserData); ok && strings.Contains(name, ":") {
		first = 2 // what it is called on
	}
	w := giver{hide: func(text string) string { return event.Redact(l.Context(), text) }}
	var args []string
	for i := first; i <= top; i++ {
		args = append(args, w.value(l.Get(i), 0))
	}
	return name + "(" + strings.Join(args, ", ") + ")"
}

// giver writes Lua values in short.
type giver struct{ hide func(string) string }

func (w giver) value(v lua.LValue, depth int) string {
	switch v := v.(type) {
	case lua.LString:
		return strconv.Quote(shortText(w.hide(string(v))))
	case *lua.LFunction:
		return "function"
	case *lua.LTable:
		if depth > 2 {
			return "{ … }"
		}
		return w.table(v, depth)
	case *lua.LUserData:
		if s, ok := v.Value.(fmt.Stringer); ok {
			return s.String()
		}
		return "an object"
	}
	return v.String()
}

// shortText is the beginning of a text's first line. What has no space in it, such as a path, is whole if it can be.
func shortText(text string) string {
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

// table writes a table's list items, then its names in order.
func (w giver) table(t *lua.LTable, depth int) string {
	const mostItems = 12
	var items []string
	for i := 1; i <= t.Len() && i <= mostItems; i++ {
		items = append(items, w.value(t.RawGetInt(i), depth+1))
	}
	if t.Len() > mostItems {
		items = append(items, "…")
	}
	var names []string
	t.ForEach(func(k, v lua.LValue) {
		if name, ok := k.(lua.LString); ok {
			text := "…" // what must not be shown, and what is too long to
			if name != "secret" && name != "stdin" {
				text = w.value(v, depth+1)
			}
			names = append(names, string(name)+" = "+text)
		}
	})
	sort.Strings(names)
	if len(names) > mostItems {
		names = append(names[:mostItems], "…")
	}
	if items = append(items, names...); len(items) == 0 {
		return "{}"
	}
	return "{ " + strings.Join(items, ", ") + " }"
}
