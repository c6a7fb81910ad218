package check

import (
	"slices"
	"strings"

	"github.com/yuin/gopher-lua/ast"

	"runbook/runtime/script"
	"runbook/runtime/script/source"
	"runbook/runtime/script/types"
)

// primitiveCall checks the arguments of a call against the declaration.
func (f *fileChecker) primitiveCall(e *ast.FuncCallExpr, callee *shape) *shape {
	p, name := callee.call, callee.of.Path(callee.call.Name)
	if f.within != "" && (p.Effect == script.Changes || p.Effect == script.Depends && !hasNoChange(e)) {
		f.report(e.Line(), p.Name, "%s changes something, but a dry run also runs %s; "+
			"call %s before it and keep the result in a local", name, f.within, name)
	}
	f.message(e, name)
	sig := p.Signature()
	given := e.Args
	if sig.Callback != nil {
		given = f.callback(e, name, *sig.Callback)
	}
	open := len(given) > 0 && multiple(given[len(given)-1])
	outer := f.within
	rest := given[min(len(sig.Args), len(given)):]
	for i, a := range sig.Args {
		if a.Rest {
			rest = f.rest(given[min(i, len(given)):], name, a)
			continue
		}
		if a.Command && p.Effect == script.Reads {
			f.within = name
		}
		if a.Command && i < len(given) {
			f.command(commandLine{given[i], name, p.Effect == script.Reads, optionsTable(given[i+1:])})
		}
		if i < len(given) {
			f.argument(given[i], name, a)
		} else if !a.Optional && !open {
			f.report(e.Line(), p.Name, "%s: %s is missing: %s", name, a.Name, a.Doc)
		}
		f.within = outer
	}
	if len(sig.Options) > 0 {
		f.options(e, rest, name, sig)
		rest = rest[min(1, len(rest)):]
	}
	if len(rest) > 0 {
		for _, a := range rest {
			f.expr(a)
		}
		f.report(rest[0].Line(), p.Name, "%s: want %s, got %d arguments", name, sig, len(e.Args))
	}
	if sig.Result.Kind == types.Proxy && f.opts.Recipe != nil {
		return &shape{options: f.opts.Recipe}
	}
	s := shapeOf(sig.Result)
	if s != nil && s.isResult() {
		s.checked = raisesAfterFailure(given, sig)
	}
	if name == "quote" {
		return &shape{scalar: types.String, valueFacts: valueFacts{quoted: true}}
	}
	return s
}

// raisesAfterFailure reports whether a command is sure to raise an error for a status other than 0.
func raisesAfterFailure(given []ast.Expr, sig types.Signature) bool {
	if o, ok := sig.Options.Find("check"); !ok || o.Default != "true" {
		return false
	}
	if len(given) <= len(sig.Args) && !slices.ContainsFunc(sig.Args, func(a types.Param) bool { return a.Rest }) {
		return true
	}
	last := given[len(given)-1]
	table, ok := last.(*ast.TableExpr)
	return source.IsLiteral(last) || ok && !slices.ContainsFunc(table.Fields, func(field *ast.Field) bool {
		key, ok := field.Key.(*ast.StringExpr)
		_, yes := field.Value.(*ast.TrueExpr)
		return field.Key != nil && (!ok || key.Value == "check" && !yes)
	})
}

// optionsTable returns the last of the arguments if it is a table with names in it, or nil.
func optionsTable(given []ast.Expr) *ast.TableExpr {
	if len(given) == 0 {
		return nil
	}
	if table, ok := given[len(given)-1].(*ast.TableExpr); ok && hasNames(table) {
		return table
	}
	return nil
}

// hasNoChange reports whether a call has changes = false among its options.
func hasNoChange(e *ast.FuncCallExpr) bool {
	table := optionsTable(e.Args)
	return table != nil && slices.ContainsFunc(table.Fields, func(field *ast.Field) bool {
		key, ok := field.Key.(*ast.StringExpr)
		_, no := field.Value.(*ast.FalseExpr)
		return ok && no && key.Value == "changes"
	})
}

// callback checks the function that is passed last and returns the arguments before it.
func (f *fileChecker) callback(e *ast.FuncCallExpr, name string, callback types.Param) []ast.Expr {
	missing := func() []ast.Expr {
		if !callback.Optional {
			f.report(e.Line(), lastWord(e), "%s: %s is missing: pass it last, as function() … end",
				name, callback.Name)
		}
		return e.Args
	}
	n := len(e.Args)
	if n == 0 {
		return missing()
	}
	var known []*shape
	if object := callback.Type.Object; object != "" {
		known = []*shape{{object: object}}
	}
	last := e.Args[n-1]
	if fn, ok := last.(*ast.FunctionExpr); ok {
		f.function(fn, known, false)
		return e.Args[:n-1]
	}
	before := len(f.problems)
	s := f.expr(last)
	switch t := s.luaType(); {
	case s != nil && s.nothing:
		fn := strings.TrimSuffix(source.Name(last), "(…)")
		f.report(last.Line(), source.FirstWord(last),
			"%s: %s(…) is called at once, and returns nothing: pass %s itself, or function(…) %s(…) end",
			name, fn, fn, fn)
		return e.Args[:n-1]
	case s != nil && len(s.fns) > 0: // a named function
		for _, fn := range s.fns {
			f.facts.addCall(fn, known)
		}
		return e.Args[:n-1]
	case t.Kind == types.Any || t.Kind == types.Function:
		f.escape(s)
		return e.Args[:n-1]
	}
	f.problems = f.problems[:before] // the argument is walked again
	return missing()
}

func lastWord(e *ast.FuncCallExpr) string {
	if e.Receiver != nil {
		return e.Method
	}
	return source.LastName(e.Func)
}

// multiple reports whether an expression may have several values.
func multiple(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.FuncCallExpr:
		return !e.AdjustRet
	case *ast.Comma3Expr:
		return !e.AdjustRet
	}
	return false
}
