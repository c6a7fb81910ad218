package script

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"

	"runbook/runtime/event"
	"runbook/runtime/script/spell"
)

// Proxy is a result whose fields are looked up each time they are read, such as a recipe's options,
// which differ by host. Setting a field is an error. ctx is the context of the reading Lua thread.
type Proxy struct {
	Name string // its name in errors: "options"
	Get  func(ctx context.Context, key string) (any, error)
}

// KeyFolder is a map whose names have several spellings. FoldKey returns the spelling that the map
// uses.
type KeyFolder interface {
	FoldKey(name string) string
}

// foldingMetatable makes a metatable that looks up other spellings of the names in t.
func foldingMetatable(l *lua.LState, t *lua.LTable, folder KeyFolder) *lua.LTable {
	meta := l.NewTable()
	meta.RawSetString("__index", l.NewFunction(func(l *lua.LState) int {
		l.Push(t.RawGetString(folder.FoldKey(l.Get(2).String())))
		return 1
	}))
	return meta
}

// fromLua converts a Lua value to Go, as Value describes. It copies tables, so that Go never shares
// one with Lua.
func (s *State) fromLua(l *lua.LState, v lua.LValue) (any, error) {
	return s.fromLuaDepth(l, v, 0)
}

// mostLevels limits how deep tables may nest. A deeper one most likely contains itself.
const mostLevels = 64

func (s *State) fromLuaDepth(l *lua.LState, v lua.LValue, depth int) (any, error) {
	switch v := v.(type) {
	case *lua.LNilType:
		return nil, nil
	case lua.LBool:
		return bool(v), nil
	case lua.LNumber:
		return float64(v), nil
	case lua.LString:
		return string(v), nil
	case *lua.LFunction:
		return Callback{state: s, thread: l, fn: v}, nil
	case *lua.LUserData:
		if g, ok := v.Value.(group); ok {
			return g.receiver, nil
		}
		return v.Value, nil
	case *lua.LTable:
		if depth > mostLevels {
			return nil, fmt.Errorf("the table nests deeper than %d levels: does it contain itself?", mostLevels)
		}
		return s.fromTable(l, v, depth)
	}
	return nil, fmt.Errorf("a %s can't be passed to the runtime", v.Type())
}

func (s *State) fromTable(l *lua.LState, t *lua.LTable, depth int) (Table, error) {
	var out Table
	// A list may have holes ({ nil, "help" }): its length is its highest whole-number key.
	highest := 0
	var err error
	t.ForEach(func(k, v lua.LValue) {
		switch k := k.(type) {
		case lua.LNumber:
			n := int(k)
			if lua.LNumber(n) != k || n < 1 || n > 1<<20 {
				err = fmt.Errorf("a table key must be a name or a position in a list, got %v", k)
				return
			}
			highest = max(highest, n)
		case lua.LString:
			if out.Fields == nil {
				out.Fields = map[string]any{}
			}
			value, e := s.fromLuaDepth(l, v, depth+1)
			if e != nil && err == nil {
				err = fmt.Errorf("%s: %w", string(k), e)
			}
			out.Fields[string(k)] = value
		default:
			err = fmt.Errorf("a table key must be a name or a position in a list, got a %s", k.Type())
		}
	})
	if err != nil {
		return Table{}, err
	}
	if highest > 2*t.MaxN()+64 {
		return Table{}, fmt.Errorf("a list with item %d has too many holes", highest)
	}
	for i := 1; i <= highest; i++ {
		item, err := s.fromLuaDepth(l, t.RawGetInt(i), depth+1)
		if err != nil {
			return Table{}, fmt.Errorf("item %d: %w", i, err)
		}
		out.List = append(out.List, item)
	}
	return out, nil
}

// toLua converts a Go value to Lua, by Func's rules for results.
func (s *State) toLua(l *lua.LState, v any) (lua.LValue, error) {
	switch v := v.(type) {
	case nil, None:
		return lua.LNil, nil
	case lua.LValue:
		return v, nil
	case string:
		return lua.LString(v), nil
	case bool:
		return lua.LBool(v), nil
	case time.Duration:
		return lua.LString(v.String()), nil
	case Callback:
		return v.fn, nil
	case Proxy:
		return s.proxyTable(l, v), nil
	case Table:
		return s.toTable(l, v)
	case LiveTable:
		return v.table, nil
	case error:
		return s.errorValue(l, v), nil
	case assumption:
		return s.assumptionToLua(l, v)
	}
	return s.reflectToLua(l, reflect.ValueOf(v))
}

