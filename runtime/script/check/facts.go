package check

import (
	"maps"
	"slices"

	"github.com/yuin/gopher-lua/ast"
)

// facts holds what the walks over a recipe have learned.
type facts struct {
	settled map[*ast.FunctionExpr]*calls   // the calls of functions, from the previous walk
	seen    map[*ast.FunctionExpr]*calls   // the same, from this walk
	used    map[*ast.FunctionExpr][]*shape // the parameters with which bodies were checked in this walk
	unknown map[*ast.FunctionExpr]bool     // functions that may have other callers
	tables  map[*ast.TableExpr]*tableFacts
	added   map[string]map[string]bool // names that the recipe adds to Lua's libraries: string.trim = …
	learned bool                       // this walk found something new
	started bool                       // this is not the first walk
}

// calls holds what is known about the calls of a function.
type calls struct {
	count  int
	params []*shape // what all of these calls pass
}

// tableFacts holds what is known about one of the recipe's tables.
type tableFacts struct {
	names map[string]bool // its fields
	// fns are the functions in its fields, from the previous walk; set are those of this walk,
	// which may set a field after it checked who reads it. nil stands for more than one value.
	fns, set map[string]*shape
	read     map[string]bool // fields that are read without being called, maybe to see whether they exist
	open     bool            // may get other fields
}

func newFacts() *facts {
	return &facts{
		settled: map[*ast.FunctionExpr]*calls{}, seen: map[*ast.FunctionExpr]*calls{},
		used: map[*ast.FunctionExpr][]*shape{}, unknown: map[*ast.FunctionExpr]bool{},
		tables: map[*ast.TableExpr]*tableFacts{}, added: map[string]map[string]bool{},
	}
}

// params returns the shapes of a function's parameters: from the previous walk, or from this one if
// it has seen as many calls.
func (t *facts) params(fn *ast.FunctionExpr) []*shape {
	if t.unknown[fn] {
		return nil
	}
	known, seen := t.settled[fn], t.seen[fn]
	if seen != nil && (known == nil || seen.count == known.count) {
		known = seen
	}
	if known == nil {
		return nil
	}
	t.used[fn] = slices.Clone(known.params) // addCall changes the list
	return t.used[fn]
}

// addCall records a call. When two calls pass different kinds of value, nothing is known about the
// parameter, unless both are functions: then it is one of them.
func (t *facts) addCall(fn *ast.FunctionExpr, given []*shape) {
	args := make([]*shape, len(fn.ParList.Names))
	for i := range min(len(args), len(given)) {
		args[i] = given[i].argument()
	}
	if t.unknown[fn] { // nothing is known about its parameters, nor about the callers of functions among them
		for _, a := range args {
			t.addUnknownCallers(a)
		}
	}
	before := t.seen[fn]
	if before == nil {
		t.seen[fn] = &calls{1, args}
		return
	}
	before.count++
	for i, param := range before.params {
		before.params[i] = t.either(param, args[i])
	}
}

// either returns what is known about a value that is one of two.
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
	t.addUnknownCallers(a)
	t.addUnknownCallers(b)
	return nil
}

// addUnknownCallers records that a value's functions may be called from anywhere.
func (t *facts) addUnknownCallers(s *shape) {
	if s != nil {
		for _, fn := range s.fns {
			t.addUnknownCaller(fn)
		}
	}
}

// addUnknownCaller records that a function may be called from anywhere.
func (t *facts) addUnknownCaller(fn *ast.FunctionExpr) {
	t.learned = t.learned || !t.unknown[fn]
	t.unknown[fn] = true
}

// extend records that the recipe adds a name to one of Lua's libraries.
func (t *facts) extend(library, name string) {
	if t.added[library] == nil {
		t.added[library] = map[string]bool{}
	}
	t.learned = t.learned || !t.added[library][name]
	t.added[library][name] = true
}

func (t *facts) table(e *ast.TableExpr) *tableFacts {
	if t.tables[e] == nil {
		t.tables[e] = &tableFacts{names: map[string]bool{}, read: map[string]bool{}, set: map[string]*shape{}}
	}
	return t.tables[e]
}

func (f *tableFacts) addName(t *facts, name string, value *shape) {
	t.learned = t.learned || !f.names[name]
	f.names[name] = true
	if value == nil || len(value.fns) > 0 {
		f.set[name] = value
	}
}

func (f *tableFacts) addRead(t *facts, name string) {
	t.learned = t.learned || !f.read[name]
	f.read[name] = true
}

func (f *tableFacts) setOpen(t *facts) {
	t.learned = t.learned || !f.open
	f.open = true
}

// settle ends a walk and reports whether it learned anything.
func (t *facts) settle() bool {
	learned := t.learned
	for fn, calls := range t.seen {
		used, ok := t.used[fn]
		learned = learned || !t.unknown[fn] && (!ok || !slices.EqualFunc(used, calls.params, (*shape).same))
	}
	for _, table := range t.tables {
		learned = learned || !maps.EqualFunc(table.fns, table.set, (*shape).same)
		table.fns, table.set = table.set, map[string]*shape{}
	}
	t.settled, t.seen = t.seen, map[*ast.FunctionExpr]*calls{}
	if !t.started {
		// The first walk treats functions in fields as unknown values, and their arguments as
		// escaped. The next walk knows these functions.
		t.unknown, learned = map[*ast.FunctionExpr]bool{}, true
	}
	t.used, t.learned, t.started = map[*ast.FunctionExpr][]*shape{}, false, true
	return learned
}

// escape records that a value is used where it can't be followed.
func (f *fileChecker) escape(s *shape) {
	if s == nil {
		return
	}
	if s.table == nil && s.fields == nil && len(s.fns) == 0 { // the usual case; the shape may be shared
		return
	}
	f.facts.addUnknownCallers(s)
	if s.table != nil {
		f.facts.table(s.table).setOpen(f.facts)
		s.item = nil
	}
	fields := s.fields
	s.fields = nil // nothing is known about them from here on; this also ends a table that contains itself
	for _, field := range fields {
		f.escape(field)
	}
}
