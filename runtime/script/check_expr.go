package script

import (
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/yuin/gopher-lua/ast"
)

// expr walks an expression and returns what is known of its value.
func (f *fileChecker) expr(e ast.Expr) *shape {
	switch e := e.(type) {
	case *ast.IdentExpr:
		return f.ident(e)
	case *ast.AttrGetExpr:
		return f.attr(e)
	case *ast.FuncCallExpr:
		return f.call(e)
	case *ast.FunctionExpr:
		f.function(e, nil, false)
		return &shape{fn: e}
	case *ast.TableExpr:
		return f.tableExpr(e)
	case *ast.LogicalOpExpr:
		f.expr(e.Lhs)
		f.expr(e.Rhs)
	case *ast.RelationalOpExpr:
		f.expr(e.Lhs)
		f.expr(e.Rhs)
	case *ast.StringConcatOpExpr:
		f.expr(e.Lhs)
		f.expr(e.Rhs)
	case *ast.ArithmeticOpExpr:
		f.expr(e.Lhs)
		f.expr(e.Rhs)
	case *ast.UnaryMinusOpExpr:
		f.expr(e.Expr)
	case *ast.UnaryNotOpExpr:
		f.expr(e.Expr)
	case *ast.UnaryLenOpExpr:
		f.expr(e.Expr)
	}
	return nil
}

func (f *fileChecker) tableExpr(e *ast.TableExpr) *shape {
	s := &shape{fields: map[string]*shape{}}
	for _, field := range e.Fields {
		if key, ok := field.Key.(*ast.StringExpr); ok {
			f.setField(s, key.Value, f.expr(field.Value))
			continue
		}
		if field.Key != nil {
			f.expr(field.Key)
		}
		f.escape(f.expr(field.Value))
	}
	return s
}

func (f *fileChecker) ident(e *ast.IdentExpr) *shape {
	if s, ok := f.scope.find(e.Value); ok {
		return s
	}
	if s := f.lib.globalShape(e.Value); s != nil {
		return s
	}
	if _, ok := f.lib.global(e.Value); !ok && !f.base[e.Value] {
		f.report(e.Line(), e.Value, "undeclared global %q%s", e.Value, DidYouMean(e.Value, f.names()))
	}
	return nil
}

// names are all names that can be read where the walk is.
func (f *fileChecker) names() []string {
	names := sortedKeys(f.base)
	for s := f.scope; s != nil; s = s.outer {
		names = append(names, sortedKeys(s.locals)...)
	}
	for _, m := range f.lib.modules {
		switch {
		case m.On != "":
		case m.Name == "":
			names = append(names, m.memberNames()...)
		default:
			names = append(names, m.Name)
		}
	}
	return names
}

func (f *fileChecker) attr(e *ast.AttrGetExpr) *shape {
	owner := f.expr(e.Object)
	key, ok := e.Key.(*ast.StringExpr)
	if !ok {
		f.expr(e.Key)
		if owner != nil { // hosts[1]
			return owner.item
		}
		return nil
	}
	return f.memberAt(e.Key.Line(), owner, sourceName(e.Object), key.Value)
}

// memberAt is the shape of owner.name, reported when there is none.
func (f *fileChecker) memberAt(line int, owner *shape, ownerName, name string) *shape {
	s, names, missing := f.lib.member(owner, name)
	if missing {
		f.report(line, name, "%s has no %q%s; it has %s", ownerName, name, DidYouMean(name, names), strings.Join(names, ", "))
	}
	return s
}

// sourceName is an expression as it stands in the source, as far as names go.
func sourceName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.IdentExpr:
		return e.Value
	case *ast.AttrGetExpr:
		if key, ok := e.Key.(*ast.StringExpr); ok {
			return sourceName(e.Object) + "." + key.Value
		}
		return sourceName(e.Object) + "[…]"
	}
	return "this value"
}

