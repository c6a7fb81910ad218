package check

import (
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/yuin/gopher-lua/ast"

	"runbook/runtime/script"
	"runbook/runtime/script/source"
	"runbook/runtime/script/spell"
	"runbook/runtime/script/stdlib"
	"runbook/runtime/script/types"
)

func (f *fileChecker) call(e *ast.FuncCallExpr) *shape {
	f.timeFormat(e)
	f.templateCall(e)
	if e.Receiver != nil {
		owner := f.expr(e.Receiver)
		callee := f.member(e.Line(), owner, source.Name(e.Receiver), e.Method, true)
		if callee == nil || callee.call == nil {
			f.reportCall(e.Line(), e.Method, callee, source.Name(e.Receiver)+"."+e.Method)
			f.escape(callee)
			return f.unknownCall(e)
		}
		if callee.of.On == "" {
			f.report(e.Line(), e.Method, "%s is called with a colon; write it with a dot", callee.of.Path(e.Method))
			return nil
		}
		return f.primitiveCall(e, callee)
	}
	switch f.globalName(e.Func) {
	case "require":
		return f.requireCall(e)
	case "pcall":
		// pcall(require, name) checks whether a module exists.
		if len(e.Args) > 0 && f.globalName(e.Args[0]) != "require" {
			return f.protectedCall(e)
		}
	}
	callee := f.callee(e.Func)
	if callee != nil && len(callee.fns) > 0 {
		f.recipeCall(e, callee)
		if f.returnsNothing(callee.fns) {
			return noValue
		}
		return nil
	}
	if callee == nil || callee.call == nil {
		f.reportCall(e.Func.Line(), source.LastName(e.Func), callee, source.Name(e.Func))
		return f.unknownCall(e)
	}
	if callee.of.On != "" {
		// host.run(host, …) is valid, if unusual.
		if len(e.Args) == 0 || !f.isReceiver(e, callee.of) {
			if e == f.inPcall {
				name := callee.of.Path(callee.call.Name)
				f.report(e.Func.Line(), callee.call.Name,
					"pcall calls %s without its %s: write pcall(function() return %s(…) end)",
					name, callee.of.On, name)
				return nil
			}
			f.report(e.Func.Line(), callee.call.Name, "%s is called with a dot; write it with a colon",
				callee.of.Path(callee.call.Name))
			return nil
		}
		return f.unknownCall(e)
	}
	return f.primitiveCall(e, callee)
}

// isReceiver reports whether the first argument of a call may be the receiver of a primitive of m.
func (f *fileChecker) isReceiver(e *ast.FuncCallExpr, m *script.Module) bool {
	s := f.expr(e.Args[0])
	if _, named := e.Func.(*ast.IdentExpr); s == nil && named {
		return true
	}
	return s.isObject(m.On) || s != nil && s.module != nil && s.module.Group() == m.Group()
}

// timeFormat checks the format in a call of os.date or clock.utc that is written in the recipe.
func (f *fileChecker) timeFormat(e *ast.FuncCallExpr) {
	attr, ok := e.Func.(*ast.AttrGetExpr)
	if !ok || len(e.Args) == 0 {
		return
	}
	format, ok := e.Args[0].(*ast.StringExpr)
	name := f.globalName(attr.Object) + "." + source.LastName(attr)
	if !ok || name != "os.date" && name != "clock.utc" {
		return
	}
	if _, err := stdlib.FormatTime(time.Time{}, format.Value); err != nil {
		f.reportAt(format, "%s: %v", name, err)
	}
}

// globalName returns the name of the global, such as require, that an expression names, or "".
func (f *fileChecker) globalName(e ast.Expr) string {
	id, ok := e.(*ast.IdentExpr)
	if !ok {
		return ""
	}
	if _, local := f.scope.find(id.Value); local {
		return ""
	}
	return id.Value
}

