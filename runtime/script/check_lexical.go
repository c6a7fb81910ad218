package script

import (
	"reflect"
	"slices"
	"strings"

	"github.com/yuin/gopher-lua/ast"
)

// lexical finds what the form of a file alone shows: locals that nobody reads, and lines that are never reached.
type lexical struct {
	lib      *Library
	file     *recipeFile
	vars     []*variable // those in scope, innermost last
	problems []Problem
}

// variable is a local. Of several that one statement declares, the last that is read excuses those before it, which
// stand for their places.
type variable struct {
	name     string
	line     int
	used     bool
	excused  bool          // a parameter, a loop's variable, or one whose name begins with _
	siblings [](*variable) // what the same statement declares
}

func (f *recipeFile) lexical(lib *Library) []Problem {
	if f.problem != nil {
		return nil
	}
	l := &lexical{lib: lib, file: f}
	l.block(f.chunk, nil)
	return l.problems
}

func (l *lexical) add(line int, word, message string) {
	p := Problem{File: l.file.path, Message: message, Kind: Warning}
	p.Line, p.Col = l.file.place(line, word)
	l.problems = append(l.problems, p)
}

func (l *lexical) declare(line int, excused bool, names ...string) []*variable {
	var declared []*variable
	for _, name := range names {
		declared = append(declared, &variable{name: name, line: line, excused: excused || strings.HasPrefix(name, "_")})
	}
	for _, v := range declared {
		v.siblings = declared
	}
	l.vars = append(l.vars, declared...)
	return declared
}

func (l *lexical) find(name string) *variable {
	for _, v := range slices.Backward(l.vars) {
		if v.name == name {
			return v
		}
	}
	return nil
}

// close ends the scope that began with so many variables.
func (l *lexical) close(begun int) {
	for _, v := range l.vars[begun:] {
		i := slices.Index(v.siblings, v)
		later := slices.ContainsFunc(v.siblings[i:], func(s *variable) bool { return s.used })
		if !later && !v.excused {
			l.add(v.line, v.name, "the local "+v.name+" is never read; remove it, or name it _"+v.name)
		}
	}
	l.vars = l.vars[:begun]
}

// block walks statements in a scope of their own, and says whether what stands behind them is never reached. last, when
// given, is walked in the same scope.
func (l *lexical) block(stmts []ast.Stmt, last ast.Expr) bool {
	begun := len(l.vars)
	ends, told := false, false
	for _, s := range stmts {
		if _, label := s.(*ast.LabelStmt); label {
			ends = false
		}
		if ends && !told {
			told = true
			l.add(s.Line(), "", "this is never reached: what stands above it always leaves")
		}
		if l.stmt(s) {
			ends = true
		}
	}
	l.expr(last)
	l.close(begun)
	return ends
}

// stmt walks a statement and says whether what stands behind it is never reached.
func (l *lexical) stmt(s ast.Stmt) bool {
	switch s := s.(type) {
	case *ast.LocalAssignStmt:
		if fn, ok := only(s.Exprs).(*ast.FunctionExpr); ok && len(s.Names) == 1 {
			l.declare(s.Line(), false, s.Names...) // it may call itself
			l.function(fn)
			return false
		}
		l.exprs(s.Exprs)
		l.declare(s.Line(), l.options(only(s.Exprs)), s.Names...)
	case *ast.AssignStmt:
		l.exprs(s.Rhs)
		for _, e := range s.Lhs {
			if _, ok := e.(*ast.IdentExpr); !ok { // setting a local is not reading it
				l.expr(e)
			}
		}
	case *ast.FuncCallStmt:
		l.expr(s.Expr)
		return l.never(s.Expr)
	case *ast.DoBlockStmt:
		return l.block(s.Stmts, nil)
	case *ast.WhileStmt:
		l.expr(s.Condition)
		l.block(s.Stmts, nil)
		_, always := s.Condition.(*ast.TrueExpr)
		return always && !leaves(s.Stmts)
	case *ast.RepeatStmt:
		l.block(s.Stmts, s.Condition)
	case *ast.IfStmt:
		l.expr(s.Condition)
		then := l.block(s.Then, nil)
		return l.block(s.Else, nil) && then
	case *ast.NumberForStmt:
		l.exprs([]ast.Expr{s.Init, s.Limit, s.Step})
		l.loop(s.Line(), s.Stmts, s.Name)
	case *ast.GenericForStmt:
		l.exprs(s.Exprs)
		l.loop(s.Line(), s.Stmts, s.Names...)
	case *ast.FuncDefStmt:
		if _, ok := s.Name.Func.(*ast.IdentExpr); !ok {
			l.expr(s.Name.Func)
			l.expr(s.Name.Receiver)
		}
		l.function(s.Func)
	case *ast.ReturnStmt:
		l.exprs(s.Exprs)
		return true
	case *ast.BreakStmt, *ast.GotoStmt:
		return true
	}
	return false
}

