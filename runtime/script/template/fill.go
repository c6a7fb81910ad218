package template

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"runbook/runtime/script"
	"runbook/runtime/script/source"
	"runbook/runtime/script/stdlib"
)

// mostBytes limits how long a filled text may be.
const mostBytes = 16 << 20

// Fill returns the text with the values: strings, numbers, booleans, nil and script.Table. An error
// is a source.Problem at the line of the template, or that of ctx.
func (t *Template) Fill(ctx context.Context, values map[string]any) (string, error) {
	if err := checkValues(values); err != nil {
		return "", err
	}
	l := lua.NewState(lua.Options{SkipOpenLibs: true, RegistrySize: 1024, RegistryMaxSize: 1 << 20,
		RegistryGrowStep: 1024})
	defer l.Close()
	if err := stdlib.Open(l, Functions()); err != nil {
		return "", err
	}
	l.SetContext(ctx)
	w := &writer{}
	fn := l.NewFunctionFromProto(t.proto)
	l.SetFEnv(fn, environment(l, values))
	l.Push(fn)
	l.Push(l.NewFunction(w.write))
	l.Push(l.NewFunction(list))
	if err := l.PCall(2, 0, nil); err != nil {
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
		return "", t.problem(err)
	}
	return w.text.String(), nil
}

// checkValues refuses values that a template cannot show, such as hosts: they would be empty.
func checkValues(values map[string]any) error {
	for _, name := range sortedKeys(values) {
		if other := foreign(values[name]); other != nil {
			return fmt.Errorf("values: %s has %s in it, but a template takes only strings, numbers, true, false, "+
				"lists and tables: pass what it shows, such as host.name", name, script.Describe(other))
		}
	}
	return nil
}

// foreign returns a part of a value that is not plain data, or nil.
func foreign(value any) any {
	switch v := value.(type) {
	case nil, string, bool, float64:
		return nil
	case script.Table:
		for _, item := range v.List {
			if other := foreign(item); other != nil {
				return other
			}
		}
		for _, name := range sortedKeys(v.Fields) {
			if other := foreign(v.Fields[name]); other != nil {
				return other
			}
		}
		return nil
	}
	return value
}

// environment returns the globals of a template: Lua's functions and the values.
func environment(l *lua.LState, values map[string]any) *lua.LTable {
	env := l.NewTable()
	for _, name := range Functions() {
		env.RawSetString(name, l.G.Global.RawGetString(name))
	}
	for name, v := range values {
		env.RawSetString(name, toLua(l, v))
	}
	meta := l.NewTable()
	meta.RawSetString("__index", l.NewFunction(func(l *lua.LState) int {
		if _, ok := values[l.Get(2).String()]; !ok { // a value may be nil
			l.RaiseError("%s", undeclared(l.Get(2).String(), sortedKeys(values)))
		}
		return 0
	}))
	env.Metatable = meta
	return env
}

func toLua(l *lua.LState, v any) lua.LValue {
	switch v := v.(type) {
	case string:
		return lua.LString(v)
	case bool:
		return lua.LBool(v)
	case float64:
		return lua.LNumber(v)
	case script.Table:
		t := l.NewTable()
		for i, item := range v.List {
			t.RawSetInt(i+1, toLua(l, item))
		}
		for name, field := range v.Fields {
			t.RawSetString(name, toLua(l, field))
		}
		return t
	}
	return lua.LNil
}

// problem returns the error of Lua as a problem at its line.
func (t *Template) problem(err error) error {
	p := source.Problem{File: t.proto.SourceName, Line: 1, Col: 1, Message: err.Error()}
	var api *lua.ApiError
	if !errors.As(err, &api) {
		return p
	}
	p.Message = api.Object.String()
	if at, message, ok := strings.Cut(strings.TrimPrefix(p.Message, t.proto.SourceName+":"), ": "); ok {
		if line, err := strconv.Atoi(at); err == nil {
			p.Line, p.Message = line, message
		}
	}
	return p
}

// writer collects the text.
type writer struct{ text strings.Builder }

// write appends a text, or the value of an expression, which follows as written.
func (w *writer) write(l *lua.LState) int {
	var text string
	switch v := l.Get(1).(type) {
	case lua.LString:
		text = string(v)
	case lua.LBool:
		text = v.String()
	case lua.LNumber:
		text = strconv.FormatFloat(float64(v), 'f', -1, 64)
	default:
		l.RaiseError("{{ %s }} is %s; want a string, a number, true or false", l.ToString(2), v.Type())
	}
	if w.text.Len()+len(text) > mostBytes {
		l.RaiseError("the text is longer than %d MiB", mostBytes>>20)
	}
	w.text.WriteString(text)
	return 0
}

// list returns the iterator of a for loop: list(1, T) gives the values of the list T, and list(2,
// T) the keys and values of the table T, sorted. What pairs or ipairs returns is passed on.
func list(l *lua.LState) int {
	if l.Get(2).Type() == lua.LTFunction {
		return l.GetTop() - 1
	}
	t, ok := l.Get(2).(*lua.LTable)
	if !ok {
		l.RaiseError("for wants a list or a table, got %s", l.Get(2).Type())
	}
	form, at := l.CheckInt(1), 0
	keys := keysOf(t)
	l.Push(l.NewFunction(func(l *lua.LState) int {
		at++
		if form == 1 {
			l.Push(t.RawGetInt(at))
			return 1
		}
		if at > len(keys) {
			return 0
		}
		l.Push(keys[at-1])
		l.Push(t.RawGet(keys[at-1]))
		return 2
	}))
	return 1
}

// keysOf returns the keys of a table: positions first, then names, sorted.
func keysOf(t *lua.LTable) []lua.LValue {
	var keys []lua.LValue
	t.ForEach(func(k, _ lua.LValue) { keys = append(keys, k) })
	slices.SortFunc(keys, func(a, b lua.LValue) int {
		x, isNumber := a.(lua.LNumber)
		y, bothNumbers := b.(lua.LNumber)
		switch {
		case isNumber && bothNumbers:
			return cmp.Compare(x, y)
		case isNumber:
			return -1
		case bothNumbers:
			return 1
		}
		return strings.Compare(a.String(), b.String())
	})
	return keys
}