// protectedCall checks pcall(fn, …) as fn(…).
func (f *fileChecker) protectedCall(e *ast.FuncCallExpr) *shape {
	inner := &ast.FuncCallExpr{Func: e.Args[0], Args: e.Args[1:]}
	inner.SetLine(e.Line())
	if call, ok := e.Args[0].(*ast.FuncCallExpr); ok {
		if s := f.expr(call); s.known() && len(s.fns) == 0 && s.call == nil && s.table == nil {
			name := source.Name(call)
			f.report(call.Line(), lastWord(call), "pcall gets what %s returns: write pcall(function() return %s end)",
				name, name)
		}
		return f.unknownCall(inner)
	}
	f.inPcall = inner
	f.call(inner)
	return nil
}

// messages are the primitives whose first argument is a sentence for a person.
var messages = []string{"fail", "confirm", "log.info", "log.warn"}

// message warns about a message with placeholders as for printf.
func (f *fileChecker) message(e *ast.FuncCallExpr, name string) {
	if len(e.Args) < 2 || !slices.Contains(messages, name) {
		return
	}
	text, ok := e.Args[0].(*ast.StringExpr)
	if !ok {
		return
	}
	if verb := placeholder.FindString(text.Value); verb != "" && verb != "%%" {
		f.warn(text, verb, "%s: %s is not filled in: write (\"…\"):format(…)", name, verb)
	}
}

// recipeCall records a call of one of the recipe's functions. It follows functions that are passed
// as arguments.
func (f *fileChecker) recipeCall(e *ast.FuncCallExpr, callee *shape) {
	var given []*shape
	f.middle(e.Args)
	for i, a := range e.Args {
		s := f.expr(a)
		hasNoParam := func(fn *ast.FunctionExpr) bool { return i >= len(fn.ParList.Names) }
		followed := s != nil && len(s.fns) > 0 && !slices.ContainsFunc(callee.fns, hasNoParam)
		if !followed {
			f.escape(s)
		}
		given = append(given, s)
	}
	for _, fn := range callee.fns {
		f.facts.addCall(fn, given)
	}
}

func (f *fileChecker) callee(e ast.Expr) *shape {
	if attr, ok := e.(*ast.AttrGetExpr); ok {
		return f.attr(attr, true)
	}
	return f.expr(e)
}

// reportCall reports a call of something that is not a function.
func (f *fileChecker) reportCall(line int, word string, callee *shape, name string) {
	switch {
	case callee == nil, len(callee.fns) > 0, callee.call != nil, callee.table != nil: // a table may have a metatable
	case callee.module != nil:
		f.report(line, word, "%s is a group of functions; write %s.%s(…)", name, name, firstPrimitive(callee.module))
	case callee.scalar != types.Any:
		f.report(line, word, "%s is %s, not a function; write %s without the parentheses",
			name, callee.luaType().Words(), name)
	case callee.known():
		f.report(line, word, "%s is %s, not a function", name, callee.luaType().Words())
	}
}

// firstPrimitive returns the name of a module's first function, for an example.
func firstPrimitive(m *script.Module) string {
	if len(m.Primitives) == 0 {
		return "…"
	}
	return m.Primitives[0].Name
}

func (f *fileChecker) unknownCall(e *ast.FuncCallExpr) *shape {
	f.middle(e.Args)
	for _, a := range e.Args {
		f.escape(f.expr(a))
	}
	return f.textCall(e)
}

func (f *fileChecker) requireCall(e *ast.FuncCallExpr) *shape {
	name, ok := source.Only(e.Args).(*ast.StringExpr)
	if !ok {
		return f.unknownCall(e)
	}
	m := f.module(name.Value)
	if m.err != nil {
		f.report(e.Line(), "require", "%v%s", m.err, spell.DidYouMean(name.Value, f.project.ModuleNames()))
		return nil
	}
	return f.file(m.path, m.text)
}

// module reads a required file, once for all walks.
func (f *fileChecker) module(name string) module {
	key := requirement{name: name}
	if filepath.Base(f.Path) == name+".lua" { // a file does not require itself, so another one of that name is meant
		key.from = f.Path
	}
	m, ok := f.required[key]
	if !ok {
		m.path, m.text, m.err = f.project.FindModule(name, key.from)
		f.required[key] = m
	}
	return m
}

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
	if len(e.Args) == 0 {
		return false
	}
	table, ok := e.Args[len(e.Args)-1].(*ast.TableExpr)
	return ok && slices.ContainsFunc(table.Fields, func(field *ast.Field) bool {
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
