package script

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/ast"

	"runbook/runtime/script/source"
	"runbook/runtime/script/spell"
	"runbook/runtime/script/types"
)

// LiveTable is a table argument that is not copied. The primitive can change it and find the lines
// that wrote its keys.
type LiveTable struct {
	state  *State
	thread *lua.LState
	table  *lua.LTable // nil when the argument is not a table; Copy then returns an error
	given  lua.LValue
	place  int // the argument's place in the call, from 0
}

// Copy returns the table as Value describes it.
func (t LiveTable) Copy() (Table, error) {
	v, err := t.state.fromLua(t.thread, t.given)
	if err != nil {
		return Table{}, err
	}
	table, ok := v.(Table)
	if !ok {
		return Table{}, wrongType(v, types.Type{Kind: types.Table})
	}
	return table, nil
}

// Required reports whether a required file returned this table.
func (t LiveTable) Required() bool { return len(t.files()) > 0 }

// Overlay overrides keys of this table, which app.lua returned, by those of the table in
// app.WORD.lua next to it. It returns the overriding keys, or none if there is no such file. The
// table must be Required.
func (t LiveTable) Overlay(word string) (keys []string, err error) {
	name := strings.TrimSuffix(t.files()[0], ".lua") + "." + word
	if _, err := os.Stat(name + ".lua"); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	value, err := t.state.require(t.thread, source.Project{Dir: filepath.Dir(name)}, filepath.Base(name))
	if err != nil {
		return nil, err
	}
	table, ok := value.(*lua.LTable)
	if !ok {
		o := t.state.moduleOrigin(name + ".lua")
		return nil, source.Problem{File: o.file.Path, Line: o.line, Col: o.col,
			Message: "want a table of settings: return { … }"}
	}
	over := map[string]string{}
	table.ForEach(func(k, v lua.LValue) {
		t.table.RawSet(k, v)
		over[k.String()] = name + ".lua"
	})
	t.state.overlays[t.table] = over
	return slices.Sorted(maps.Keys(over)), nil
}

// Set sets a key to a value, by Func's rules for results. nil removes the key.
func (t LiveTable) Set(key string, value any) error {
	v, err := t.state.toLua(t.thread, value)
	if err == nil {
		t.table.RawSetString(key, v)
	}
	return err
}

// Close makes it an error to read or set any key other than these. what names a key in that error.
func (t LiveTable) Close(what string, keys []string) {
	meta := t.state.root.NewTable()
	known := func(l *lua.LState) lua.LValue {
		key := l.Get(2)
		if name, ok := key.(lua.LString); ok && slices.Contains(keys, string(name)) {
			return key
		}
		l.RaiseError("there is no %s %q%s", what, key.String(), spell.DidYouMean(key.String(), keys))
		return nil
	}
	meta.RawSetString("__index", t.state.root.NewFunction(func(l *lua.LState) int {
		known(l)
		return 0
	}))
	meta.RawSetString("__newindex", t.state.root.NewFunction(func(l *lua.LState) int {
		t.table.RawSet(known(l), l.Get(3))
		return 0
	}))
	t.table.Metatable = meta
}

// ReplaceFunctions replaces every function in the table, and in the tables inside it, by one that
// calls record and returns true. name is the key, or both keys: before_switch.once.
func (t LiveTable) ReplaceFunctions(record func(ctx context.Context, name string)) {
	t.replaceFunctions(t.table, "", record)
}

func (t LiveTable) replaceFunctions(table *lua.LTable, prefix string, record func(ctx context.Context, name string)) {
	found := map[string]lua.LValue{}
	table.ForEach(func(k, v lua.LValue) {
		if name, ok := k.(lua.LString); ok {
			found[string(name)] = v
		}
	})
	for key, value := range found {
		switch value := value.(type) {
		case *lua.LFunction:
			table.RawSetString(key, t.state.root.NewFunction(func(l *lua.LState) int {
				record(l.Context(), prefix+key)
				l.Push(lua.LTrue)
				return 1
			}))
		case *lua.LTable:
			if prefix == "" {
				t.replaceFunctions(value, key+".", record)
			}
		}
	}
}

