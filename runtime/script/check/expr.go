package check

import (
	"github.com/yuin/gopher-lua/ast"

	"runbook/runtime/script/source"
	"runbook/runtime/script/types"
)

// expr checks an expression and returns what is known about its value.
func (f *fileChecker) expr(e ast.Expr) *shape {
	switch e := e.(type) {
	case *ast.IdentExpr:
		return f.ident(e)
	case *ast.AttrGetExpr:
		return f.attr(e, false)
	case *ast.FuncCallExpr:
		return f.call(e)
	case *ast.FunctionExpr:
		f.function(e, nil, false)
	case *ast.TableExpr:
		return f.tableExpr(e)
	case *ast.LogicalOpExpr:
		return f.either(e, f.expr)
	case *ast.RelationalOpExpr:
		f.compare(e)
	case *ast.StringConcatOpExpr:
		return f.concat(e)
	case *ast.ArithmeticOpExpr:
		return f.arithmetic(e)
	case *ast.StringExpr:
		f.filledIn(e)
	case *ast.UnaryMinusOpExpr:
		f.expr(e.Expr)
	case *ast.UnaryNotOpExpr:
		f.condition(e)
	case *ast.UnaryLenOpExpr:
		f.length(e)
	}
	return literal(e)
}

// either checks and, or, whose sides check checks. The value is known when both are of one kind.
func (f *fileChecker) either(e *ast.LogicalOpExpr, check func(ast.Expr) *shape) *shape {
	a, b := check(e.Lhs), check(e.Rhs)
	if e.Operator == "or" { // a function or table left of and is never its result, because it is neither nil nor false
		f.escapeValue(a)
	}
	f.escapeValue(b)
	if e.Operator == "or" && a != nil && a.scalar != types.Boolean && a.passed() != nil && a.same(b) {
		return a
	}
	return nil
}

// escapeValue records that a function or a table may be the result, where it can't be followed.
func (f *fileChecker) escapeValue(s *shape) {
	if s != nil && (len(s.fns) > 0 || s.table != nil) {
		f.escape(s)
	}
}

func (f *fileChecker) tableExpr(e *ast.TableExpr) *shape {
	s := &shape{fields: map[string]*shape{}, table: e}
	f.middle(source.Items(e))
	items := 0
	for _, field := range e.Fields {
		if key, ok := field.Key.(*ast.StringExpr); ok {
			f.setField(s, key.Value, f.value(field.Value))
			continue
		}
		if field.Key != nil {
			f.expr(field.Key)
			f.facts.table(e).setOpen(f.facts)
		}
		value := f.value(field.Value)
		f.escape(value)
		if field.Key == nil {
			if items++; items == 1 {
				s.item = value.passed()
			} else if !s.item.same(value.passed()) {
				s.item = nil
			}
		}
	}
	return s
}

func (f *fileChecker) ident(e *ast.IdentExpr) *shape {
	if s, ok := f.scope.find(e.Value); ok {
		return s
	}
	if f.facts.added[""][e.Value] {
		return nil
	}
	if s := f.api.global(e.Value); s != nil {
		return s
	}
	if _, ok := f.libraries[e.Value]; ok {
		return &shape{library: e.Value}
	}
	if !f.isGlobal(e.Value) {
		f.report(e.Line(), e.Value, "undeclared global %q%s", e.Value, f.suggest(e.Line(), e.Value))
	}
	return nil
}

// attr returns the shape of owner.name or owner[key]. called is true when it is called at once.
func (f *fileChecker) attr(e *ast.AttrGetExpr, called bool) *shape {
	owner := f.expr(e.Object)
	key, ok := e.Key.(*ast.StringExpr)
	if !ok {
		s := f.value(e.Key)
		if owner != nil { // hosts[1]
			f.listIndex(e, owner, s)
			return owner.item.argument()
		}
		return nil
	}
	return f.member(e.Key.Line(), owner, source.Name(e.Object), key.Value, called)
}

// listIndex warns about an index that no list has.
func (f *fileChecker) listIndex(e *ast.AttrGetExpr, owner, key *shape) {
	if owner.item == nil || owner.table != nil && f.facts.table(owner.table).open {
		return
	}
	name := source.Name(e.Object)
	n, isNumber := source.Number(e.Key)
	switch {
	case isNumber && n == 0:
		f.warnAt(e.Line(), source.FirstWord(e.Object), "a list begins at 1: the first item is %s[1]", name)
	case key != nil && key.scalar == types.String && owner.item.object != "":
		f.warnAt(e.Line(), source.FirstWord(e.Object), "%s is a list by number: write named(%s)", name,
			source.Name(e.Key))
	}
}
