package script

import (
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/yuin/gopher-lua/ast"
)

// shape is what check knows of an expression's value. A nil shape means that nothing is known, and then nothing is
// reported: a false alarm is worse than a miss.
type shape struct {
	scalar  string              // "string", "number" or "boolean", which is never nil
	text    bool                // a string that the recipe itself states, word by word
	object  string              // a registered object, such as a host
	module  *Module             // a global module (log) or an object's group (host.fs)
	library string              // one of Lua's own: string, table, math, os, coroutine
	call    *Primitive          // a primitive, to be called
	of      *Module             // the module of call
	result  reflect.Type        // a struct that a primitive returned
	item    *shape              // a list of these
	options map[string]string   // what recipe{} returned: the options' types by name
	fns     []*ast.FunctionExpr // a function of the recipe's own, one of these
	fields  map[string]*shape   // a table of the recipe's own, such as a module that is required
	table   *ast.TableExpr      // where that table was made
}

// passed is what is known of the value once it has been passed to a function: tables and functions of the recipe's own
// may change on their way.
func (s *shape) passed() *shape {
	if s == nil || len(s.fns) > 0 || s.fields != nil || s.table != nil || s.call != nil {
		return nil
	}
	return s
}

// argument is what is known of the value in the function that it is passed to.
func (s *shape) argument() *shape {
	if s != nil && len(s.fns) > 0 {
		return s
	}
	return s.passed()
}

// same says whether two passed values are known to be of one kind.
func (s *shape) same(other *shape) bool {
	if s == nil || other == nil {
		return s == other
	}
	module := func(m *Module) string {
		if m == nil {
			return ""
		}
		return m.On + "." + m.Name
	}
	return s.scalar == other.scalar && s.text == other.text && s.object == other.object && module(s.module) == module(other.module) &&
		s.library == other.library && s.result == other.result && s.item.same(other.item) && sameFuncs(s.fns, other.fns) && maps.Equal(s.options, other.options)
}

func sameFuncs(a, b []*ast.FunctionExpr) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(fn *ast.FunctionExpr) bool { return !slices.Contains(b, fn) })
}

// luaType is the type of the value as a declaration states it, with "list" for a list of anything, or "" where that can't be told.
func (s *shape) luaType() string {
	switch {
	case s == nil:
		return ""
	case s.scalar != "":
		return s.scalar
	case s.object != "":
		return s.object
	case s.table != nil: // a list, or not, and it may change
		return "table"
	case s.item != nil && s.item.luaType() != "":
		return s.item.luaType() + "[]"
	case s.item != nil:
		return "list"
	case s.call != nil, len(s.fns) > 0:
		return "function"
	case s.module != nil, s.library != "", s.result != nil, s.options != nil, s.fields != nil, s.table != nil:
		return "table"
	}
	return ""
}

// typed is the shape of a value of a declared type, as Field.Type states it.
func (lib *Library) typed(t string) *shape {
	if item, ok := strings.CutSuffix(t, "[]"); ok {
		if s := lib.typed(item); s != nil {
			return &shape{item: s}
		}
		return nil
	}
	switch t {
	case "string", "number", "boolean":
		return &shape{scalar: t}
	case "integer":
		return &shape{scalar: "number"}
	}
	if _, ok := lib.object(t); ok {
		return &shape{object: t}
	}
	return nil
}

// luaType is a Go type as the stub and the errors of check state it: a registered object by its name in Lua.
func (lib *Library) luaType(t reflect.Type) string {
	for _, o := range lib.objects {
		if o.Type == t {
			return o.Name
		}
	}
	if t.Kind() == reflect.Slice && t != reflect.TypeFor[[]byte]() {
		return lib.luaType(t.Elem()) + "[]"
	}
	return luaType(t)
}

// globalShape is the shape of a global name.
func (lib *Library) globalShape(name string) *shape {
	if f, ok := lib.global(name); ok {
		return lib.typed(f.Type)
	}
	for i, m := range lib.modules {
		if m.On != "" {
			continue
		}
		if m.Name == name {
			return &shape{module: &lib.modules[i]}
		}
		if m.Name == "" {
			if p := m.primitive(name); p != nil {
				return &shape{call: p, of: &lib.modules[i]}
			}
		}
	}
	return nil
}

func (m Module) primitive(name string) *Primitive {
	i := slices.IndexFunc(m.Primitives, func(p Primitive) bool { return p.Name == name })
	if i < 0 {
		return nil
	}
	return &m.Primitives[i]
}

func (lib *Library) moduleNames(m *Module) []string {
	var names []string
	for _, other := range lib.modules {
		if other.Name == m.Name && other.On == m.On {
			names = append(names, other.memberNames()...)
		}
	}
	return names
}

func (lib *Library) ownMember(m *Module, name string) (*shape, bool) {
	for _, f := range m.Fields {
		if f.Name == name {
			return lib.typed(f.Type), true
		}
	}
	if p := m.primitive(name); p != nil {
		return &shape{call: p, of: m}, true
	}
	return nil, false
}

// shapeOf is the shape of a result of Go type t. One that may be nil is of no known shape, unless it is a table.
func shapeOf(t reflect.Type) *shape {
	pointer := t.Kind() == reflect.Pointer
	if pointer {
		t = t.Elem()
	}
	if t.Kind() == reflect.Struct && t.NumField() > 0 && hasTags(t) {
		return &shape{result: t}
	}
	if pointer || t == reflect.TypeFor[[]byte]() {
		return nil
	}
	if t.Kind() == reflect.Slice {
		return &shape{item: shapeOf(t.Elem())}
	}
	switch name := luaType(t); name {
	case "string", "number", "boolean":
		return &shape{scalar: name}
	case "integer":
		return &shape{scalar: "number"}
	}
	return nil
}

// literal is the shape of an expression by its form alone.
func literal(e ast.Expr) *shape {
	switch e := e.(type) {
	case *ast.StringExpr:
		return &shape{scalar: "string", text: true}
	case *ast.StringConcatOpExpr:
		return &shape{scalar: "string"}
	case *ast.NumberExpr, *ast.ArithmeticOpExpr, *ast.UnaryLenOpExpr, *ast.UnaryMinusOpExpr:
		return &shape{scalar: "number"}
	case *ast.TrueExpr, *ast.FalseExpr, *ast.UnaryNotOpExpr, *ast.RelationalOpExpr:
		return &shape{scalar: "boolean"}
	case *ast.FunctionExpr:
		return &shape{fns: []*ast.FunctionExpr{e}}
	}
	return nil
}
