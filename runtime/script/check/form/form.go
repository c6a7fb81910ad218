// Package form finds locals that are never read and code that is never reached.
package form

import (
	"slices"
	"strings"

	"github.com/yuin/gopher-lua/ast"

	"runbook/runtime/script"
	"runbook/runtime/script/source"
	"runbook/runtime/script/types"
)

type formChecker struct {
	lib      *script.Library
	file     *source.File
	vars     []*variable // in scope, innermost last
	problems []source.Problem
}

// variable is a local. If one statement declares several, the last one that is read excuses those
// before it, which may be needed for the position.
type variable struct {
	name     string
	line     int
	used     bool
	excused  bool        // a parameter, a loop variable, or a name that begins with _
	siblings []*variable // declared by the same statement
}

// Check returns the warnings that need only the syntax tree of a file.
func Check(lib *script.Library, f *source.File) []source.Problem {
	if f.Problem != nil {
		return nil
	}
	c := &formChecker{lib: lib, file: f}
	c.block(f.Chunk, nil)
	return c.problems
}

func (c *formChecker) add(line int, word, message string) {
	p := source.Problem{File: c.file.Path, Message: message, Kind: source.Warning}
	p.Line, p.Col = c.file.Place(line, word)
	c.problems = append(c.problems, p)
}

func (c *formChecker) declare(line int, excused bool, names ...string) []*variable {
	var declared []*variable
	for _, name := range names {
		declared = append(declared, &variable{name: name, line: line, excused: excused || strings.HasPrefix(name, "_")})
	}
	for _, v := range declared {
		v.siblings = declared
	}
	c.vars = append(c.vars, declared...)
	return declared
}

func (c *formChecker) find(name string) *variable {
	for _, v := range slices.Backward(c.vars) {
		if v.name == name {
			return v
		}
	}
	return nil
}

// closeScope ends the scope that began when vars had begun entries.
func (c *formChecker) closeScope(begun int) {
	for _, v := range c.vars[begun:] {
		i := slices.Index(v.siblings, v)
		later := slices.ContainsFunc(v.siblings[i:], func(s *variable) bool { return s.used })
		if !later && !v.excused {
			c.add(v.line, v.name, "the local "+v.name+" is never read; remove it, or name it _"+v.name)
		}
	}
	c.vars = c.vars[:begun]
}

// block walks statements in a new scope and reports whether code after them is never reached. last,
// if not nil, is walked in the same scope.
func (c *formChecker) block(stmts []ast.Stmt, last ast.Expr) bool {
	begun := len(c.vars)
	ends, reported := false, false
	for _, s := range stmts {
		if _, label := s.(*ast.LabelStmt); label {
			ends = false
		}
		if ends && !reported {
			reported = true
			c.add(s.Line(), "", "unreachable: the code above always returns, breaks or raises an error")
		}
		if c.stmt(s) {
			ends = true
		}
	}
	c.expr(last)
	c.closeScope(begun)
	return ends
}

// stmt walks a statement and reports whether code after it is never reached.
func (c *formChecker) stmt(s ast.Stmt) bool {
	switch s := s.(type) {
	case *ast.LocalAssignStmt:
		if fn, ok := source.Only(s.Exprs).(*ast.FunctionExpr); ok && len(s.Names) == 1 {
			c.declare(s.Line(), false, s.Names...) // a local function may call itself
			c.function(fn)
			return false
		}
		c.exprs(s.Exprs)
		c.declare(s.Line(), c.isRecipe(source.Only(s.Exprs)), s.Names...)
	case *ast.AssignStmt:
		c.exprs(s.Rhs)
		for _, e := range s.Lhs {
			if _, ok := e.(*ast.IdentExpr); !ok { // setting a local does not read it
				c.expr(e)
			}
		}
	case *ast.FuncCallStmt:
		c.expr(s.Expr)
		return c.neverReturns(s.Expr)
	case *ast.DoBlockStmt:
		return c.block(s.Stmts, nil)
	case *ast.WhileStmt:
		c.expr(s.Condition)
		c.block(s.Stmts, nil)
		_, always := s.Condition.(*ast.TrueExpr)
		return always && !source.HasExit(s.Stmts)
	case *ast.RepeatStmt:
		c.block(s.Stmts, s.Condition)
	case *ast.IfStmt:
		c.expr(s.Condition)
		then := c.block(s.Then, nil)
		return c.block(s.Else, nil) && then
	case *ast.NumberForStmt:
		c.exprs([]ast.Expr{s.Init, s.Limit, s.Step})
		c.loop(s.Line(), s.Stmts, s.Name)
	case *ast.GenericForStmt:
		c.exprs(s.Exprs)
		c.loop(s.Line(), s.Stmts, s.Names...)
	case *ast.FuncDefStmt:
		if _, ok := s.Name.Func.(*ast.IdentExpr); !ok {
			c.expr(s.Name.Func)
			c.expr(s.Name.Receiver)
		}
		c.function(s.Func)
	case *ast.ReturnStmt:
		c.exprs(s.Exprs)
		return true
	case *ast.BreakStmt, *ast.GotoStmt:
		return true
	}
	return false
}

