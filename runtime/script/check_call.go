package script

import (
	"reflect"
	"slices"

	"github.com/yuin/gopher-lua/ast"
)

func (f *fileChecker) call(e *ast.FuncCallExpr) *shape {
	if e.Receiver != nil {
		owner := f.expr(e.Receiver)
		callee := f.member(e.Line(), owner, sourceName(e.Receiver), e.Method, true)
		if callee == nil || callee.call == nil {
			f.callable(e.Line(), e.Method, callee, sourceName(e.Receiver)+"."+e.Method)
			f.escape(callee)
			return f.unknownCall(e)
		}
		if callee.of.On == "" {
			f.report(e.Line(), e.Method, "%s is called with a colon; write it with a dot", callee.of.Path(e.Method))
			return nil
		}
		return f.primitiveCall(e, callee)
	}
	switch f.baseName(e.Func) {
	case "require":
		return f.requireCall(e)
	case "pcall":
		if len(e.Args) > 0 && f.baseName(e.Args[0]) != "require" { // so one asks whether a module is there
			return f.protectedCall(e)
		}
	}
	callee := f.callee(e.Func)
	if callee != nil && len(callee.fns) > 0 {
		f.ownCall(e, callee)
		return nil
	}
	if callee == nil || callee.call == nil {
		f.callable(e.Func.Line(), lastName(e.Func), callee, sourceName(e.Func))
		return f.unknownCall(e)
	}
	if callee.of.On != "" {
		// host.run(host, …) is right, if odd.
		if len(e.Args) == 0 || !f.expr(e.Args[0]).is(callee.of.On) {
			f.report(e.Func.Line(), callee.call.Name, "%s is called with a dot; write it with a colon", callee.of.Path(callee.call.Name))
			return nil
		}
		return f.unknownCall(e)
	}
	return f.primitiveCall(e, callee)
}

// baseName is the name of Lua's own that an expression is, such as require, or "".
func (f *fileChecker) baseName(e ast.Expr) string {
	id, ok := e.(*ast.IdentExpr)
	if !ok {
		return ""
	}
	if _, local := f.scope.find(id.Value); local {
		return ""
	}
	return id.Value
}

// protectedCall is pcall(fn, …), which calls fn(…).
func (f *fileChecker) protectedCall(e *ast.FuncCallExpr) *shape {
	inner := &ast.FuncCallExpr{Func: e.Args[0], Args: e.Args[1:]}
	inner.SetLine(e.Line())
	f.call(inner)
	return nil
}

// ownCall notes a call of a function of the recipe's own. Functions that are passed to it are followed into it.
func (f *fileChecker) ownCall(e *ast.FuncCallExpr, callee *shape) {
	var given []*shape
	for i, a := range e.Args {
		s := f.expr(a)
		followed := s != nil && len(s.fns) > 0 && !slices.ContainsFunc(callee.fns, func(fn *ast.FunctionExpr) bool { return i >= len(fn.ParList.Names) })
		if !followed {
			f.escape(s)
		}
		given = append(given, s)
	}
	for _, fn := range callee.fns {
		f.facts.called(fn, given)
	}
}

func (f *fileChecker) callee(e ast.Expr) *shape {
	if attr, ok := e.(*ast.AttrGetExpr); ok {
		return f.attr(attr, true)
	}
	return f.expr(e)
}

// callable reports a call of something that is no function.
func (f *fileChecker) callable(line int, word string, callee *shape, name string) {
	switch {
	case callee == nil, len(callee.fns) > 0, callee.call != nil, callee.table != nil: // a table may have a metatable
	case callee.module != nil:
		f.report(line, word, "%s is a group of functions; write %s.%s(…)", name, name, callee.module.firstPrimitive())
	case callee.scalar != "":
		f.report(line, word, "%s is %s, not a function; write %s without the brackets", name, typeWords(callee.scalar), name)
	case callee.luaType() != "":
		f.report(line, word, "%s is %s, not a function", name, typeWords(callee.luaType()))
	}
}

// firstPrimitive is the name of a module's first function, for an example.
func (m Module) firstPrimitive() string {
	if len(m.Primitives) == 0 {
		return "…"
	}
	return m.Primitives[0].Name
}

