package check

import (
	"reflect"
	"slices"

	"github.com/yuin/gopher-lua/ast"

	"runbook/runtime/script"
	"runbook/runtime/script/types"
)

// shape is what check knows about an expression's value. A nil shape means that nothing is known,
// and then nothing is reported: a false alarm is worse than a miss.
type shape struct {
	scalar  types.Kind            // types.String, types.Number or types.Boolean; never nil
	literal bool                  // a string that is written in the recipe
	object  string                // an object, such as a host
	module  *script.Module        // a global module (log) or an object's group (host.fs)
	library string                // one of Lua's libraries: string, table, math, os, coroutine
	call    *script.Primitive     // a primitive
	of      *script.Module        // the module of call
	record  *types.Type           // a table of named fields that a primitive returned
	item    *shape                // a list of these
	options map[string]types.Type // what recipe{} returned: the options' types by name
	fns     []*ast.FunctionExpr   // one of these functions of the recipe
	fields  map[string]*shape     // a table of the recipe, such as a module that is required
	table   *ast.TableExpr        // where that table is made
	named   bool                  // a table of values by any names, such as host.vars
	nothing bool                  // no value: what a function without return returns

	valueFacts
}

// valueFacts are known about a value where it is created, and forgotten when it is passed on.
type valueFacts struct {
	certain bool     // comes from a declaration as it is, so it is neither nil nor false
	checked bool     // result of a command that raises an error for a status other than 0
	index   bool     // counts the items in a loop
	quoted  bool     // what quote returned
	unsafe  []string // the values in this text that a shell would not take as they are
}

// isObject reports whether the value is known to be an object of that name.
func (s *shape) isObject(name string) bool { return s != nil && s.object == name }

// passed returns what is known about the value after it was passed to a function that may change
// it: nothing about the recipe's own tables and functions.
func (s *shape) passed() *shape {
	if s == nil || len(s.fns) > 0 || s.fields != nil || s.table != nil || s.call != nil || s.nothing {
		return nil
	}
	return s
}

// argument returns what is known about the value inside the function that it is passed to.
func (s *shape) argument() *shape {
	if s != nil && len(s.fns) > 0 {
		return s
	}
	if s = s.passed(); s != nil && (s.certain || s.index || s.checked || s.quoted || s.unsafe != nil) {
		forgotten := *s
		forgotten.valueFacts = valueFacts{}
		return &forgotten
	}
	return s
}

// same reports whether two passed values are known to be of one kind.
func (s *shape) same(other *shape) bool {
	if s == nil || other == nil {
		return s == other
	}
	module := func(m *script.Module) string {
		if m == nil {
			return ""
		}
		return m.Group()
	}
	return s.scalar == other.scalar && s.literal == other.literal && s.object == other.object &&
		module(s.module) == module(other.module) && s.library == other.library &&
		reflect.DeepEqual(s.record, other.record) && s.item.same(other.item) && sameFuncs(s.fns, other.fns) &&
		(s.options == nil) == (other.options == nil) && s.named == other.named && s.nothing == other.nothing
}

func sameFuncs(a, b []*ast.FunctionExpr) bool {
	isMissing := func(fn *ast.FunctionExpr) bool { return !slices.Contains(b, fn) }
	return len(a) == len(b) && !slices.ContainsFunc(a, isMissing)
}

// luaType returns the value's type, or any where it is not known.
func (s *shape) luaType() types.Type {
	switch {
	case s == nil:
	case s.scalar != types.Any:
		return types.Type{Kind: s.scalar}
	case s.object != "":
		return types.Type{Kind: types.Object, Object: s.object}
	case s.table != nil: // a list or not, and it may change
		return types.Type{Kind: types.Table}
	case s.item != nil:
		item := s.item.luaType()
		return types.Type{Kind: types.List, Elem: &item}
	case s.call != nil, len(s.fns) > 0:
		return types.Type{Kind: types.Function}
	case s.module != nil, s.library != "", s.record != nil, s.options != nil, s.fields != nil, s.named:
		return types.Type{Kind: types.Table}
	}
	return types.Type{}
}

// known reports whether anything is known about the value's type.
func (s *shape) known() bool { return s.luaType().Kind != types.Any }

// shapeOf returns the shape of a value of a declared type. Nothing is known about a value that may
// be nil, unless it is a table of named fields.
func shapeOf(t types.Type) *shape {
	if t.Kind == types.Record {
		return &shape{record: &t, valueFacts: valueFacts{certain: !t.Nilable}}
	}
	if t.Nilable {
		return nil
	}
	switch t.Kind {
	case types.String, types.Duration:
		return sureString
	case types.Number, types.Integer:
		return sureNumber
	case types.Boolean:
		return someBoolean
	case types.Object:
		return &shape{object: t.Object, valueFacts: valueFacts{certain: true}}
	case types.Map:
		return sureTable
	case types.None:
		return noValue
	case types.List:
		list := &shape{valueFacts: valueFacts{certain: true}}
		if t.Elem != nil {
			list.item = shapeOf(*t.Elem)
		}
		return list
	}
	return nil
}

// Shapes that many expressions share. They are never changed.
var (
	literalString = &shape{scalar: types.String, literal: true}
	someString    = &shape{scalar: types.String}
	someNumber    = &shape{scalar: types.Number}
	someBoolean   = &shape{scalar: types.Boolean}
	sureNumber    = &shape{scalar: types.Number, valueFacts: valueFacts{certain: true}}
	sureString    = &shape{scalar: types.String, valueFacts: valueFacts{certain: true}}
	sureTable     = &shape{named: true, valueFacts: valueFacts{certain: true}}
	noValue       = &shape{nothing: true}
)

// literal returns the shape of an expression by its form alone.
func literal(e ast.Expr) *shape {
	switch e := e.(type) {
	case *ast.StringExpr:
		return literalString
	case *ast.StringConcatOpExpr:
		return someString
	case *ast.UnaryLenOpExpr:
		return sureNumber
	case *ast.NumberExpr, *ast.ArithmeticOpExpr, *ast.UnaryMinusOpExpr:
		return someNumber
	case *ast.TrueExpr, *ast.FalseExpr, *ast.UnaryNotOpExpr, *ast.RelationalOpExpr:
		return someBoolean
	case *ast.FunctionExpr:
		return &shape{fns: []*ast.FunctionExpr{e}}
	}
	return nil
}
