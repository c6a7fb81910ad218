package script

import (
	"cmp"
	"context"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/ast"
)

// LiveTable is a table that a primitive takes as an argument without a copy, so it can fill the table in and find the lines
// that wrote its keys.
type LiveTable struct {
	state  *State
	thread *lua.LState
	table  *lua.LTable // nil where the argument is no table; then Copy is an error
	given  lua.LValue
	place  int // of the argument in the call, from 0
}

// Copy returns the table as Value describes it.
func (t LiveTable) Copy() (Table, error) {
	v, err := t.state.fromLua(t.thread, t.given)
	if err != nil {
		return Table{}, err
	}
	table, ok := v.(Table)
	if !ok {
		return Table{}, wrongType(v, reflect.TypeFor[Table]())
	}
	return table, nil
}

// Required says whether a file that was required returned this table.
func (t LiveTable) Required() bool { return len(t.files()) > 0 }

// Set gives a key its value, as Func describes results. nil removes the key.
func (t LiveTable) Set(key string, value any) error {
	v, err := t.state.toLua(t.thread, value)
	if err == nil {
		t.table.RawSetString(key, v)
	}
	return err
}

// Close makes reading or setting any other key than these an error. what is what a key is called in it.
func (t LiveTable) Close(what string, keys []string) {
	meta := t.state.root.NewTable()
	known := func(l *lua.LState) lua.LValue {
		key := l.Get(2)
		if name, ok := key.(lua.LString); ok && slices.Contains(keys, string(name)) {
			return key
		}
		l.RaiseError("there is no %s %q%s", what, key.String(), DidYouMean(key.String(), keys))
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

// ReplaceFunctions puts a function that calls record in the place of every function in the table, and in the tables in it.
// name is the key, or both keys: before_switch.once. The function returns true.
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

// Problem is a mistake at the line that wrote a key of the table, or, within its value, a name or an item (from 1). Without
// a path, or where no line wrote the key, it is at the table itself.
func (t LiveTable) Problem(message string, path ...any) Problem {
	p := Problem{Message: message, Line: 1}
	origins := t.origins()
	for _, o := range origins {
		if line, col, ok := o.find(path); ok {
			p.File, p.Line, p.Col = o.file.path, line, col
			return p
		}
	}
	if len(origins) > 0 {
		o := origins[0]
		p.File, p.Line, p.Col = o.file.path, o.line, o.col
		return p
	}
	// A library's function got the table from whoever called it.
	for level := 1; level <= 2; level++ {
		if file, line, ok := SplitPlace(strings.TrimSuffix(t.thread.Where(level), ":")); ok {
			p.File, p.Line = file, line
		}
	}
	return p
}

// files are the files that were required and returned this table, the last one first.
func (t LiveTable) files() []string {
	var paths []string
	for _, path := range t.state.order {
		if t.table != nil && t.state.loaded[path] == t.table {
			paths = append([]string{path}, paths...)
		}
	}
	return paths
}

// origin is what a file says of a table: where the table was made, and what was set in it there.
type origin struct {
	file      *recipeFile
	line, col int             // of the table, or of what returns it
	fields    map[string]site // the last place of each key
}

// site is where a key is written.
type site struct {
	line  int
	key   string
	value ast.Expr // nil for function t.key() … end
}

// origins are the files that can have written the table's keys, the likeliest first.
func (t LiveTable) origins() []origin {
	var found []origin
	for _, path := range t.files() {
		found = append(found, t.state.returned(path))
	}
	if len(found) > 0 {
		return found
	}
	return t.argument()
}

// returned is the origin of what a required file returned.
func (s *State) returned(path string) origin {
	f := s.files[path]
	o := origin{file: f, line: 1, col: 1}
	if len(f.chunk) == 0 {
		return o
	}
	last := f.chunk[len(f.chunk)-1]
	o.line, o.col = f.place(last.Line(), "")
	if returns, ok := last.(*ast.ReturnStmt); ok && len(returns.Exprs) > 0 {
		o.fields = f.fields(returns.Exprs[0])
	}
	return o
}

// requires is the file that an expression requires, or "".
func (s *State) requires(e ast.Expr) string {
	call, ok := e.(*ast.FuncCallExpr)
	if !ok || lastName(call.Func) != "require" {
		return ""
	}
	name, ok := only(call.Args).(*ast.StringExpr)
	if !ok {
		return ""
	}
	i := slices.IndexFunc(s.order, func(path string) bool { return strings.TrimSuffix(filepath.Base(path), ".lua") == name.Value })
	if i < 0 {
		return ""
	}
	return s.order[i]
}

// argument looks for the table among the arguments of the calls that are under way, the innermost first.
func (t LiveTable) argument() []origin {
	for level := 1; ; level++ {
		if _, ok := t.thread.GetStack(level); !ok {
			return nil
		}
		path, line, ok := SplitPlace(strings.TrimSuffix(t.thread.Where(level), ":"))
		f := t.state.files[path]
		if !ok || f == nil {
			continue
		}
		var found []origin
		walk(reflect.ValueOf(f.chunk), func(node any) {
			call, ok := node.(*ast.FuncCallExpr)
			if !ok || call.Line() != line {
				return
			}
			for i, arg := range call.Args {
				if level == 1 && i != t.place {
					continue
				}
				if path := t.state.requires(arg); path != "" && level == 1 {
					found = append(found, t.state.returned(path))
				} else if fields := f.fields(arg); t.wrote(fields) {
					o := origin{file: f, fields: fields}
					o.line, o.col = f.place(arg.Line(), textOf(arg))
					found = append(found, o)
				}
			}
		})
		if len(found) > 0 {
			return found[:1]
		}
	}
}

// wrote says whether these fields have all names of the table.
func (t LiveTable) wrote(fields map[string]site) bool {
	if t.table == nil || fields == nil {
		return false
	}
	all := true
	t.table.ForEach(func(k, _ lua.LValue) {
		if name, ok := k.(lua.LString); ok {
			_, ok := fields[string(name)]
			all = all && ok
		}
	})
	return all
}

// fields are the places of the keys of the table that an expression stands for: those in { … }, and those that are set in
// the variable that it is. It is nil where nothing is known of it.
func (f *recipeFile) fields(e ast.Expr) map[string]site {
	id, ok := e.(*ast.IdentExpr)
	if !ok {
		return written(e)
	}
	var fields map[string]site
	add := func(more map[string]site) {
		if fields == nil && more != nil {
			fields = map[string]site{}
		}
		maps.Copy(fields, more)
	}
	set := func(lhs, value ast.Expr) {
		switch lhs := lhs.(type) {
		case *ast.IdentExpr:
			if lhs.Value == id.Value {
				add(written(value))
			}
		case *ast.AttrGetExpr:
			owner, isName := lhs.Object.(*ast.IdentExpr)
			key, isKey := lhs.Key.(*ast.StringExpr)
			if isName && isKey && owner.Value == id.Value {
				add(map[string]site{key.Value: {lhs.Key.Line(), key.Value, value}})
			}
		}
	}
	walk(reflect.ValueOf(f.chunk), func(node any) {
		switch s := node.(type) {
		case *ast.LocalAssignStmt:
			for i, name := range s.Names {
				if name == id.Value && i < len(s.Exprs) {
					add(written(s.Exprs[i]))
				}
			}
		case *ast.AssignStmt:
			for i, lhs := range s.Lhs {
				if i < len(s.Rhs) {
					set(lhs, s.Rhs[i])
				}
			}
		case *ast.FuncDefStmt:
			if s.Name.Func != nil {
				set(s.Name.Func, nil)
			}
		}
	})
	return fields
}

// written are the places of the keys in { … }, also where that is passed to a function, such as merge({ … }, { … }).
func written(e ast.Expr) map[string]site {
	switch e := e.(type) {
	case *ast.TableExpr:
		fields := map[string]site{}
		for _, field := range e.Fields {
			if key, ok := field.Key.(*ast.StringExpr); ok {
				fields[key.Value] = site{key.Line(), key.Value, field.Value}
			}
		}
		return fields
	case *ast.FuncCallExpr:
		var fields map[string]site
		for _, arg := range e.Args {
			if table, ok := arg.(*ast.TableExpr); ok {
				if fields == nil {
					fields = map[string]site{}
				}
				maps.Copy(fields, written(table))
			}
		}
		return fields
	}
	return nil
}

// find is where the key at the beginning of path is written, or what is within its value.
func (o origin) find(path []any) (line, col int, ok bool) {
	if len(path) == 0 {
		return 0, 0, false
	}
	name, _ := path[0].(string)
	at, ok := o.fields[name]
	if !ok {
		return 0, 0, false
	}
	line, col = o.file.key(at)
	for _, step := range path[1:] {
		table, isTable := at.value.(*ast.TableExpr)
		if !isTable {
			break
		}
		switch step := step.(type) {
		case string:
			if at, ok = written(table)[step]; ok {
				line, col = o.file.key(at)
			}
		case int:
			if e := item(table, step); e != nil {
				at = site{e.Line(), textOf(e), e}
				line, col = o.file.place(at.line, at.key)
			}
		}
	}
	return line, col, true
}

// item is the n-th list item of { … }, or nil.
func item(table *ast.TableExpr, n int) ast.Expr {
	for _, field := range table.Fields {
		if field.Key != nil {
			continue
		}
		if n--; n == 0 {
			return field.Value
		}
	}
	return nil
}

// key is where a key stands: the word before =, or before ] =. The tree knows its line alone, and the same word may stand
// there as a value, too.
func (f *recipeFile) key(at site) (line, col int) {
	words := f.from(at.line)
	for i, w := range words {
		if w.Pos.Line > at.line || i+1 == len(words) {
			break
		}
		if next := words[i+1].Type; w.Str == at.key && (next == '=' || next == ']' || next == '(') {
			return w.Pos.Line, max(1, w.Pos.Column)
		}
	}
	return f.place(at.line, at.key)
}

// SortProblems puts problems into the order of their places.
func SortProblems(problems []Problem) {
	slices.SortStableFunc(problems, func(a, b Problem) int {
		return cmp.Or(strings.Compare(a.File, b.File), a.Line-b.Line, a.Col-b.Col, strings.Compare(a.Message, b.Message))
	})
}

// Describe says in words what a Lua value is, as Value describes it, for "want …, got …".
func Describe(v any) string { return describe(v) }

// TypeWords says in words what a type is, as the editor's stub states it.
func TypeWords(t string) string { return typeWords(t) }
