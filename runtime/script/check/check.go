// Package check finds mistakes in recipes without running them.
package check

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/yuin/gopher-lua/ast"

	"runbook/runtime/script"
	"runbook/runtime/script/check/form"
	"runbook/runtime/script/source"
	"runbook/runtime/script/stdlib"
	"runbook/runtime/script/types"
)

// Options holds what check knows besides the declarations.
type Options struct {
	// Recipe has the options that the recipe declares, each with its type: any for one that may be
	// nil. A nil map means that they are not known.
	Recipe map[string]types.Type
	Files  *source.Cache // files that were read already
}

// mostWalks limits how often a recipe is walked until nothing more is learned.
const mostWalks = 64

// Check reads a recipe and the files that it requires and returns every problem that it is sure of,
// sorted by place. It runs nothing. The error is a file that can't be read, or the reason why ctx
// ended.
func Check(ctx context.Context, lib *script.Library, path string, opts Options) ([]source.Problem, error) {
	project := opts.Files.Project(source.RecipeDir(path))
	text, err := project.ReadRecipe(path)
	if err != nil {
		return nil, err
	}
	libraries, err := stdlib.Names()
	if err != nil {
		return nil, err
	}
	c := &checker{
		ctx: ctx, api: newAPI(lib), opts: opts, libraries: libraries, project: project,
		files: map[string]*source.File{}, required: map[requirement]module{}, facts: newFacts(),
		silent: map[*ast.FunctionExpr]bool{}, templates: map[string]templateText{},
	}
	// What parameters and fields hold is known only after the whole recipe has been seen. So it is
	// walked until nothing more is learned; only the problems of the last walk count.
	walk := func() { c.file(path, text) }
	if project.IsShipped(path, text) {
		walk = c.settings
	}
	for range mostWalks {
		c.problems, c.modules = nil, map[string]*shape{}
		walk()
		c.bodies()
		if !c.facts.settle() {
			break
		}
	}
	var problems []source.Problem
	for _, p := range c.problems {
		problems = append(problems, p.locate())
	}
	for _, f := range c.files {
		if !source.IsBuiltin(f.Path) {
			problems = append(problems, form.Check(lib, f)...)
		}
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	source.SortProblems(problems)
	return slices.Compact(problems), nil
}

// checker checks a recipe and the files that it requires.
type checker struct {
	ctx       context.Context
	api       api
	opts      Options
	libraries map[string][]string // the names in each of Lua's libraries
	project   source.Project
	files     map[string]*source.File // by path
	required  map[requirement]module
	modules   map[string]*shape // the values that walked files return; nil where nothing is known
	waiting   []body            // functions of this walk whose bodies were not checked yet
	facts     *facts
	silent    map[*ast.FunctionExpr]bool // functions, and whether they return nothing
	templates map[string]templateText    // by path
	problems  []problem
}

// problem is a problem at a word that is on its line or below it. Finding the column splits the
// whole file into words, and is left until the walk is known to be the last.
type problem struct {
	source.Problem
	file *source.File
	word string
}

func (p problem) locate() source.Problem {
	if p.Col == 0 {
		p.Line, p.Col = p.file.Place(p.Line, p.word)
	}
	return p.Problem
}

// requirement is the name in a require, and the file that has it if that matters.
type requirement struct{ name, from string }

// module is the file that a require loads.
type module struct {
	path string
	text []byte
	err  error
}

// fileChecker walks one file.
type fileChecker struct {
	*checker
	*source.File
	scope   *scope
	inBody  bool              // inside a function
	within  string            // the primitive that only reads whose argument is being checked, or ""
	inPcall *ast.FuncCallExpr // the call that the innermost pcall makes, or nil
	returns *shape
}

// scope is the local that was declared last, and those before it. It never changes, so that the
// body of a function sees only the locals above it.
type scope struct {
	outer *scope
	name  string
	value *shape
}

func (s *scope) find(name string) (*shape, bool) {
	for ; s != nil; s = s.outer {
		if s.name == name {
			return s.value, true
		}
	}
	return nil, false
}

// declare adds a local.
func (f *fileChecker) declare(name string, value *shape) {
	f.scope = &scope{outer: f.scope, name: name, value: value}
}

// file checks a file, once in each walk, and returns the shape of the value that it returns.
func (c *checker) file(path string, text []byte) *shape {
	if returns, ok := c.modules[path]; ok {
		return returns
	}
	c.modules[path] = nil
	f, ok := c.files[path]
	if !ok {
		f = c.opts.Files.File(path, text)
		c.files[path] = f
	}
	var p source.Problem
	if errors.As(f.Problem, &p) {
		c.problems = append(c.problems, problem{p, f, ""}) // without a column: such as break outside a loop
		return nil
	}
	w := &fileChecker{checker: c, File: f}
	w.block(f.Chunk)
	c.modules[path] = w.returns
	return w.returns
}

// settings checks only the project's settings, for recipes that are unchanged built-in files.
func (c *checker) settings() {
	nowhere := &fileChecker{checker: c, File: &source.File{}}
	if app := nowhere.module(source.SettingsModule); app.err == nil {
		nowhere.escape(c.file(app.path, app.text))
	}
}

// report adds a mistake at a word that is on a node's line or below it.
func (f *fileChecker) report(line int, word, format string, args ...any) {
	f.add(source.Mistake, line, word, format, args...)
}

// reportAt adds a mistake at an expression.
func (f *fileChecker) reportAt(e ast.Expr, format string, args ...any) {
	f.add(source.Mistake, e.Line(), source.Text(e), format, args...)
}

// warnAt adds a warning at a word that is on a node's line or below it.
func (f *fileChecker) warnAt(line int, word, format string, args ...any) {
	f.add(source.Warning, line, word, format, args...)
}

func (f *fileChecker) add(kind source.Kind, line int, word, format string, args ...any) {
	p := source.Problem{File: f.Path, Line: line, Message: fmt.Sprintf(format, args...), Kind: kind}
	f.problems = append(f.problems, problem{p, f.File, word})
}

// body is a function whose body is checked after all that is outside of functions.
type body struct {
	f      *fileChecker
	fn     *ast.FunctionExpr
	known  []*shape // the shapes of its first parameters; nil where they come from the calls
	method bool
	scope  *scope
}

// function queues a function's body to be checked later. known are the shapes of its first
// parameters when a primitive calls it; otherwise they come from the calls that were seen.
func (f *fileChecker) function(fn *ast.FunctionExpr, known []*shape, method bool) {
	f.waiting = append(f.waiting, body{f, fn, known, method, f.scope})
}

// bodies checks the bodies of the functions, the last one first. Most calls come after the
// definition, or are in a file that requires this one, so they are seen before the body.
func (c *checker) bodies() {
	checked := map[*ast.FunctionExpr]bool{} // an expression may be looked at twice
	for len(c.waiting) > 0 {
		last := c.waiting[len(c.waiting)-1]
		c.waiting = c.waiting[:len(c.waiting)-1]
		if !checked[last.fn] {
			checked[last.fn] = true
			last.check()
		}
	}
}

func (b body) check() {
	f := b.f
	if b.known == nil {
		b.known = f.facts.params(b.fn)
	}
	f.scope, f.inBody = b.scope, true
	if b.method {
		f.declare("self", nil)
	}
	for i, name := range b.fn.ParList.Names {
		var value *shape
		if i < len(b.known) {
			value = f.unlessAssigned(name, b.known[i])
		}
		f.declare(name, value)
	}
	f.block(b.fn.Stmts)
}

// unlessAssigned returns what is known about a local with this first value: nothing if it is
// assigned to anywhere.
func (f *fileChecker) unlessAssigned(name string, value *shape) *shape {
	if f.Assigned()[name] {
		f.escape(value)
		return nil
	}
	return value
}