func (f *fileChecker) call(e *ast.FuncCallExpr) *shape {
	if e.Receiver != nil {
		owner := f.expr(e.Receiver)
		callee := f.memberAt(e.Line(), owner, sourceName(e.Receiver), e.Method)
		if callee == nil || callee.call == nil {
			f.escape(callee)
			return f.unknownCall(e)
		}
		if callee.of.On == "" {
			f.report(e.Line(), e.Method, "%s is called with a colon; write it with a dot", callee.of.Path(e.Method))
			return nil
		}
		return f.primitiveCall(e, callee)
	}
	if id, ok := e.Func.(*ast.IdentExpr); ok && id.Value == "require" {
		if _, local := f.scope.find("require"); !local {
			return f.requireCall(e)
		}
	}
	callee := f.expr(e.Func)
	if callee != nil && callee.fn != nil {
		var given []*shape
		for _, a := range e.Args {
			s := f.expr(a)
			f.escape(s)
			given = append(given, s)
		}
		f.params.called(callee.fn, given)
		return nil
	}
	if callee == nil || callee.call == nil {
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
	path, source, err := findModule(f.dir, name.Value)
	if err != nil {
		f.report(e.Line(), "require", "%v", err)
		return nil
	}
	return f.file(path, source)
}

// primitiveCall holds the arguments of a call against the declaration.
func (f *fileChecker) primitiveCall(e *ast.FuncCallExpr, callee *shape) *shape {
	p, name := callee.call, callee.of.Path(callee.call.Name)
	ps, err := readParams(p.args)
	if err != nil {
		return f.unknownCall(e)
	}
	args, options, callback := ps.split()
	given := e.Args
	if callback != nil {
		if n := len(given); n > 0 {
			if fn, ok := given[n-1].(*ast.FunctionExpr); ok {
				var known []*shape
				if callback.passes != "" {
					known = []*shape{{object: callback.passes}}
				}
				f.function(fn, known, false)
				given = given[:n-1]
			} else if exprType(given[n-1]) == "" { // a function by name, most likely
				f.escape(f.expr(given[n-1]))
				given = given[:n-1]
			} else if !callback.optional {
				f.report(e.Line(), p.Name, "%s: %s is missing: it comes last, as function() … end", name, callback.name)
			}
		} else if !callback.optional {
			f.report(e.Line(), p.Name, "%s: %s is missing: it comes last, as function() … end", name, callback.name)
		}
	}
	open := len(given) > 0 && multiple(given[len(given)-1])
	for i, a := range args {
		if i < len(given) {
			f.argument(given[i], name, a)
		} else if !a.optional && !open {
			f.report(e.Line(), p.Name, "%s: %s is missing: %s", name, a.name, a.doc)
		}
	}
	rest := given[min(len(args), len(given)):]
	if len(options) > 0 {
		f.options(e, rest, name, options)
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

func (f *fileChecker) options(e *ast.FuncCallExpr, rest []ast.Expr, name string, options params) {
	if len(rest) == 0 {
		for _, o := range options {
			if o.required {
				f.report(e.Line(), "", "%s: %s is missing: %s", name, o.name, o.doc)
			}
		}
		return
	}
	table, ok := rest[0].(*ast.TableExpr)
	if !ok {
		if t := exprType(rest[0]); t != "" {
			f.report(rest[0].Line(), "", "%s: want options in a table, such as { %s = … }, got a %s", name, options[0].name, t)
		}
		f.expr(rest[0])
		return
	}
	f.table(table, name, options)
}

// table holds a table constructor against the options that it should give.
func (f *fileChecker) table(table *ast.TableExpr, name string, options params) {
	given := map[string]bool{}
	complete, items := true, 0
	for _, field := range table.Fields {
		key, ok := field.Key.(*ast.StringExpr)
		if !ok {
			if field.Key != nil {
				complete = false
				f.expr(field.Key)
			} else {
				items++
			}
			f.expr(field.Value)
			continue
		}
		given[key.Value] = true
		o, ok := options.find(key.Value)
		if !ok {
			f.report(field.Key.Line(), key.Value, "%s: unknown option %q%s", name, key.Value, DidYouMean(key.Value, options.names()))
			f.expr(field.Value)
			continue
		}
		f.argument(field.Value, name, o)
	}
	for _, o := range options {
		if o.required && o.item == 0 && complete && !given[o.name] {
			f.report(table.Line(), "", "%s: %s is missing: %s", name, o.name, o.doc)
		}
	}
}

// argument holds one value against its declaration, where it is a literal.
func (f *fileChecker) argument(e ast.Expr, name string, p param) {
	s := f.expr(e)
	f.escape(s)
	if str, ok := e.(*ast.StringExpr); ok {
		if len(p.choices) > 0 && !slices.Contains(p.choices, str.Value) {
			f.report(e.Line(), "", "%s: %s: want one of %s, got %q%s", name, p.name, strings.Join(p.choices, ", "), str.Value, DidYouMean(str.Value, p.choices))
		}
		if _, err := time.ParseDuration(str.Value); p.typ == reflect.TypeFor[time.Duration]() && err != nil {
			f.report(e.Line(), "", "%s: %s: want a duration such as \"90s\", \"2m\" or \"1h30m\", got %q", name, p.name, str.Value)
		}
	}
	if s != nil && (s.call != nil || s.module != nil) {
		return
	}
	want, got := luaType(p.typ), exprType(e)
	if got == "" || want == "any" || fits(got, want) {
		return
	}
	f.report(e.Line(), "", "%s: %s: want %s, got a %s", name, p.name, want, got)
}

// fits says whether a literal of type got may stand where the stub says want.
func fits(got, want string) bool {
	for _, w := range strings.Split(want, "|") {
		switch {
		case w == got, w == "any", w == "integer" && got == "number":
			return true
		case got == "table" && (strings.HasSuffix(w, "[]") || strings.HasPrefix(w, "table")):
			return true
		}
	}
	return false
}
