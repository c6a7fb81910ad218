package script

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"

	"runbook/runtime/script/source"
)

// printer writes values as a recipe would write them: a short table on one line, a long one with a
// line for each item, names sorted. It takes values of Lua, values as Value describes them, and
// arguments of primitives.
type printer struct {
	text    func(text string) string // writes a string in quotes
	items   int                      // the most items, and the most names, of a table; 0 for all
	depth   int                      // the most levels of tables; 0 for all
	oneLine bool
	private []string    // names whose values are not shown
	thread  *lua.LState // of Lua's own values
	custom  bool        // call the __tostring of tables

	within []*lua.LTable // the tables around the current value
	level  int           // how many tables are around it
}

// Format writes a value, as Value describes it, in full.
func Format(v any) string { return (&printer{text: source.Quote}).value(v, "") }

// Short writes a value on one line with long strings cut. hide replaces secrets before a string is
// cut: half a secret is not recognised.
func Short(v any, hide func(text string) string) string {
	const most = 200
	p := printer{oneLine: true, text: func(text string) string {
		if text = hide(text); len(text) > most {
			text = strings.ToValidUTF8(text[:most], "") + "…"
		}
		return source.Quote(text)
	}}
	return p.value(v, "")
}

// callText writes the active call for an error. The arguments are the first top values on the
// stack.
func (s *State) callText(l *lua.LState, name string, top int) string {
	p := printer{oneLine: true, items: 12, depth: 3, private: []string{"secret", "stdin"}, thread: l}
	if name == "host:file" { // the file's content may be private
		p.private = append(p.private, "text", "values")
	}
	p.text = func(text string) string { return source.Quote(source.FirstLine(s.stream.Redact(text))) }
	first := 1
	if _, ok := l.Get(1).(*lua.LUserData); ok && strings.Contains(name, ":") {
		first = 2 // the object that it is called on
	}
	var args []string
	for i := first; i <= top; i++ {
		args = append(args, p.value(l.Get(i), ""))
	}
	return name + "(" + strings.Join(args, ", ") + ")"
}

// show writes a value for a person at the console. A string of several lines is returned as it is;
// the caller cleans it. Long, deep and recursive values are cut.
func show(l *lua.LState, v lua.LValue) string {
	const mostAlone, mostInside = 20000, 200 // bytes of a string
	if s, ok := v.(lua.LString); ok {
		text := strings.TrimRight(string(s), "\n")
		if !strings.Contains(text, "\n") {
			return source.QuoteStart(string(s), mostAlone)
		}
		if len(s) > mostAlone {
			text = strings.TrimRight(strings.ToValidUTF8(string(s[:mostAlone]), ""), "\n")
			text += fmt.Sprintf("\n… (%d bytes in all)", len(s))
		}
		return text
	}
	p := printer{items: 40, depth: 6, thread: l, custom: true}
	p.text = func(text string) string { return source.QuoteStart(text, mostInside) }
	return p.value(v, "")
}

func (p *printer) value(v any, indent string) string {
	switch v := v.(type) {
	case nil:
		return "nil"
	case string:
		return p.text(v)
	case lua.LString:
		return p.text(string(v))
	case float64:
		return source.NumberText(v)
	case lua.LNumber:
		return source.NumberText(float64(v))
	case *lua.LFunction, Callback:
		return "function"
	case *lua.LUserData:
		return p.thread.ToStringMeta(v).String()
	case *lua.LTable:
		if p.custom && p.thread.GetMetaField(v, "__tostring") != lua.LNil {
			return p.thread.ToStringMeta(v).String()
		}
		return p.luaTable(v, indent)
	case Table:
		return p.table(v.List, keys(v.Fields), indent)
	case error:
		return "error: " + v.Error()
	case time.Duration:
		return source.Quote(v.String())
	case fmt.Stringer: // an object
		return v.String()
	}
	return p.goValue(reflect.ValueOf(v), indent)
}

// goValue writes an argument of a primitive: a list, a map, a struct with the fields that are set,
// or what a pointer points to.
func (p *printer) goValue(v reflect.Value, indent string) string {
	switch v.Kind() {
	case reflect.String:
		return p.text(v.String())
	case reflect.Slice:
		list := make([]any, v.Len())
		for i := range list {
			list[i] = v.Index(i).Interface()
		}
		return p.table(list, nil, indent)
	case reflect.Map:
		fields := map[string]any{}
		for _, k := range v.MapKeys() {
			fields[k.String()] = v.MapIndex(k).Interface()
		}
		return p.table(nil, keys(fields), indent)
	case reflect.Pointer:
		if v.IsNil() {
			return "nil"
		}
		return p.value(v.Elem().Interface(), indent)
	case reflect.Struct:
		if ps, err := readParams(v.Type(), nil, false); err == nil {
			fields := map[string]any{}
			for _, param := range ps {
				if f := v.FieldByIndex(param.Index); !f.IsZero() {
					fields[param.Name] = f.Interface()
				}
			}
			return p.table(nil, keys(fields), indent)
		}
	}
	return fmt.Sprint(v)
}

// luaTable writes one of Lua's own tables. A table inside itself is cut.
func (p *printer) luaTable(t *lua.LTable, indent string) string {
	if slices.Contains(p.within, t) {
		return "{ … }"
	}
	p.within = append(p.within, t)
	defer func() { p.within = p.within[:len(p.within)-1] }()
	list := make([]any, t.MaxN())
	for i := range list {
		list[i] = t.RawGetInt(i + 1)
	}
	fields := map[string]any{}
	t.ForEach(func(k, v lua.LValue) {
		switch k := k.(type) {
		case lua.LNumber:
			if n := int(k); n < 1 || n > len(list) || lua.LNumber(n) != k {
				fields["["+source.NumberText(float64(k))+"]"] = v
			}
		case lua.LString:
			fields[source.FieldName(string(k))] = v
		default:
			fields["["+p.value(k, indent)+"]"] = v
		}
	})
	return p.table(list, fields, indent)
}

// keys returns the fields by their names as a recipe writes them in a table.
func keys(fields map[string]any) map[string]any {
	written := make(map[string]any, len(fields))
	for name, v := range fields {
		written[source.FieldName(name)] = v
	}
	return written
}

// table writes list items, then keys in order.
func (p *printer) table(list []any, keys map[string]any, indent string) string {
	if p.level++; p.depth > 0 && p.level > p.depth {
		p.level--
		return "{ … }"
	}
	defer func() { p.level-- }()
	names, deeper, more := sortedKeys(keys), indent+"  ", 0
	if p.items > 0 {
		more = max(0, len(list)-p.items) + max(0, len(names)-p.items)
		list, names = list[:min(p.items, len(list))], names[:min(p.items, len(names))]
	}
	var items []string
	for _, v := range list {
		items = append(items, p.value(v, deeper))
	}
	for _, name := range names {
		text := "…"
		if !slices.Contains(p.private, name) {
			text = p.value(keys[name], deeper)
		}
		items = append(items, name+" = "+text)
	}
	if more > 0 {
		items = append(items, fmt.Sprintf("… and %d more", more))
	}
	return source.Braces(items, indent, p.oneLine)
}
