package check

import (
	"strings"

	"github.com/yuin/gopher-lua/ast"

	"runbook/runtime/script/check/advice"
	"runbook/runtime/script/source"
	"runbook/runtime/script/types"
)

// warn adds a warning at the first word of an expression, or at word if it begins with none.
func (f *fileChecker) warn(e ast.Expr, word, format string, args ...any) {
	if text := source.FirstWord(e); text != "" {
		word = text
	}
	f.warnAt(e.Line(), word, format, args...)
}

// value checks an expression whose value is used.
func (f *fileChecker) value(e ast.Expr) *shape {
	s := f.expr(e)
	if s != nil && s.nothing {
		f.warn(e, "", "%s returns nothing, so this value is nil", strings.TrimSuffix(source.Name(e), "(…)"))
		return nil
	}
	return s
}

// condition checks an expression that is used as a condition.
func (f *fileChecker) condition(e ast.Expr) *shape {
	switch e := e.(type) {
	case *ast.UnaryNotOpExpr:
		f.condition(e.Expr)
		return literal(e)
	case *ast.LogicalOpExpr:
		return f.either(e, f.condition)
	}
	s := f.value(e)
	if s == nil || !s.certain && !s.checked {
		return s
	}
	if s.scalar == types.Boolean && !s.checked {
		return s
	}
	name := source.Name(e)
	if id, ok := e.(*ast.UnaryLenOpExpr); ok {
		name = "#" + source.Name(id.Expr)
	}
	if always := s.alwaysTrue(name); always != "" {
		f.warn(e, "", "%s", always)
	}
	return s
}

// alwaysTrue says why a condition is always true and what was meant, or "". name is the value's.
func (s *shape) alwaysTrue(name string) string {
	switch {
	case s.checked && s.record == nil:
		return name + " is the same after every status: another one than 0 is an error; " +
			"add check = false to the command"
	case s.scalar == types.Boolean:
		return ""
	case s.scalar == types.String && strings.Contains(name, ":capture("):
		return name + ` is always true, even when it is empty: compare it with ~= "", or use test for the exit status`
	case s.scalar == types.String:
		return name + ` is always true, even when it is empty: compare it with ~= ""`
	case s.scalar == types.Number:
		return name + " is always true, even when it is 0: compare it, such as with > 0"
	case s.isResult():
		return name + " is always true, because another status than 0 is an error: use test instead of run, " +
			"or add check = false and look at .ok"
	case s.item != nil:
		return name + " is always true, even when it has no items: compare #" + name + " with > 0"
	}
	return name + " is always true: it is " + s.luaType().Words()
}

// isResult reports whether the value is what host:run returns.
func (s *shape) isResult() bool {
	if s.record == nil {
		return false
	}
	_, ok := s.record.Fields.Find("ok")
	return ok
}

func (f *fileChecker) compare(e *ast.RelationalOpExpr) {
	a, b := f.value(e.Lhs), f.value(e.Rhs)
	f.compareWith(e, e.Lhs, a, e.Rhs, b)
	f.compareWith(e, e.Rhs, b, e.Lhs, a)
}

// compareWith reports a comparison of two values that can't be equal.
func (f *fileChecker) compareWith(e *ast.RelationalOpExpr, left ast.Expr, a *shape, right ast.Expr, b *shape) {
	equality := e.Operator == "==" || e.Operator == "~="
	if _, ok := right.(*ast.TableExpr); ok && equality {
		f.warnAt(e.Line(), source.FirstWord(left),
			"a new table equals no other value: compare the number of items (#%s == 0), or each item",
			source.Name(left))
		return
	}
	if a == nil {
		return
	}
	name := source.Name(left)
	_, isNil := right.(*ast.NilExpr)
	switch {
	case a.checked && a.record == nil:
		f.warn(left, "", "%s", a.alwaysTrue(name))
	case isNil && a.certain && a.scalar == types.String:
		f.warn(left, "", `%s is never nil: where there is nothing, it is ""`, name)
	case isNil && (a.certain || a.scalar == types.Boolean && source.IsCall(left)):
		f.warn(left, "", "%s is never nil: it is %s", name, a.luaType().Words())
	case b == nil || !a.known() || !b.known() || a.scalar != types.Any && a.scalar == b.scalar:
	case a.scalar == types.Any && b.scalar == types.Any, a.table != nil, len(a.fns) > 0, a.fields != nil:
	case a.scalar == types.Any:
		if (a.certain || a.object != "") && equality {
			f.warn(left, "", "%s is %s, so it never equals %s%s", name, a.luaType().Words(), b.luaType().Words(),
				a.part())
		}
	case b.scalar == types.Any:
	case source.IsLiteral(left) || !source.IsLiteral(right) &&
		a.scalar > b.scalar: // reported with the operands swapped
	case !equality:
		f.report(e.Line(), source.FirstWord(left), "%s is %s, which cannot be compared with %s%s", name,
			a.luaType().Words(),
			b.luaType().Words(), a.conversion(name, b))
	default:
		f.warn(left, "", "%s is %s, so it never equals %s%s", name, a.luaType().Words(), b.luaType().Words(),
			a.conversion(name, b))
	}
}

// part suggests which part of a table to compare.
func (s *shape) part() string {
	switch {
	case s.isResult():
		return "; compare its .code, .ok or .stdout"
	case s.item != nil:
		return "; compare the number of its items, with #"
	case s.object != "":
		return "; compare its .name"
	}
	return ""
}