func (c *formChecker) loop(line int, stmts []ast.Stmt, names ...string) {
	begun := len(c.vars)
	c.declare(line, true, names...)
	c.block(stmts, nil)
	c.closeScope(begun)
}

func (c *formChecker) function(fn *ast.FunctionExpr) {
	begun := len(c.vars)
	c.declare(fn.Line(), true, append([]string{"self"}, fn.ParList.Names...)...)
	c.block(fn.Stmts, nil)
	c.closeScope(begun)
}

// isRecipe reports whether an expression is recipe{ … }: recipes keep its result even when they do
// not read it.
func (c *formChecker) isRecipe(e ast.Expr) bool {
	p := c.primitive(e)
	return p != nil && p.Signature().Result.Kind == types.Proxy
}

// neverReturns reports whether a call always raises an error: error(…), fail(…).
func (c *formChecker) neverReturns(e ast.Expr) bool {
	p := c.primitive(e)
	return p != nil && p.NeverReturns() || c.calls(e, "error")
}

// primitive returns the global primitive that an expression calls, or nil.
func (c *formChecker) primitive(e ast.Expr) *script.Primitive {
	call, ok := e.(*ast.FuncCallExpr)
	if !ok || call.Receiver != nil {
		return nil
	}
	id, ok := call.Func.(*ast.IdentExpr)
	if !ok || !c.calls(e, id.Value) {
		return nil
	}
	for _, m := range c.lib.Modules() {
		if p, ok := m.Primitive(id.Value); ok && m.On == "" && m.Name == "" {
			return &p
		}
	}
	return nil
}

// calls reports whether an expression calls a global of that name.
func (c *formChecker) calls(e ast.Expr, name string) bool {
	call, ok := e.(*ast.FuncCallExpr)
	if !ok || call.Receiver != nil {
		return false
	}
	id, ok := call.Func.(*ast.IdentExpr)
	return ok && id.Value == name && c.find(name) == nil
}

func (c *formChecker) exprs(exprs []ast.Expr) {
	for _, e := range exprs {
		c.expr(e)
	}
}

func (c *formChecker) expr(e ast.Expr) {
	switch e := e.(type) {
	case *ast.IdentExpr:
		if v := c.find(e.Value); v != nil {
			v.used = true
		}
	case *ast.AttrGetExpr:
		c.exprs([]ast.Expr{e.Object, e.Key})
	case *ast.FuncCallExpr:
		c.exprs([]ast.Expr{e.Func, e.Receiver})
		c.exprs(e.Args)
	case *ast.FunctionExpr:
		c.function(e)
	case *ast.TableExpr:
		for _, field := range e.Fields {
			c.exprs([]ast.Expr{field.Key, field.Value})
		}
	case *ast.LogicalOpExpr:
		c.exprs([]ast.Expr{e.Lhs, e.Rhs})
	case *ast.RelationalOpExpr:
		c.exprs([]ast.Expr{e.Lhs, e.Rhs})
	case *ast.StringConcatOpExpr:
		c.exprs([]ast.Expr{e.Lhs, e.Rhs})
	case *ast.ArithmeticOpExpr:
		c.exprs([]ast.Expr{e.Lhs, e.Rhs})
	case *ast.UnaryMinusOpExpr:
		c.expr(e.Expr)
	case *ast.UnaryNotOpExpr:
		c.expr(e.Expr)
	case *ast.UnaryLenOpExpr:
		c.expr(e.Expr)
	}
}
