package script

import (
	"maps"
	"reflect"
	"slices"

	"github.com/yuin/gopher-lua/ast"
)

// paramTable knows what the parameters of the recipe's own functions hold, from the calls that were seen.
type paramTable struct {
	settled map[*ast.FunctionExpr][]*shape // from the walk before
	seen    map[*ast.FunctionExpr][]*shape // from this walk
	unknown map[*ast.FunctionExpr]bool     // functions that may be called from where it can't be seen
	known   int                            // how many of unknown the walk before had found
}

func newParamTable() *paramTable {
	return &paramTable{
		settled: map[*ast.FunctionExpr][]*shape{}, seen: map[*ast.FunctionExpr][]*shape{}, unknown: map[*ast.FunctionExpr]bool{},
	}
}

// of are the shapes of a function's parameters.
func (t *paramTable) of(fn *ast.FunctionExpr) []*shape {
	if t.unknown[fn] {
		return nil
	}
	return t.settled[fn]
}

// called notes a call. Where two calls pass different things, nothing is known.
func (t *paramTable) called(fn *ast.FunctionExpr, given []*shape) {
	args := make([]*shape, len(fn.ParList.Names))
	for i := range min(len(args), len(given)) {
		args[i] = given[i].passed()
	}
	before, ok := t.seen[fn]
	if !ok {
		t.seen[fn] = args
		return
	}
	for i := range before {
		if !before[i].same(args[i]) {
			before[i] = nil
		}
	}
}

// forget notes that a function may be called from where it can't be seen.
func (t *paramTable) forget(fn *ast.FunctionExpr) { t.unknown[fn] = true }

// settle ends a walk and says whether it learned anything.
func (t *paramTable) settle() bool {
	same := maps.EqualFunc(t.settled, t.seen, func(a, b []*shape) bool {
		return slices.EqualFunc(a, b, (*shape).same)
	})
	same = same && t.known == len(t.unknown)
	t.settled, t.seen, t.known = t.seen, map[*ast.FunctionExpr][]*shape{}, len(t.unknown)
	return !same
}

// escape notes that a value goes where it can't be followed.
func (f *fileChecker) escape(s *shape) {
	switch {
	case s == nil:
	case s.fn != nil:
		f.params.forget(s.fn)
	case s.fields != nil:
		fields := s.fields
		s.fields = nil // nothing is known of the table any more; and one that holds itself ends here
		for _, field := range fields {
			f.escape(field)
		}
	}
}

// is says whether a shape is known to be an object of that name.
func (s *shape) is(object string) bool { return s != nil && s.object == object }

// assignedNames are the names that statements assign to after their declaration, anywhere in a file.
func assignedNames(stmts []ast.Stmt) map[string]bool {
	names := map[string]bool{}
	walk(reflect.ValueOf(stmts), func(s *ast.AssignStmt) {
		for _, e := range s.Lhs {
			if id, ok := e.(*ast.IdentExpr); ok {
				names[id.Value] = true
			}
		}
	})
	return names
}

// walk visits every assignment below v, whatever kind of node holds it.
func walk(v reflect.Value, visit func(*ast.AssignStmt)) {
	switch v.Kind() {
	case reflect.Interface, reflect.Pointer:
		if v.IsNil() {
			return
		}
		if s, ok := v.Interface().(*ast.AssignStmt); ok {
			visit(s)
		}
		walk(v.Elem(), visit)
	case reflect.Slice:
		for i := range v.Len() {
			walk(v.Index(i), visit)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				walk(v.Field(i), visit)
			}
		}
	}
}
