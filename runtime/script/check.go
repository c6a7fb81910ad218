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
	source, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	c := &checker{lib: lib, opts: opts, dir: filepath.Dir(path), chunks: map[string][]ast.Stmt{}, params: newParamTable()}
	// What a function's parameters hold is known once all its calls have been seen, so the recipe is walked until
	// that is settled; the last walk's problems count.
	for range deepest {
		c.problems, c.modules = nil, map[string]*shape{}
		c.file(path, source)
		if !c.params.settle() {
			break
		}
	}
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
	chunks   map[string][]ast.Stmt // the files that were read, parsed; nil where that failed
	modules  map[string]*shape     // what the files that were walked return; nil where nothing is known
	params   *paramTable
	problems []Problem
}

// fileChecker walks one file.
type fileChecker struct {
	*checker
	path     string
	lines    []string
	scope    *scope
	base     map[string]bool // Lua's own globals
	assigned map[string]bool // names that are assigned to after their declaration: nothing is known of them
	depth    int             // of functions; 0 is the file itself
	returns  *shape
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

// file walks a file, once a walk, and returns the shape of what it returns.
func (c *checker) file(path string, source []byte) *shape {
	if returns, ok := c.modules[path]; ok {
		return returns
	}
	c.modules[path] = nil
	chunk, parsed := c.chunks[path]
	if !parsed {
		chunk, _ = parseChunk(path, source) // compile reports the same again
		c.chunks[path] = chunk
	}
	var p Problem
	if _, err := compile(path, source); errors.As(err, &p) { // also break outside a loop, goto nowhere
		c.problems = append(c.problems, p)
		return nil
	}
	f := &fileChecker{checker: c, path: path, lines: strings.Split(string(source), "\n"), base: map[string]bool{}, assigned: assignedNames(chunk)}
	for _, name := range append(baseNames(), "string", "table", "math", "coroutine", "os", "_G") {
		f.base[name] = true
	}
	f.block(chunk, nil)
	c.modules[path] = f.returns
	return f.returns
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
			shape := f.expr(e)
			if f.depth == 0 && len(s.Exprs) == 1 {
				f.returns = shape
			}
		}
	}
}

func (f *fileChecker) localAssign(s *ast.LocalAssignStmt) {
	// `local function f` sees itself; `local f = …` doesn't.
	if fn, ok := only(s.Exprs).(*ast.FunctionExpr); ok && len(s.Names) == 1 && fn.Line() == s.Line() && f.isLocalFunction(s) {
		f.scope.locals[s.Names[0]] = &shape{fn: fn}
	}
	var shapes []*shape
	for _, e := range s.Exprs {
		shapes = append(shapes, f.expr(e))
	}
	for i, name := range s.Names {
		f.scope.locals[name] = nil
		if i < len(shapes) && !f.assigned[name] {
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
			if _, ok := f.scope.find(e.Value); !ok {
				f.report(e.Line(), e.Value, "undeclared global %q is set; write: local %s = …", e.Value, e.Value)
			}
			f.escape(value)
		case *ast.AttrGetExpr:
			owner := f.expr(e.Object)
			if key, ok := e.Key.(*ast.StringExpr); ok && owner != nil && owner.fields != nil {
				f.setField(owner, key.Value, value)
				continue
			}
			f.expr(e.Key)
			f.escape(value)
		}
	}
}

// setField notes what a table's field holds. Set twice, nothing is known of it.
func (f *fileChecker) setField(owner *shape, name string, value *shape) {
	if _, twice := owner.fields[name]; twice {
		f.escape(value)
		value = nil
	}
	owner.fields[name] = value
}

func (f *fileChecker) genericFor(s *ast.GenericForStmt) {
	locals := map[string]*shape{}
	for _, name := range s.Names {
		locals[name] = nil
	}
	for _, e := range s.Exprs {
		f.expr(e)
	}
	for _, name := range s.Names {
		if f.assigned[name] {
			f.block(s.Stmts, locals)
			return
		}
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
	method := s.Name.Method != ""
	switch name := s.Name.Func.(type) {
	case *ast.IdentExpr:
		if _, ok := f.scope.find(name.Value); !ok {
			f.report(s.Line(), name.Value, "undeclared global %q is set; write: local function %s(…)", name.Value, name.Value)
		}
		f.params.forget(s.Func)
	case *ast.AttrGetExpr:
		owner := f.expr(name.Object)
		if key, ok := name.Key.(*ast.StringExpr); ok && owner != nil && owner.fields != nil {
			f.setField(owner, key.Value, &shape{fn: s.Func})
		} else {
			f.params.forget(s.Func)
		}
	}
	if s.Name.Receiver != nil {
		f.expr(s.Name.Receiver)
		f.params.forget(s.Func)
	}
	f.function(s.Func, nil, method)
}

// function walks a function's body. known are the shapes of its first parameters, where the caller is a primitive;
// of others the calls that were seen tell.
func (f *fileChecker) function(fn *ast.FunctionExpr, known []*shape, method bool) {
	if known == nil {
		known = f.params.of(fn)
	}
	locals := map[string]*shape{}
	if method {
		locals["self"] = nil
	}
	for i, name := range fn.ParList.Names {
		locals[name] = nil
		if i < len(known) && !f.assigned[name] {
			locals[name] = known[i]
		}
	}
	f.depth++
	f.block(fn.Stmts, locals)
	f.depth--
}
