package script

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/yuin/gopher-lua/ast"
)

// CheckOptions say what check knows beside the library.
type CheckOptions struct {
	// Options are the names of the options that the recipe declares, where they are known.
	Options []string
}

// Check reads a recipe and what it requires, runs nothing, and returns every mistake that it is sure of: syntax
// errors, undeclared globals, unknown primitives, options and fields, missing and surplus arguments, literals of
// the wrong type, modules that are not there. A file that can't be read is the error.
func (lib *Library) Check(path string, opts CheckOptions) ([]Problem, error) {
	c := &checker{lib: lib, opts: opts, dir: filepath.Dir(path), seen: map[string]bool{}}
	source, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	c.file(path, source)
	slices.SortStableFunc(c.problems, func(a, b Problem) int {
		if a.File != b.File {
			return strings.Compare(a.File, b.File)
		}
		return a.Line - b.Line
	})
	return c.problems, nil
}

type checker struct {
	lib      *Library
	opts     CheckOptions
	dir      string
	seen     map[string]bool // files that were read
	problems []Problem
}

// fileChecker walks one file.
type fileChecker struct {
	*checker
	path  string
	lines []string
	scope *scope
	base  map[string]bool // Lua's own globals
}

// scope holds the locals of a block.
type scope struct {
	outer  *scope
	locals map[string]*shape
}

func (s *scope) find(name string) (*shape, bool) {
	for ; s != nil; s = s.outer {
		if v, ok := s.locals[name]; ok {
			return v, true
		}
	}
	return nil, false
}

func (c *checker) file(path string, source []byte) {
	if c.seen[path] {
		return
	}
	c.seen[path] = true
	chunk, err := parseChunk(path, source)
	if err == nil {
		_, err = compile(path, source) // break outside a loop, goto nowhere
	}
	var p Problem
	if errors.As(err, &p) {
		c.problems = append(c.problems, p)
		return
	}
	f := &fileChecker{checker: c, path: path, lines: strings.Split(string(source), "\n"), base: map[string]bool{}}
	for _, name := range append(baseNames(), "string", "table", "math", "coroutine", "os", "_G") {
		f.base[name] = true
	}
	f.block(chunk, nil)
}

// report adds a problem at the line of a node, at the column where word stands on it.
func (f *fileChecker) report(line int, word, format string, args ...any) {
	p := Problem{File: f.path, Line: line, Message: fmt.Sprintf(format, args...)}
	if line >= 1 && line <= len(f.lines) && word != "" {
		if at := regexp.MustCompile(`\b` + regexp.QuoteMeta(word)).FindStringIndex(f.lines[line-1]); at != nil {
			p.Col = at[0] + 1
		}
	}
	if !slices.Contains(f.problems, p) {
		f.problems = append(f.problems, p)
	}
}

// block walks statements in a scope of their own that already has the given locals.
func (f *fileChecker) block(stmts []ast.Stmt, locals map[string]*shape) {
	if locals == nil {
		locals = map[string]*shape{}
	}
	f.scope = &scope{outer: f.scope, locals: locals}
	defer func() { f.scope = f.scope.outer }()
	for _, s := range stmts {
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
			f.expr(e)
		}
	}
}

func (f *fileChecker) localAssign(s *ast.LocalAssignStmt) {
	// `local function f` sees itself; `local f = …` doesn't.
	if fn, ok := only(s.Exprs).(*ast.FunctionExpr); ok && len(s.Names) == 1 && fn.Line() == s.Line() && f.isLocalFunction(s) {
		f.scope.locals[s.Names[0]] = nil
	}
	var shapes []*shape
	for _, e := range s.Exprs {
		shapes = append(shapes, f.expr(e))
	}
	for i, name := range s.Names {
		f.scope.locals[name] = nil
		if i < len(shapes) {
			f.scope.locals[name] = shapes[i]
		}
	}
}

func (f *fileChecker) isLocalFunction(s *ast.LocalAssignStmt) bool {
	line := f.lines[min(s.Line(), len(f.lines))-1]
	return strings.Contains(line, "function "+s.Names[0])
}

func only(exprs []ast.Expr) ast.Expr {
	if len(exprs) == 1 {
		return exprs[0]
	}
	return nil
}

func (f *fileChecker) assign(s *ast.AssignStmt) {
	for _, e := range s.Rhs {
		f.expr(e)
	}
	for _, e := range s.Lhs {
		id, ok := e.(*ast.IdentExpr)
		if !ok {
			f.expr(e)
			continue
		}
		if _, ok := f.scope.find(id.Value); !ok {
			f.report(e.Line(), id.Value, "undeclared global %q is set; write: local %s = …", id.Value, id.Value)
			continue
		}
		f.forget(id.Value)
	}
}

// forget drops what is known of a local that is assigned to: from here on it may hold either value.
func (f *fileChecker) forget(name string) {
	for s := f.scope; s != nil; s = s.outer {
		if _, ok := s.locals[name]; ok {
			s.locals[name] = nil
			return
		}
	}
}

func (f *fileChecker) genericFor(s *ast.GenericForStmt) {
	locals := map[string]*shape{}
	for _, name := range s.Names {
		locals[name] = nil
	}
	for _, e := range s.Exprs {
		f.expr(e)
	}
	// for _, host in ipairs(hosts)
	if call, ok := only(s.Exprs).(*ast.FuncCallExpr); ok && len(call.Args) == 1 && len(s.Names) == 2 {
		if fn, ok := call.Func.(*ast.IdentExpr); ok && (fn.Value == "ipairs" || fn.Value == "pairs") {
			if list := f.expr(call.Args[0]); list != nil {
				locals[s.Names[1]] = list.item
			}
		}
	}
	f.block(s.Stmts, locals)
}

func (f *fileChecker) funcDef(s *ast.FuncDefStmt) {
	if id, ok := s.Name.Func.(*ast.IdentExpr); ok {
		if _, ok := f.scope.find(id.Value); !ok {
			f.report(s.Line(), id.Value, "undeclared global %q is set; write: local function %s(…)", id.Value, id.Value)
		}
	} else if s.Name.Func != nil {
		f.expr(s.Name.Func)
	}
	if s.Name.Receiver != nil {
		f.expr(s.Name.Receiver)
	}
	f.function(s.Func, nil, s.Name.Method != "")
}

// function walks a function's body. known are the shapes of its first parameters.
func (f *fileChecker) function(fn *ast.FunctionExpr, known []*shape, method bool) {
	locals := map[string]*shape{}
	if method {
		locals["self"] = nil
	}
	for i, name := range fn.ParList.Names {
		locals[name] = nil
		if i < len(known) {
			locals[name] = known[i]
		}
	}
	f.block(fn.Stmts, locals)
}