// Problem returns a mistake at the line that wrote a key of the table or, with a longer path, a
// name or list item (from 1) inside its value. Without a path, and when no line is known, the
// mistake is at the table itself.
func (t LiveTable) Problem(message string, path ...any) source.Problem {
	p := source.Problem{Message: message, Line: 1}
	origins := t.origins()
	if len(path) > 0 && t.state.overlays[t.table][fmt.Sprint(path[0])] != "" {
		origins = []origin{t.state.moduleOrigin(t.state.overlays[t.table][fmt.Sprint(path[0])])}
	}
	for _, o := range origins {
		if line, col, ok := o.file.Locate(o.keys, path); ok {
			p.File, p.Line, p.Col = o.file.Path, line, col
			return p
		}
	}
	if len(origins) > 0 {
		o := origins[0]
		p.File, p.Line, p.Col = o.file.Path, o.line, o.col
		return p
	}
	// The primitive may be called by a module's function that got the table from its caller.
	for level := 1; level <= 2; level++ {
		if file, line, ok := source.SplitPlace(strings.TrimSuffix(t.thread.Where(level), ":")); ok {
			p.File, p.Line = file, line
		}
	}
	return p
}

// files returns the required files that returned this table, the last one first.
func (t LiveTable) files() []string {
	var paths []string
	for _, path := range t.state.order {
		if t.table != nil && t.state.loaded[path] == t.table {
			paths = append([]string{path}, paths...)
		}
	}
	return paths
}

// origin is a file that may have written a table's keys: where it makes or returns the table, and
// where it writes keys.
type origin struct {
	file      *source.File
	line, col int
	keys      map[string]source.Key
}

// origins returns where the table's keys may have been written, the most likely place first.
func (t LiveTable) origins() []origin {
	var found []origin
	for _, path := range t.files() {
		found = append(found, t.state.moduleOrigin(path))
	}
	if len(found) > 0 {
		return found
	}
	return t.argumentOrigins()
}

// moduleOrigin returns the origin of the table that a required file returned.
func (s *State) moduleOrigin(path string) origin {
	o := origin{file: s.files[path]}
	o.line, o.col, o.keys = o.file.Returned()
	return o
}

// requiredPath returns the path of the file that an expression requires, or "".
func (s *State) requiredPath(e ast.Expr) string {
	name := source.Required(e)
	for _, path := range s.order {
		if name != "" && filepath.Base(path) == name+".lua" {
			return path
		}
	}
	return ""
}

// argumentOrigins finds the table among the arguments of the active calls, the innermost first.
func (t LiveTable) argumentOrigins() []origin {
	for level := 1; ; level++ {
		if _, ok := t.thread.GetStack(level); !ok {
			return nil
		}
		path, line, ok := source.SplitPlace(strings.TrimSuffix(t.thread.Where(level), ":"))
		f := t.state.files[path]
		if !ok || f == nil {
			continue
		}
		var found []origin
		source.Walk(f.Chunk, func(node any) {
			call, ok := node.(*ast.FuncCallExpr)
			if !ok || call.Line() != line {
				return
			}
			for i, arg := range call.Args {
				if level == 1 && i != t.place {
					continue
				}
				if path := t.state.requiredPath(arg); path != "" && level == 1 {
					found = append(found, t.state.moduleOrigin(path))
				} else if keys := f.Keys(arg); t.hasKeys(keys) {
					o := origin{file: f, keys: keys}
					o.line, o.col = f.Place(arg.Line(), source.Text(arg))
					found = append(found, o)
				}
			}
		})
		if len(found) > 0 {
			return found[:1]
		}
	}
}

// hasKeys reports whether these keys include all names of the table.
func (t LiveTable) hasKeys(keys map[string]source.Key) bool {
	if t.table == nil || keys == nil {
		return false
	}
	all := true
	t.table.ForEach(func(k, _ lua.LValue) {
		if name, ok := k.(lua.LString); ok {
			_, ok := keys[string(name)]
			all = all && ok
		}
	})
	return all
}
