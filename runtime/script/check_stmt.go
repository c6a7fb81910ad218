package script

import (
	"slices"

	"github.com/yuin/gopher-lua/ast"
)

// block walks statements in a scope of their own that already has the given locals.
func (f *fileChecker) block(stmts []ast.Stmt, locals map[string]*shape) {
	if locals == nil {
		locals = map[string]*shape{}
	}
	f.scope = &scope{outer: f.scope, locals: locals}
	defer func() { f.scope = f.scope.outer }()
	for _, s := range stmts {
		if f.ctx.Err() != nil {
			return
		}
		f.stmt(s)
	}
}

func (f *fileChecker) stmt(s ast.Stmt) {
	switch s := s.(type) {
	case *ast.LocalAssignStmt:
		f.localAssign(s)
	case *ast.AssignStmt:
		f.assign(s)
	case *ast.FuncCallStmt:
		f.expr(s.Expr)
	case *ast.DoBlockStmt:
		f.block(s.Stmts, nil)
	case *ast.WhileStmt:
		f.expr(s.Condition)
		f.block(s.Stmts, nil)
	case *ast.RepeatStmt:
		// The condition sees the block's locals.
		f.block(append(slices.Clone(s.Stmts), &ast.FuncCallStmt{Expr: s.Condition}), nil)
	case *ast.IfStmt:
		f.expr(s.Condition)
		f.block(s.Then, nil)
		f.block(s.Else, nil)
	case *ast.NumberForStmt:
		f.expr(s.Init)
		f.expr(s.Limit)
		f.expr(s.Step)
		f.block(s.Stmts, map[string]*shape{s.Name: nil})
	case *ast.GenericForStmt:
		f.genericFor(s)
	case *ast.FuncDefStmt:
		f.funcDef(s)
	case *ast.ReturnStmt:
		for _, e := range s.Exprs {
			shape := f.expr(e)
			if f.depth == 0 && len(s.Exprs) == 1 {
				f.returns = shape
			} else {
				f.escape(shape)
			}
		}
	}
}

func (f *fileChecker) localAssign(s *ast.LocalAssignStmt) {
	// `local function f` sees itself; `local f = …` doesn't.
	if fn, ok := only(s.Exprs).(*ast.FunctionExpr); ok && len(s.Names) == 1 && f.isLocalFunction(s) {
		f.scope.locals[s.Names[0]] = nil
		if !f.assigned()[s.Names[0]] {
			f.scope.locals[s.Names[0]] = literal(fn)
		}
	}
	var shapes []*shape
	for _, e := range s.Exprs {
		shapes = append(shapes, f.expr(e))
	}
	for i, name := range s.Names {
		f.scope.locals[name] = nil
		switch {
		case i >= len(shapes):
		case f.assigned()[name]:
			f.escape(shapes[i])
		default:
			f.scope.locals[name] = shapes[i]
		}
	}
}

// isLocalFunction tells local function f … from local f = function ….
func (f *fileChecker) isLocalFunction(s *ast.LocalAssignStmt) bool {
	words := f.from(s.Line())
	for i := 0; i+2 < len(words) && words[i].Pos.Line == s.Line(); i++ {
		if words[i].Str == "local" && words[i+1].Str == "function" && words[i+2].Str == s.Names[0] {
			return true
		}
	}
	return false
}

func only(exprs []ast.Expr) ast.Expr {
	if len(exprs) == 1 {
		return exprs[0]
	}
	return nil
}

func (f *fileChecker) assign(s *ast.AssignStmt) {
	var shapes []*shape
	for _, e := range s.Rhs {
		shapes = append(shapes, f.expr(e))
	}
	for i, e := range s.Lhs {
		var value *shape
		if i < len(shapes) {
			value = shapes[i]
		}
		switch e := e.(type) {
		case *ast.IdentExpr:
			f.setName(e.Line(), e.Value, "local "+e.Value+" = …")
			f.escape(value)
		case *ast.AttrGetExpr:
			f.assignField(e, value)
		}
	}
}

// setName notes that a name is set, which must be declared. instead is what declares it.
func (f *fileChecker) setName(line int, name, instead string) {
	if _, ok := f.scope.find(name); ok {
		return
	}
	if !f.isGlobal(name) {
		f.report(line, name, "undeclared global %q is set; write: %s", name, instead)
		return
	}
	f.facts.extend("", name) // such as hosts, to have fewer of them: nothing is known of it any more
}

func (f *fileChecker) assignField(e *ast.AttrGetExpr, value *shape) {
	owner := f.expr(e.Object)
	key, named := e.Key.(*ast.StringExpr)
	switch {
	case owner == nil:
		f.expr(e.Key)
	case owner.object != "":
		f.report(e.Line(), sourceName(e.Object), "a %s can't be changed; keep your own values in a local", owner.object)
	case owner.options != nil:
		f.report(e.Line(), sourceName(e.Object), "options can't be changed; keep your own values in a local")
	case named && owner.fields != nil:
		f.setField(owner, key.Value, value)
		return
	case named && owner.library != "":
		f.facts.extend(owner.library, key.Value)
	default:
		f.expr(e.Key)
		f.escape(owner)
	}
	f.escape(value)
}

// setField notes what a table's field holds. Set twice, nothing is known of it.
func (f *fileChecker) setField(owner *shape, name string, value *shape) {
	if _, twice := owner.fields[name]; twice {
		f.escape(value)
		value = nil
	}
	owner.fields[name] = value
	if owner.table != nil {
		f.facts.table(owner.table).name(f.facts, name)
	}
}

func (f *fileChecker) genericFor(s *ast.GenericForStmt) {
	locals := map[string]*shape{}
	for _, name := range s.Names {
		locals[name] = nil
	}
	for _, e := range s.Exprs {
		f.facts.lose(f.expr(e)) // an iterator is called by the loop
	}
	// for _, host in ipairs(hosts)
	if call, ok := only(s.Exprs).(*ast.FuncCallExpr); ok && len(call.Args) == 1 && len(s.Names) == 2 && !f.assigned()[s.Names[1]] {
		if fn, ok := call.Func.(*ast.IdentExpr); ok && (fn.Value == "ipairs" || fn.Value == "pairs") {
			if list := f.expr(call.Args[0]); list != nil {
				locals[s.Names[1]] = list.item
			}
		}
	}
	f.block(s.Stmts, locals)
}

func (f *fileChecker) funcDef(s *ast.FuncDefStmt) {
	method := s.Name.Method != ""
	switch name := s.Name.Func.(type) {
	case *ast.IdentExpr:
		f.setName(s.Line(), name.Value, "local function "+name.Value+"(…)")
		f.facts.forget(s.Func)
	case *ast.AttrGetExpr:
		f.assignField(name, literal(s.Func))
	}
	if s.Name.Receiver != nil {
		if owner := f.expr(s.Name.Receiver); owner != nil && owner.fields != nil {
			f.setField(owner, s.Name.Method, nil)
		}
		f.facts.forget(s.Func)
	}
	f.function(s.Func, nil, method)
}
