package script

import (
	"maps"
	"reflect"
	"slices"

	"github.com/yuin/gopher-lua/ast"
)

// facts are what the walks over a recipe have learned of it.
type facts struct {
	settled map[*ast.FunctionExpr][]*shape // what parameters hold, from the walk before
	seen    map[*ast.FunctionExpr][]*shape // the same from this walk
	unknown map[*ast.FunctionExpr]bool     // functions that may be called from where it can't be seen
	tables  map[*ast.TableExpr]*tableFacts
	added   map[string]map[string]bool // what the recipe adds to Lua's own libraries: string.trim = …
	learned bool                       // this walk has found something new
}

// tableFacts are what is known of a table of the recipe's own, wherever it is named.
type tableFacts struct {
	names map[string]bool // its fields
	read  map[string]bool // fields that are read without being called, be it to see whether they are there
	open  bool            // it may get other fields where it can't be seen
}

func newFacts() *facts {
	return &facts{
		settled: map[*ast.FunctionExpr][]*shape{}, seen: map[*ast.FunctionExpr][]*shape{}, unknown: map[*ast.FunctionExpr]bool{},
		tables: map[*ast.TableExpr]*tableFacts{}, added: map[string]map[string]bool{},
	}
}

// of are the shapes of a function's parameters.
func (t *facts) of(fn *ast.FunctionExpr) []*shape {
	if t.unknown[fn] {
		return nil
	}
	return t.settled[fn]
}

// called notes a call. Where two calls pass different things, nothing is known, unless both are functions: then it is
// one of them.
func (t *facts) called(fn *ast.FunctionExpr, given []*shape) {
	args := make([]*shape, len(fn.ParList.Names))
	for i := range min(len(args), len(given)) {
		args[i] = given[i].argument()
	}
	if t.unknown[fn] { // nothing is known of what its parameters hold, so neither of who calls these
		for _, a := range args {
			t.lose(a)
		}
	}
	before, ok := t.seen[fn]
	if !ok {
		t.seen[fn] = args
		return
	}
	for i := range before {
		before[i] = t.either(before[i], args[i])
	}
}

// either is what is known of a value that is one of two.
func (t *facts) either(a, b *shape) *shape {
	switch {
	case a.same(b):
		return a
	case a != nil && b != nil && len(a.fns) > 0 && len(b.fns) > 0:
		fns := slices.Clone(a.fns)
		for _, fn := range b.fns {
			if !slices.Contains(fns, fn) {
				fns = append(fns, fn)
			}
		}
		return &shape{fns: fns}
	}
	t.lose(a)
	t.lose(b)
	return nil
}

// lose notes that functions go where they can't be followed.
func (t *facts) lose(s *shape) {
	if s != nil {
		for _, fn := range s.fns {
			t.forget(fn)
		}
	}
}

// forget notes that a function may be called from where it can't be seen.
func (t *facts) forget(fn *ast.FunctionExpr) {
	t.learned = t.learned || !t.unknown[fn]
	t.unknown[fn] = true
}

// extend notes that the recipe adds a name to one of Lua's libraries.
func (t *facts) extend(library, name string) {
	if t.added[library] == nil {
		t.added[library] = map[string]bool{}
	}
	t.learned = t.learned || !t.added[library][name]
	t.added[library][name] = true
}

func (t *facts) table(e *ast.TableExpr) *tableFacts {
	if t.tables[e] == nil {
		t.tables[e] = &tableFacts{names: map[string]bool{}, read: map[string]bool{}}
	}
	return t.tables[e]
}

func (f *tableFacts) name(t *facts, name string) {
	t.learned = t.learned || !f.names[name]
	f.names[name] = true
}

func (f *tableFacts) reads(t *facts, name string) {
	t.learned = t.learned || !f.read[name]
	f.read[name] = true
}

func (f *tableFacts) opens(t *facts) {
	t.learned = t.learned || !f.open
	f.open = true
}

// settle ends a walk and says whether it learned anything.
func (t *facts) settle() bool {
	same := maps.EqualFunc(t.settled, t.seen, func(a, b []*shape) bool {
		return slices.EqualFunc(a, b, (*shape).same)
	})
	learned := t.learned || !same
	t.settled, t.seen, t.learned = t.seen, map[*ast.FunctionExpr][]*shape{}, false
	return learned
}

// escape notes that a value goes where it can't be followed.
func (f *fileChecker) escape(s *shape) {
	if s == nil {
		return
	}
	f.facts.lose(s)
	if s.table != nil {
		f.facts.table(s.table).opens(f.facts)
		s.item = nil
	}
	fields := s.fields
	s.fields = nil // nothing is known of the table any more; and one that holds itself ends here
	for _, field := range fields {
		f.escape(field)
	}
}

// is says whether a shape is known to be an object of that name.
func (s *shape) is(object string) bool { return s != nil && s.object == object }

// assignedNames are the names that statements assign to after their declaration, anywhere in a file.
func assignedNames(stmts []ast.Stmt) map[string]bool {
	names := map[string]bool{}
	assign := func(lhs ast.Expr) {
		if id, ok := lhs.(*ast.IdentExpr); ok {
			names[id.Value] = true
		}
	}
	walk(reflect.ValueOf(stmts), func(node any) {
		switch s := node.(type) {
		case *ast.AssignStmt:
			for _, e := range s.Lhs {
				assign(e)
			}
		case *ast.FuncDefStmt:
			if s.Name.Func != nil {
				assign(s.Name.Func)
			}
		}
	})
	return names
}

// walk visits every node below v, in the order of the source.
func walk(v reflect.Value, visit func(node any)) {
	switch v.Kind() {
	case reflect.Interface, reflect.Pointer:
		if v.IsNil() {
			return
		}
		if v.Kind() == reflect.Pointer {
			visit(v.Interface())
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