// conversion suggests how to compare a value with one of another kind.
func (s *shape) conversion(name string, other *shape) string {
	switch {
	case s.scalar == types.String && other.scalar == types.Number:
		return ": write tonumber(" + name + "), or compare with a string"
	case s.scalar == types.String && other.scalar == types.Boolean:
		return `: compare with "true" or "", or use host:test for the exit status of a command`
	case s.scalar == types.Boolean:
		return ": write " + name + ", or not " + name + ", without a comparison"
	case s.scalar == types.Number && other.scalar == types.String:
		return ": compare with a number, or use tonumber"
	}
	return ""
}

// concat checks the operands of .. and returns the shape of the text.
func (f *fileChecker) concat(e *ast.StringConcatOpExpr) *shape {
	text := &shape{scalar: types.String, literal: true}
	command := true // a command begins here
	for _, part := range advice.Pieces(e) {
		s := f.value(part)
		f.joined(part, s)
		text.literal = text.literal && (s != nil && (s.literal || s.scalar == types.Number))
		text.addUnsafe(part, s, command)
		str, ok := part.(*ast.StringExpr)
		command = ok && advice.EndsCommand(str.Value)
	}
	return text
}

// joined reports a value that can't be joined to a text.
func (f *fileChecker) joined(e ast.Expr, s *shape) {
	if _, isNil := e.(*ast.NilExpr); isNil {
		f.report(e.Line(), "nil", "nil cannot be joined to a text")
	}
	if s == nil || s.scalar == types.String || s.scalar == types.Number || !s.known() || s.table != nil ||
		s.fields != nil {
		return
	}
	name := source.Name(e)
	switch {
	case s.scalar == types.Boolean:
		f.report(e.Line(), source.FirstWord(e),
			"%s is true or false, which cannot be joined to a text: write tostring(%s)", name, name)
	case s.isResult():
		f.report(e.Line(), source.FirstWord(e),
			"%s is a table, which cannot be joined to a text: write %s.stdout, or capture instead of run", name, name)
	case s.object != "":
		f.report(e.Line(), source.FirstWord(e), "%s is a %s, which cannot be joined to a text: write %s.name", name,
			s.object, name)
	case s.item != nil:
		f.report(e.Line(), source.FirstWord(e),
			`%s is a list, which cannot be joined to a text: write table.concat(%s, " ")`, name, name)
	default:
		f.report(e.Line(), source.FirstWord(e), "%s is %s, which cannot be joined to a text", name, s.luaType().Words())
	}
}

// arithmetic checks a calculation and returns the shape of its result. Other languages join texts
// with + and fill them in with %.
func (f *fileChecker) arithmetic(e *ast.ArithmeticOpExpr) *shape {
	a, b := f.value(e.Lhs), f.value(e.Rhs)
	for i, side := range []ast.Expr{e.Lhs, e.Rhs} {
		s := []*shape{a, b}[i]
		text, literal := side.(*ast.StringExpr)
		switch {
		case literal && e.Operator == "+" && !source.IsNumeric(text.Value):
			f.reportAt(side, "+ only adds numbers: join texts with ..")
			return nil
		case literal && e.Operator == "%" && i == 0:
			f.reportAt(side, "%% only divides numbers: fill in a text with (%q):format(…)", text.Value)
			return nil
		case s == nil || s.scalar != types.Any || !s.known() || s.table != nil || s.fields != nil:
		default:
			f.report(side.Line(), source.FirstWord(side), "%s is %s, with which nothing can be calculated%s",
				source.Name(side),
				s.luaType().Words(), strings.Replace(s.part(), "compare", "use", 1))
			return nil
		}
	}
	return literal(e)
}

// length checks what # counts.
func (f *fileChecker) length(e *ast.UnaryLenOpExpr) {
	s := f.value(e.Expr)
	if s == nil {
		return
	}
	name := source.Name(e.Expr)
	switch {
	case s.named || s.record != nil || f.onlyNames(s):
		f.warn(e.Expr, "", "%s has names, which # does not count: go through them with pairs(%s)", name, name)
	case s.scalar == types.Number || s.scalar == types.Boolean || s.object != "":
		f.report(e.Line(), source.FirstWord(e.Expr), "%s is %s, which has no length", name, s.luaType().Words())
	}
}

// onlyNames reports whether a value is a table of the recipe that has names and no items.
func (f *fileChecker) onlyNames(s *shape) bool {
	if s.table == nil || len(s.table.Fields) == 0 || f.facts.table(s.table).open || s.fields == nil {
		return false
	}
	for _, field := range s.table.Fields {
		if _, ok := field.Key.(*ast.StringExpr); !ok {
			return false
		}
	}
	return true
}

// middle warns about ... and unpack(…) that are not the last value of a list: only their first
// value counts there.
func (f *fileChecker) middle(values []ast.Expr) {
	for i, e := range values {
		if i == len(values)-1 || e == nil {
			return
		}
		name := ""
		switch e := e.(type) {
		case *ast.Comma3Expr:
			if !e.AdjustRet {
				name = "..."
			}
		case *ast.FuncCallExpr:
			if f.globalName(e.Func) == "unpack" && !e.AdjustRet {
				name = "unpack"
			}
		}
		if name != "" {
			f.warnAt(e.Line(), name,
				"only the first value of %s counts before other values: put it last; "+
					"a command also takes a list in its list", name)
		}
	}
}