func (l *lexical) loop(line int, stmts []ast.Stmt, names ...string) {
	begun := len(l.vars)
	l.declare(line, true, names...)
	l.block(stmts, nil)
	l.close(begun)
}

func (l *lexical) function(fn *ast.FunctionExpr) {
	begun := len(l.vars)
	l.declare(fn.Line(), true, append([]string{"self"}, fn.ParList.Names...)...)
	l.block(fn.Stmts, nil)
	l.close(begun)
}

// options says whether an expression is recipe{ … }, whose result a recipe keeps by habit.
func (l *lexical) options(e ast.Expr) bool {
	p := l.primitive(e)
	return p != nil && p.result == reflect.TypeFor[Proxy]()
}

// never says whether a call never returns: error(…), fail(…).
func (l *lexical) never(e ast.Expr) bool {
	p := l.primitive(e)
	return p != nil && p.never || l.calls(e, "error")
}

// primitive is the global primitive that an expression calls, or nil.
func (l *lexical) primitive(e ast.Expr) *Primitive {
	call, ok := e.(*ast.FuncCallExpr)
	if !ok || call.Receiver != nil {
		return nil
	}
	id, ok := call.Func.(*ast.IdentExpr)
	if !ok || !l.calls(e, id.Value) {
		return nil
	}
	if s := l.lib.globalShape(id.Value); s != nil {
		return s.call
	}
	return nil
}

// calls says whether an expression calls a global of that name.
func (l *lexical) calls(e ast.Expr, name string) bool {
	call, ok := e.(*ast.FuncCallExpr)
	if !ok || call.Receiver != nil {
		return false
	}
	id, ok := call.Func.(*ast.IdentExpr)
	return ok && id.Value == name && l.find(name) == nil
}

// leaves says whether a loop's body has a way out but return: a break of its own, or a goto.
func leaves(stmts []ast.Stmt) bool {
	return slices.ContainsFunc(stmts, func(s ast.Stmt) bool {
		switch s := s.(type) {
		case *ast.BreakStmt, *ast.GotoStmt:
			return true
		case *ast.DoBlockStmt:
			return leaves(s.Stmts)
		case *ast.IfStmt:
			return leaves(s.Then) || leaves(s.Else)
		}
		return false
	})
}

func (l *lexical) exprs(exprs []ast.Expr) {
	for _, e := range exprs {
		l.expr(e)
	}
}

func (l *lexical) expr(e ast.Expr) {
	switch e := e.(type) {
	case *ast.IdentExpr:
		if v := l.find(e.Value); v != nil {
			v.used = true
		}
	case *ast.AttrGetExpr:
		l.exprs([]ast.Expr{e.Object, e.Key})
	case *ast.FuncCallExpr:
		l.exprs([]ast.Expr{e.Func, e.Receiver})
		l.exprs(e.Args)
	case *ast.FunctionExpr:
		l.function(e)
	case *ast.TableExpr:
		for _, field := range e.Fields {
			l.exprs([]ast.Expr{field.Key, field.Value})
		}
	case *ast.LogicalOpExpr:
		l.exprs([]ast.Expr{e.Lhs, e.Rhs})
	case *ast.RelationalOpExpr:
		l.exprs([]ast.Expr{e.Lhs, e.Rhs})
	case *ast.StringConcatOpExpr:
		l.exprs([]ast.Expr{e.Lhs, e.Rhs})
	case *ast.ArithmeticOpExpr:
		l.exprs([]ast.Expr{e.Lhs, e.Rhs})
	case *ast.UnaryMinusOpExpr:
		l.expr(e.Expr)
	case *ast.UnaryNotOpExpr:
		l.expr(e.Expr)
	case *ast.UnaryLenOpExpr:
		l.expr(e.Expr)
	}
}
