package script

import (
	"reflect"
	"slices"
	"strings"

	"github.com/yuin/gopher-lua/ast"
)

// shape is what check knows of an expression's value. A nil shape means that nothing is known, and then nothing is
// reported: a false alarm is worse than a miss.
type shape struct {
	object  string            // a registered object, such as a host
	module  *Module           // a global module (log) or an object's group (host.fs)
	call    *Primitive        // a primitive, to be called
	of      *Module           // the module of call
	result  reflect.Type      // a struct that a primitive returned
	item    *shape            // a list of these
	options []string          // what recipe{} returned: the names of the options
	fn      *ast.FunctionExpr // a function of the recipe's own
	fields  map[string]*shape // a table of the recipe's own, such as a module that is required
}

// passed is what is known of the value once it has been passed to a function: tables and functions of the recipe's own
// may change on their way.
func (s *shape) passed() *shape {
	if s == nil || s.fn != nil || s.fields != nil || s.call != nil {
		return nil
	}
	return s
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
	return s.object == other.object && module(s.module) == module(other.module) && s.result == other.result &&
		s.item.same(other.item) && slices.Equal(s.options, other.options)
}

// typed is the shape of a value of a declared type, as Field.Type states it.
func (lib *Library) typed(t string) *shape {
	if item, ok := strings.CutSuffix(t, "[]"); ok {
		if s := lib.typed(item); s != nil {
			return &shape{item: s}
		}
		return nil
	}
	if _, ok := lib.object(t); ok {
		return &shape{object: t}
	}
	return nil
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

// member is the shape of owner.name. known says whether owner is understood well enough for a missing name to be a
// mistake, and then names are those that it has.
func (lib *Library) member(owner *shape, name string) (s *shape, names []string, missing bool) {
	switch {
	case owner == nil:
		return nil, nil, false
	case owner.object != "":
		for _, m := range lib.on(owner.object) {
			if m.Name == name && name != "" {
				return &shape{module: &m}, nil, false
			}
			if m.Name == "" {
				if s, ok := lib.ownMember(&m, name); ok {
					return s, nil, false
				}
			}
		}
		return nil, lib.members(owner.object), true
	case owner.module != nil:
		names := lib.moduleNames(owner.module)
		for i, m := range lib.modules { // several declarations may share one name in Lua
			if m.Name == owner.module.Name && m.On == owner.module.On {
				if s, ok := lib.ownMember(&lib.modules[i], name); ok {
					return s, nil, false
				}
			}
		}
		return nil, names, true
	case owner.result != nil:
		ps, err := readParamsLoose(owner.result)
		if err != nil {
			return nil, nil, false
		}
		p, ok := ps.find(name)
		if !ok {
			return nil, ps.names(), true
		}
		return shapeOf(p.typ), nil, false
	case owner.fields != nil:
		return owner.fields[name], nil, false // a table may get more names than can be seen
	case owner.options != nil:
		return nil, owner.options, !slices.Contains(owner.options, name)
	}
	return nil, nil, false
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

// shapeOf is the shape of a result of Go type t.
func shapeOf(t reflect.Type) *shape {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() == reflect.Struct && t.NumField() > 0 && hasTags(t) {
		return &shape{result: t}
	}
	return nil
}

// exprType says whether a literal fits a declared type; ok is true as well where that can't be told.
func exprType(e ast.Expr) string {
	switch e.(type) {
	case *ast.StringExpr, *ast.StringConcatOpExpr:
		return "string"
	case *ast.NumberExpr, *ast.ArithmeticOpExpr, *ast.UnaryLenOpExpr:
		return "number"
	case *ast.TrueExpr, *ast.FalseExpr, *ast.UnaryNotOpExpr, *ast.RelationalOpExpr:
		return "boolean"
	case *ast.TableExpr:
		return "table"
	case *ast.FunctionExpr:
		return "function"
	}
	return ""
}
