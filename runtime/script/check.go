package script

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/yuin/gopher-lua/ast"
)

// CheckOptions say what check knows beside the library.
type CheckOptions struct {
	// Options are the options that the recipe declares, by name, each with its type in Lua, or "" where it may be nil. A
	// nil map says that they aren't known.
	Options map[string]string
	Sources *Sources // the files as far as they were read
}

// Check reads a recipe and what it requires, runs nothing, and returns every problem that it is sure of, by file and
// line. The error is a file that can't be read, or why ctx ended.
func (lib *Library) Check(ctx context.Context, path string, opts CheckOptions) ([]Problem, error) {
	text, err := ReadShown(path)
	if err != nil {
		return nil, err
	}
	lua, err := luaNames()
	if err != nil {
		return nil, err
	}
	c := &checker{ctx: ctx, lib: lib, opts: opts, lua: lua, dir: RecipeDir(path), files: map[string]*recipeFile{}, required: map[string]module{}, facts: newFacts()}
	// What a function's parameters and a table's fields hold is known once the whole recipe has been seen, so it is walked
	// until nothing more is learned; the last walk's problems count.
	for range deepest {
		c.problems, c.modules = nil, map[string]*shape{}
		c.file(path, text)
		if !c.facts.settle() {
			break
		}
	}
	for _, f := range c.files {
		c.problems = append(c.problems, f.lexical(lib)...)
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	SortProblems(c.problems)
	return slices.Compact(c.problems), nil
}

type checker struct {
	ctx      context.Context // ends the walks
	lib      *Library
	opts     CheckOptions
	lua      map[string][]string // Lua's own libraries; "" for its globals
	dir      string
	files    map[string]*recipeFile // those that were read
	required map[string]module      // by the name that recipes use
	modules  map[string]*shape      // what the files that were walked return; nil where nothing is known
	facts    *facts
	problems []Problem
}

// module is what require leads to.
type module struct {
	path   string
	source []byte
	err    error
}

// fileChecker walks one file.
type fileChecker struct {
	*checker
	*recipeFile
	scope   *scope
	depth   int    // of functions; 0 is the file itself
	within  string // the primitive that only reads, of whose arguments these are, or ""
	returns *shape
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
func (c *checker) file(path string, text []byte) *shape {
	if returns, ok := c.modules[path]; ok {
		return returns
	}
	c.modules[path] = nil
	f, ok := c.files[path]
	if !ok {
		f = c.opts.Sources.file(path, text)
		c.files[path] = f
	}
	var p Problem
	if errors.As(f.problem, &p) {
		p.Line, p.Col = f.located(p)
		c.problems = append(c.problems, p)
		return nil
	}
	w := &fileChecker{checker: c, recipeFile: f}
	w.block(f.chunk, nil)
	c.modules[path] = w.returns
	return w.returns
}

// located is a problem's place, with the column of its line's first word where it has none.
func (f *recipeFile) located(p Problem) (int, int) {
	if p.Col > 0 {
		return p.Line, p.Col
	}
	return f.place(p.Line, "")
}

// report adds a mistake where word stands, at the line of a node or below it.
func (f *fileChecker) report(line int, word, format string, args ...any) {
	f.add(Mistake, line, word, format, args...)
}

func (f *fileChecker) add(kind Kind, line int, word, format string, args ...any) {
	p := Problem{File: f.path, Message: fmt.Sprintf(format, args...), Kind: kind}
	p.Line, p.Col = f.place(line, word)
	f.problems = append(f.problems, p)
}

// function walks a function's body. known are the shapes of its first parameters, where the caller is a primitive;
// of others the calls that were seen tell.
func (f *fileChecker) function(fn *ast.FunctionExpr, known []*shape, method bool) {
	if known == nil {
		known = f.facts.of(fn)
	}
	locals := map[string]*shape{}
	if method {
		locals["self"] = nil
	}
	for i, name := range fn.ParList.Names {
		locals[name] = nil
		switch {
		case i >= len(known):
		case f.assigned()[name]:
			f.escape(known[i])
		default:
			locals[name] = known[i]
		}
	}
	within := f.within
	f.within = ""
	f.depth++
	f.block(fn.Stmts, locals)
	f.depth--
	f.within = within
}
