package check

import (
	"github.com/yuin/gopher-lua/ast"

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
		return f.logical(e)
	case *ast.RelationalOpExpr:
		f.both(e.Lhs, e.Rhs)
	case *ast.StringConcatOpExpr:
		f.both(e.Lhs, e.Rhs)
	case *ast.ArithmeticOpExpr:
		f.both(e.Lhs, e.Rhs)
	case *ast.UnaryMinusOpExpr:
		f.expr(e.Expr)
	case *ast.UnaryNotOpExpr:
		f.expr(e.Expr)
	case *ast.UnaryLenOpExpr:
		f.expr(e.Expr)
	}
	return literal(e)
}

func (f *fileChecker) both(a, b ast.Expr) { f.expr(a); f.expr(b) }

// logical checks and, or. The value is known when both sides are of one kind.
func (f *fileChecker) logical(e *ast.LogicalOpExpr) *shape {
	a, b := f.expr(e.Lhs), f.expr(e.Rhs)
	if e.Operator == "or" { // a function or table left of and is never its result, because it is neither nil nor false
		f.escapeValue(a)
	}
	f.escapeValue(b)
	if e.Operator == "or" && a != nil && a.scalar != types.Boolean && a.passed() != nil && a.same(b) {
		return a
	}
	return nil
}

// escapeValue gives up a function or a table that may be the result, which can't be followed.
func (f *fileChecker) escapeValue(s *shape) {
	if s != nil && (len(s.fns) > 0 || s.table != nil) {
		f.escape(s)
	}
}

func (f *fileChecker) tableExpr(e *ast.TableExpr) *shape {
	s := &shape{fields: map[string]*shape{}, table: e}
	items := 0
	for _, field := range e.Fields {
		if key, ok := field.Key.(*ast.StringExpr); ok {
			f.setField(s, key.Value, f.expr(field.Value))
			continue
		}
		if field.Key != nil {
			f.expr(field.Key)
			f.facts.table(e).setOpen(f.facts)
		}
		value := f.expr(field.Value)
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
		f.report(e.Line(), e.Value, "undeclared global %q%s", e.Value, f.suggest(e.Value))
	}
	return nil
}

// attr returns the shape of owner.name or owner[key]. called is true when it is called at once.
func (f *fileChecker) attr(e *ast.AttrGetExpr, called bool) *shape {
	owner := f.expr(e.Object)
	key, ok := e.Key.(*ast.StringExpr)
	if !ok {
		f.expr(e.Key)
		if owner != nil { // hosts[1]
			return owner.item
		}
		return nil
	}
	return f.member(e.Key.Line(), owner, sourceName(e.Object), key.Value, called)
}

// sourceName returns an expression as written in the source, as far as it consists of names.
func sourceName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.IdentExpr:
		return e.Value
	case *ast.AttrGetExpr:
		if key, ok := e.Key.(*ast.StringExpr); ok {
			return sourceName(e.Object) + "." + key.Value
		}
		return sourceName(e.Object) + "[…]"
	case *ast.FuncCallExpr:
		if e.Receiver != nil {
			return sourceName(e.Receiver) + ":" + e.Method + "(…)"
		}
		return sourceName(e.Func) + "(…)"
	}
	return "this value"
}