func (s *State) toTable(l *lua.LState, v Table) (lua.LValue, error) {
	t := l.NewTable()
	for i, item := range v.List {
		lv, err := s.toLua(l, item)
		if err != nil {
			return nil, err
		}
		t.RawSetInt(i+1, lv)
	}
	for name, field := range v.Fields {
		lv, err := s.toLua(l, field)
		if err != nil {
			return nil, err
		}
		t.RawSetString(name, lv)
	}
	return t, nil
}

func (s *State) reflectToLua(l *lua.LState, v reflect.Value) (lua.LValue, error) {
	switch v.Kind() {
	case reflect.String:
		return lua.LString(v.String()), nil
	case reflect.Bool:
		return lua.LBool(v.Bool()), nil
	case reflect.Int, reflect.Int64, reflect.Int32:
		return lua.LNumber(v.Int()), nil
	case reflect.Uint64, reflect.Uint32, reflect.Uint16, reflect.Uint8:
		return lua.LNumber(v.Uint()), nil
	case reflect.Float64:
		return lua.LNumber(v.Float()), nil
	case reflect.Slice:
		t := l.CreateTable(v.Len(), 0)
		for i := range v.Len() {
			item, err := s.toLua(l, v.Index(i).Interface())
			if err != nil {
				return nil, err
			}
			t.RawSetInt(i+1, item)
		}
		return t, nil
	case reflect.Map:
		t := l.NewTable()
		for _, k := range v.MapKeys() {
			item, err := s.toLua(l, v.MapIndex(k).Interface())
			if err != nil {
				return nil, err
			}
			t.RawSetString(k.String(), item)
		}
		if folder, ok := v.Interface().(KeyFolder); ok {
			t.Metatable = foldingMetatable(l, t, folder)
		}
		return t, nil
	case reflect.Struct:
		return s.structToLua(l, v)
	case reflect.Pointer:
		if v.IsNil() {
			return lua.LNil, nil
		}
		if o, ok := s.objectOf(v.Type()); ok {
			return s.objectValue(l, o, v.Interface()), nil
		}
		return s.toLua(l, v.Elem().Interface())
	}
	return nil, fmt.Errorf("a %v can't be passed to Lua", v.Type())
}

// structToLua makes a table of a result struct. Reading a field that the struct does not have is an
// error: if a misspelt field were nil, a check for failure could pass by mistake.
func (s *State) structToLua(l *lua.LState, v reflect.Value) (lua.LValue, error) {
	ps, ok := s.records[v.Type()]
	if !ok {
		var err error
		if ps, err = readParams(v.Type(), s.lib.objects, false); err != nil {
			return nil, err
		}
		s.records[v.Type()] = ps
	}
	t := l.CreateTable(0, len(ps))
	for _, p := range ps {
		item, err := s.toLua(l, v.FieldByIndex(p.Index).Interface())
		if err != nil {
			return nil, err
		}
		t.RawSetString(p.Name, item)
	}
	names := ps.Names()
	meta := l.NewTable()
	meta.RawSetString("__index", l.NewFunction(func(l *lua.LState) int {
		key := l.Get(2).String()
		for _, n := range names {
			if n == key { // declared, but nil
				return 0
			}
		}
		l.RaiseError("there is no %q in this result%s; it has %s",
			key, spell.DidYouMean(key, names), strings.Join(names, ", "))
		return 0
	}))
	t.Metatable = meta
	return t, nil
}

// assumptionToLua converts the result of a skipped call. It reports each field that the recipe
// reads, because what the recipe does with an assumed value may be wrong.
func (s *State) assumptionToLua(l *lua.LState, a assumption) (lua.LValue, error) {
	v, err := s.toLua(l, a.value)
	assumed, ok := v.(*lua.LTable)
	if err != nil || !ok || s.opts.ReadAssumed == nil || reflect.ValueOf(a.value).Kind() != reflect.Struct {
		return v, err
	}
	t, meta := l.NewTable(), l.NewTable()
	meta.RawSetString("__index", l.NewFunction(func(l *lua.LState) int {
		field := l.GetField(assumed, l.Get(2).String()) // raises an error for an unknown field
		if value, err := s.fromLua(l, field); err == nil {
			s.opts.ReadAssumed(event.WithLine(l.Context(), currentLine(l)), a.call, l.Get(2).String(), value)
		}
		l.Push(field)
		return 1
	}))
	t.Metatable = meta
	return t, nil
}
