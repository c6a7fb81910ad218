package check

import (
	"slices"
	"strings"

	"github.com/yuin/gopher-lua/ast"

	"runbook/runtime/script/source"
	"runbook/runtime/script/types"
)

// block checks statements whose locals end with the block.
func (f *fileChecker) block(stmts []ast.Stmt) {
	outer := f.scope
	defer func() { f.scope = outer }()
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
		f.block(s.Stmts)
	case *ast.WhileStmt:
		f.condition(s.Condition)
		f.block(s.Stmts)
	case *ast.RepeatStmt:
		// The condition sees the block's locals.
		f.block(append(slices.Clone(s.Stmts), &ast.FuncCallStmt{Expr: s.Condition}))
	case *ast.IfStmt:
		f.condition(s.Condition)
		f.block(s.Then)
		f.block(s.Else)
	case *ast.NumberForStmt:
		f.expr(s.Init)
		f.expr(s.Limit)
		f.expr(s.Step)
		outer := f.scope
		f.declare(s.Name, nil)
		f.block(s.Stmts)
		f.scope = outer
	case *ast.GenericForStmt:
		f.genericFor(s)
	case *ast.FuncDefStmt:
		f.funcDef(s)
	case *ast.ReturnStmt:
		for _, e := range s.Exprs {
			shape := f.expr(e)
			if !f.inBody && len(s.Exprs) == 1 {
				f.returns = shape
			} else {
				f.escape(shape)
			}
		}
	}
}

func (f *fileChecker) localAssign(s *ast.LocalAssignStmt) {
	// `local function f` sees itself; `local f = …` doesn't.
	if fn, ok := source.Only(s.Exprs).(*ast.FunctionExpr); ok && len(s.Names) == 1 && f.isLocalFunction(s) {
		f.declare(s.Names[0], f.unlessAssigned(s.Names[0], literal(fn)))
	}
	var shapes []*shape
	for _, e := range s.Exprs {
		shapes = append(shapes, f.value(e))
	}
	for i, name := range s.Names {
		var value *shape
		if i < len(shapes) {
			value = f.unlessAssigned(name, shapes[i])
		}
		f.declare(name, value)
	}
}

// isLocalFunction distinguishes local function f … from local f = function ….
func (f *fileChecker) isLocalFunction(s *ast.LocalAssignStmt) bool {
	if strings.HasPrefix(strings.TrimSpace(f.Lines[s.Line()-1]), "local function "+s.Names[0]+"(") {
		return true // the common form; scanning tokens takes longer
	}
	words := f.WordsFrom(s.Line())
	for i := 0; i+2 < len(words) && words[i].Pos.Line == s.Line(); i++ {
		if words[i].Str == "local" && words[i+1].Str == "function" && words[i+2].Str == s.Names[0] {
			return true
		}
	}
	return false
}

func (f *fileChecker) assign(s *ast.AssignStmt) {
	var shapes []*shape
	for _, e := range s.Rhs {
		shapes = append(shapes, f.value(e))
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

// setName reports an assignment to an undeclared name. instead is code that declares it.
func (f *fileChecker) setName(line int, name, instead string) {
	if _, ok := f.scope.find(name); ok {
		return
	}
	if !f.isGlobal(name) {
		f.report(line, name, "undeclared global %q is set; write: %s", name, instead)
		return
	}
	f.facts.extend("", name) // such as hosts = a selection: nothing is known about it from here on
}

func (f *fileChecker) assignField(e *ast.AttrGetExpr, value *shape) {
	owner := f.expr(e.Object)
	key, named := e.Key.(*ast.StringExpr)
	switch {
	case owner == nil:
		f.expr(e.Key)
	case owner.object != "":
		f.report(e.Line(), source.Name(e.Object), "a %s can't be changed; keep your own values in a local",
			owner.object)
	case owner.options != nil:
		f.report(e.Line(), source.Name(e.Object), "options can't be changed; keep your own values in a local")
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

// setField records the value of a table's field. Nothing is known about one that is set twice.
func (f *fileChecker) setField(owner *shape, name string, value *shape) {
	if _, twice := owner.fields[name]; twice {
		f.escape(value)
		value = nil
	}
	owner.fields[name] = value
	if owner.table != nil {
		f.facts.table(owner.table).addName(f.facts, name, value)
	}
}

func (f *fileChecker) genericFor(s *ast.GenericForStmt) {
	first, item := f.loopValues(s)
	outer := f.scope
	for i, name := range s.Names {
		value := first
		if i > 0 {
			value = nil
		}
		if i == 1 {
			value = item
		}
		f.declare(name, f.unlessAssigned(name, value))
	}
	f.block(s.Stmts)
	f.scope = outer
}

// loopValues checks what a loop goes through and returns what is known about its first two values.
func (f *fileChecker) loopValues(s *ast.GenericForStmt) (first, item *shape) {
	call, ok := source.Only(s.Exprs).(*ast.FuncCallExpr)
	iterator := ""
	if ok && len(call.Args) == 1 {
		iterator = f.globalName(call.Func)
	}
	if iterator != "ipairs" && iterator != "pairs" {
		for _, e := range s.Exprs {
			given := f.value(e)
			f.facts.addUnknownCallers(given) // the loop calls an iterator
			if len(s.Exprs) == 1 && given != nil && given.scalar == types.String {
				f.report(e.Line(), source.FirstWord(e),
					`a loop cannot go through a string: write for line in %s:gmatch("[^\n]+")`, source.Name(e))
			}
			if len(s.Exprs) == 1 && given != nil &&
				(given.item != nil || given.named || given.record != nil || f.onlyNames(given)) {
				how := "for _, " + s.Names[0] + " in ipairs(" + source.Name(e) + ")"
				if given.item == nil {
					how = "for name, value in pairs(" + source.Name(e) + ")"
				}
				f.report(e.Line(), source.FirstWord(e), "a loop cannot go through %s itself: write %s", source.Name(e),
					how)
			}
		}
		return nil, nil
	}
	list := f.value(call.Args[0])
	if iterator == "ipairs" {
		first = &shape{scalar: types.Number, valueFacts: valueFacts{index: true}}
	}
	switch {
	case list == nil:
		return first, nil
	case list.item != nil && iterator == "ipairs": // as it should be
		return first, list.item
	}
	name := source.Name(call.Args[0])
	switch {
	case iterator == "ipairs" && (list.named || list.record != nil || f.onlyNames(list)):
		f.warn(call.Args[0], "ipairs", "%s has names, which ipairs does not see: write pairs(%s)", name, name)
	case iterator == "pairs" && list.item != nil && list.item.object != "":
		f.warn(call.Args[0], "pairs", "pairs has no order: write ipairs(%s)", name)
	case list.scalar != types.Any || list.object != "":
		f.report(call.Line(), iterator, "%s is %s, so %s cannot go through it", name, list.luaType().Words(), iterator)
	}
	return first, list.item
}

func (f *fileChecker) funcDef(s *ast.FuncDefStmt) {
	method := s.Name.Method != ""
	switch name := s.Name.Func.(type) {
	case *ast.IdentExpr:
		f.setName(s.Line(), name.Value, "local function "+name.Value+"(…)")
		f.facts.addUnknownCaller(s.Func)
	case *ast.AttrGetExpr:
		f.assignField(name, literal(s.Func))
	}
	if s.Name.Receiver != nil {
		if owner := f.expr(s.Name.Receiver); owner != nil && owner.fields != nil {
			f.setField(owner, s.Name.Method, nil)
		}
		f.facts.addUnknownCaller(s.Func)
	}
	f.function(s.Func, nil, method)
}
