package check

import (
	"path/filepath"
	"slices"
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