func lastName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.IdentExpr:
		return e.Value
	case *ast.AttrGetExpr:
		if key, ok := e.Key.(*ast.StringExpr); ok {
			return key.Value
		}
	}
	return ""
}

func (f *fileChecker) unknownCall(e *ast.FuncCallExpr) *shape {
	for _, a := range e.Args {
		f.escape(f.expr(a))
	}
	return nil
}

func (f *fileChecker) requireCall(e *ast.FuncCallExpr) *shape {
	name, ok := only(e.Args).(*ast.StringExpr)
	if !ok {
		return f.unknownCall(e)
	}
	m := f.module(name.Value)
	if m.err != nil {
		f.report(e.Line(), "require", "%v%s", m.err, DidYouMean(name.Value, moduleNames(f.dir)))
		return nil
	}
	return f.file(m.path, m.source)
}

// module finds what is required, once for all walks.
func (c *checker) module(name string) module {
	m, ok := c.required[name]
	if !ok {
		m.path, m.source, m.err = findModule(c.dir, name)
		c.required[name] = m
	}
	return m
}

// primitiveCall holds the arguments of a call against the declaration.
func (f *fileChecker) primitiveCall(e *ast.FuncCallExpr, callee *shape) *shape {
	p, name := callee.call, callee.of.Path(callee.call.Name)
	if f.within != "" && p.Effect == Changes {
		f.report(e.Line(), p.Name, "%s changes something, so it can't stand inside %s, which runs in a dry run too; call it before, and keep what it returns in a local", name, f.within)
	}
	args, options, callback := p.params.split()
	given := e.Args
	if callback != nil {
		given = f.callback(e, name, *callback)
	}
	open := len(given) > 0 && multiple(given[len(given)-1])
	outer := f.within
	for i, a := range args {
		if a.command && p.Effect == Reads {
			f.within = name
		}
		if i < len(given) {
			f.argument(given[i], name, a)
		} else if !a.optional && !open {
			f.report(e.Line(), p.Name, "%s: %s is missing: %s", name, a.name, a.doc)
		}
		f.within = outer
	}
	rest := given[min(len(args), len(given)):]
	if len(options) > 0 {
		f.options(e, rest, name, args, options)
		rest = rest[min(1, len(rest)):]
	}
	if len(rest) > 0 {
		for _, a := range rest {
			f.expr(a)
		}
		f.report(rest[0].Line(), p.Name, "%s: %d arguments are too many; it takes %s", name, len(e.Args), signature(args, options, callback))
	}
	if p.result == reflect.TypeFor[Proxy]() && f.opts.Options != nil {
		return &shape{options: f.opts.Options}
	}
	return shapeOf(p.result)
}

// callback walks the function that a primitive is given last, and returns the arguments before it.
func (f *fileChecker) callback(e *ast.FuncCallExpr, name string, callback param) []ast.Expr {
	missing := func() []ast.Expr {
		if !callback.optional {
			f.report(e.Line(), lastWord(e), "%s: %s is missing: it comes last, as function() … end", name, callback.name)
		}
		return e.Args
	}
	n := len(e.Args)
	if n == 0 {
		return missing()
	}
	var known []*shape
	if callback.passes != "" {
		known = []*shape{{object: callback.passes}}
	}
	last := e.Args[n-1]
	if fn, ok := last.(*ast.FunctionExpr); ok {
		f.function(fn, known, false)
		return e.Args[:n-1]
	}
	before := len(f.problems)
	s := f.expr(last)
	switch t := s.luaType(); {
	case s != nil && len(s.fns) > 0: // a function by name
		for _, fn := range s.fns {
			f.facts.called(fn, known)
		}
		return e.Args[:n-1]
	case t == "" || t == "function":
		f.escape(s)
		return e.Args[:n-1]
	}
	f.problems = f.problems[:before] // it is walked again, as the argument that it is
	return missing()
}

func lastWord(e *ast.FuncCallExpr) string {
	if e.Receiver != nil {
		return e.Method
	}
	return lastName(e.Func)
}

// multiple says whether an expression may stand for several values.
func multiple(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.FuncCallExpr:
		return !e.AdjustRet
	case *ast.Comma3Expr:
		return !e.AdjustRet
	}
	return false
}
