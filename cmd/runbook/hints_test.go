package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua/ast"
	luaparse "github.com/yuin/gopher-lua/parse"
)

// advice pairs the message of an error with its hint. The sign … stands for what is only
// known at run time.
type advice struct{ file, message, hint string }

// unknown stands for a text that the code does not spell out.
const unknown = "…"

// source holds the texts that the code of one package spells out.
type source struct {
	functions map[string][]*ast.FuncDecl // by name; methods too
	values    map[string]ast.Expr        // constants and variables of the package
	others    map[string]*source         // all packages, by name
}

// collectAdvice reads the hints of all packages and recipes that users meet.
func collectAdvice(t *testing.T) []advice {
	t.Helper()
	var found []advice
	packages := map[string]*source{}
	files := map[string]map[string]*ast.File{} // by package
	for _, path := range sources(t, ".go") {
		if strings.HasSuffix(path, "_test.go") || strings.Contains(path, "/internal/") ||
			strings.Contains(path, "/labtest/") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", "..", path), nil,
			parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		dir := filepath.Dir(path)
		if files[dir] == nil {
			files[dir] = map[string]*ast.File{}
		}
		files[dir][path] = file
	}
	byDir := map[string]*source{}
	for dir, parsed := range files {
		s := &source{functions: map[string][]*ast.FuncDecl{}, values: map[string]ast.Expr{}, others: packages}
		for _, file := range parsed {
			s.add(file)
			packages[file.Name.Name] = s
		}
		byDir[dir] = s
	}
	for dir, parsed := range files {
		for path, file := range parsed {
			for _, declaration := range file.Decls {
				for _, a := range byDir[dir].find(declaration) {
					a.file = path
					found = append(found, a)
				}
			}
		}
	}
	for _, path := range sources(t, ".lua") {
		if strings.HasPrefix(path, "recipes/") && !strings.HasSuffix(path, "_test.lua") &&
			!strings.HasPrefix(path, "recipes/meta/") && !strings.Contains(path, "/ports/") {
			found = append(found, luaAdvice(t, path)...)
		}
	}
	return found
}

// sources lists the files of the repository with an ending, relative to its top.
func sources(t *testing.T, ending string) (paths []string) {
	t.Helper()
	for _, top := range []string{"cmd", "runtime", "recipes"} {
		err := filepath.WalkDir(filepath.Join("..", "..", top), func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if d.IsDir() && d.Name() == "testdata" {
				return fs.SkipDir
			}
			if strings.HasSuffix(path, ending) {
				paths = append(paths, filepath.ToSlash(path)[len("../../"):])
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return paths
}

// add remembers the functions and values that a file declares.
func (s *source) add(file *ast.File) {
	for _, declaration := range file.Decls {
		switch d := declaration.(type) {
		case *ast.FuncDecl:
			s.functions[d.Name.Name] = append(s.functions[d.Name.Name], d)
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				if v, ok := spec.(*ast.ValueSpec); ok && len(v.Values) == len(v.Names) {
					for i, name := range v.Names {
						s.values[name.Name] = v.Values[i]
					}
				}
			}
		}
	}
}

// find returns the pairs of a message and a hint in a declaration.
func (s *source) find(declaration ast.Decl) (found []advice) {
	text := &words{source: s, body: declaration}
	add := func(at token.Pos, message, hint ast.Expr) {
		before := text.before(at)
		for _, h := range before.of(hint) {
			before.last = true
			for _, m := range before.of(message) {
				found = append(found, advice{message: m, hint: h})
			}
		}
	}
	ast.Inspect(declaration, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			switch name := calledName(n); {
			case (name == "WithHint" || name == "usageError") && len(n.Args) == 2:
				add(n.Pos(), n.Args[0], n.Args[1])
			case name == "fail" && len(n.Args) > 2 &&
				s.values[typeName(n.Args[0])] != nil: // fail(cause, hint, format, …) of the package ssh
				add(n.Pos(), &ast.CallExpr{Fun: ast.NewIdent("Errorf"), Args: n.Args[2:]}, n.Args[1])
			}
		case *ast.AssignStmt:
			if len(n.Lhs) == 2 && len(n.Rhs) == 2 && isNamed(n.Lhs[1], "hint") {
				add(n.Pos(), n.Rhs[0], n.Rhs[1])
			}
		case *ast.CompositeLit:
			var message, hint ast.Expr
			for _, element := range n.Elts {
				if pair, ok := element.(*ast.KeyValueExpr); ok && isNamed(pair.Key, "reason") {
					message = pair.Value
				} else if ok && isNamed(pair.Key, "hint") {
					hint = pair.Value
				}
			}
			if message != nil && hint != nil {
				add(n.Pos(), message, hint)
			}
		case *ast.FuncDecl:
			s.findReturned(n.Type, n.Body, add)
		case *ast.FuncLit:
			s.findReturned(n.Type, n.Body, add)
		}
		return true
	})
	return found
}

// findReturned adds the return values of a function that returns a cause and a hint.
func (s *source) findReturned(of *ast.FuncType, body *ast.BlockStmt, add func(at token.Pos, message, hint ast.Expr)) {
	if body == nil || of.Results == nil || of.Results.NumFields() != 2 {
		return
	}
	for _, result := range of.Results.List {
		if !isNamed(result.Type, "string") || len(result.Names) == 2 && result.Names[1].Name != "hint" {
			return
		}
	}
	if len(of.Results.List) == 2 && (of.Params.NumFields() != 1 ||
		!isNamed(of.Params.List[0].Type, "job")) { // except git's symptoms
		return
	}
	ast.Inspect(body, func(n ast.Node) bool {
		if r, ok := n.(*ast.ReturnStmt); ok && len(r.Results) == 2 {
			add(r.Pos(), r.Results[0], r.Results[1])
		}
		_, nested := n.(*ast.FuncLit)
		return !nested
	})
}

func calledName(call *ast.CallExpr) string {
	switch f := call.Fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		return f.Sel.Name
	}
	return ""
}

func isNamed(e ast.Expr, name string) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == name
}

// words finds the texts that expressions of one declaration can have.
type words struct {
	*source
	body  ast.Node
	until token.Pos // variables have the values that are assigned before this position; 0: all of them
	last  bool      // only the last of these values
	depth int
}

func (w words) before(at token.Pos) *words {
	w.until = at
	return &w
}

// of returns the texts that an expression can have, at most eight.
func (w *words) of(e ast.Expr) []string {
	if w.depth > 12 {
		return []string{unknown}
	}
	deeper := *w
	deeper.depth++
	switch e := e.(type) {
	case *ast.BasicLit:
		if text, err := strconv.Unquote(e.Value); err == nil && e.Kind == token.STRING {
			return []string{text}
		}
	case *ast.ParenExpr:
		return deeper.of(e.X)
	case *ast.UnaryExpr:
		return deeper.of(e.X)
	case *ast.BinaryExpr:
		var all []string
		for _, left := range deeper.of(e.X) {
			for _, right := range deeper.of(e.Y) {
				all = append(all, left+right)
			}
		}
		return all[:min(8, len(all))]
	case *ast.CallExpr:
		return deeper.call(e)
	case *ast.CompositeLit:
		if id, ok := e.Type.(*ast.Ident); ok {
			if texts := deeper.returned("Error", id.Name); len(texts) > 0 && texts[0] != unknown {
				return texts
			}
		}
		for i, element := range e.Elts { // a wrapping error has the text of the wrapped one
			if pair, keyed := element.(*ast.KeyValueExpr); keyed && isNamed(pair.Key, "Err") {
				return deeper.of(pair.Value)
			} else if !keyed && i == 0 {
				return deeper.of(element)
			}
		}
	case *ast.Ident:
		return deeper.variable(e)
	case *ast.SelectorExpr:
		if id, ok := e.X.(*ast.Ident); ok && w.others[id.Name] != nil {
			if value := w.others[id.Name].values[e.Sel.Name]; value != nil {
				other := &words{source: w.others[id.Name], depth: deeper.depth}
				return other.of(value)
			}
		}
	}
	return []string{unknown}
}

var verb = regexp.MustCompile(`%%|%[^a-zA-Z%]*[a-zA-Z]`)

// formatted returns the text of a format.
func formatted(format string) string {
	return verb.ReplaceAllStringFunc(format, func(found string) string {
		if found == "%%" {
			return "%"
		}
		return unknown
	})
}

// call returns the texts that a call can return.
func (w *words) call(call *ast.CallExpr) []string {
	switch name := calledName(call); {
	case name == "Errorf" || name == "Sprintf":
		var all []string
		for _, format := range w.of(call.Args[0]) {
			all = append(all, formatted(format))
		}
		return all
	case (name == "New" || name == "WithHint" || name == "error") && len(call.Args) > 0:
		return w.of(call.Args[0])
	case name == "Error": // of any type
	case name == "Or" && len(call.Args) == 2:
		return slices.Concat(w.of(call.Args[0]), w.of(call.Args[1]))
	default:
		if texts := w.returned(name, ""); len(texts) > 0 {
			return texts
		}
	}
	return []string{unknown}
}

// returned returns the texts that a function of the package, or a method of one of its types, can
// return as its only result.
func (w *words) returned(name, receiver string) (texts []string) {
	for _, f := range w.functions[name] {
		if receiver != "" && (f.Recv == nil || !strings.HasSuffix(typeName(f.Recv.List[0].Type), receiver)) ||
			f.Type.Results == nil || f.Type.Results.NumFields() != 1 || f.Body == nil {
			continue
		}
		inside := &words{source: w.source, body: f, depth: w.depth + 1}
		ast.Inspect(f.Body, func(n ast.Node) bool {
			if r, ok := n.(*ast.ReturnStmt); ok && len(r.Results) == 1 {
				texts = append(texts, inside.before(r.Pos()).of(r.Results[0])...)
			}
			_, nested := n.(*ast.FuncLit)
			return !nested
		})
	}
	if slices.ContainsFunc(texts, func(text string) bool { return text != "" }) {
		texts = slices.DeleteFunc(texts, func(text string) bool { return text == "" })
	}
	for i, text := range texts {
		if !strings.Contains(text, " ") { // a single word varies, such as the type of a key
			texts[i] = unknown
		}
	}
	slices.Sort(texts)
	texts = slices.Compact(texts)
	return texts[:min(8, len(texts))]
}

func typeName(e ast.Expr) string {
	if star, ok := e.(*ast.StarExpr); ok {
		e = star.X
	}
	if id, ok := e.(*ast.Ident); ok {
		return id.Name
	}
	return ""
}

// variable returns the texts of a variable or a constant.
func (w *words) variable(id *ast.Ident) []string {
	var all []string
	var last token.Pos
	keep := func(at token.Pos, value ast.Expr) {
		if w.until != 0 && at >= w.until || w.last && at < last {
			return
		}
		inside := *w
		inside.until = at // the new value may contain the earlier one
		texts := inside.of(value)
		if w.last {
			all, last = texts, at
		} else {
			all = append(all, texts...)
		}
	}
	if w.body != nil {
		ast.Inspect(w.body, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				for i, left := range n.Lhs {
					if isNamed(left, id.Name) && len(n.Rhs) == len(n.Lhs) {
						keep(n.Pos(), n.Rhs[i])
					} else if isNamed(left, id.Name) {
						keep(n.Pos(), &ast.BadExpr{})
					}
				}
			case *ast.ValueSpec:
				for i, name := range n.Names {
					if name.Name == id.Name && i < len(n.Values) {
						keep(n.Pos(), n.Values[i])
					}
				}
			}
			return true
		})
	}
	if len(all) == 0 && w.values[id.Name] != nil {
		return (&words{source: w.source, depth: w.depth}).of(w.values[id.Name])
	}
	if len(all) == 0 {
		return []string{unknown}
	}
	return all
}

// luaAdvice returns a recipe's error messages with their hints: from fail(message, hint), and from
// problems, which are tables of a message and a hint.
func luaAdvice(t *testing.T, path string) (found []advice) {
	t.Helper()
	file, err := os.Open(filepath.Join("..", "..", path))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close() // it was only read
	chunk, err := luaparse.Parse(file, path)
	if err != nil {
		t.Fatal(err)
	}
	r := &luaReader{path: path, values: map[string]lua.Expr{}}
	r.walk(chunk)
	return r.found
}

// luaReader finds pairs of texts in one Lua file.
type luaReader struct {
	path   string
	values map[string]lua.Expr // of locals, the last assignment
	found  []advice
}

func (r *luaReader) add(message, hint lua.Expr) {
	m, h := r.text(message), r.text(hint)
	if strings.Count(m, " ") > 1 && !strings.Contains(m, "%s") { // not a pair of other texts, or a format
		r.found = append(r.found, advice{r.path, m, h})
	}
}

// walk goes through statements and expressions of any kind.
func (r *luaReader) walk(list []lua.Stmt) {
	for _, statement := range list {
		switch s := statement.(type) {
		case *lua.LocalAssignStmt:
			r.assign(s.Names, s.Exprs)
		case *lua.AssignStmt:
			var names []string
			for _, left := range s.Lhs {
				name, _ := left.(*lua.IdentExpr)
				if name == nil {
					name = &lua.IdentExpr{}
				}
				names = append(names, name.Value)
			}
			r.assign(names, s.Rhs)
		case *lua.FuncCallStmt:
			r.expressions(s.Expr)
		case *lua.DoBlockStmt:
			r.walk(s.Stmts)
		case *lua.WhileStmt:
			r.walk(s.Stmts)
		case *lua.RepeatStmt:
			r.walk(s.Stmts)
		case *lua.IfStmt:
			r.expressions(s.Condition)
			r.walk(s.Then)
			r.walk(s.Else)
		case *lua.NumberForStmt:
			r.walk(s.Stmts)
		case *lua.GenericForStmt:
			r.walk(s.Stmts)
		case *lua.FuncDefStmt:
			r.walk(s.Func.Stmts)
		case *lua.ReturnStmt:
			r.expressions(s.Exprs...)
		}
	}
}

func (r *luaReader) assign(names []string, values []lua.Expr) {
	for i, value := range values {
		if i < len(names) {
			r.values[names[i]] = value
		}
	}
	r.expressions(values...)
}

func (r *luaReader) expressions(list ...lua.Expr) {
	for _, expression := range list {
		switch e := expression.(type) {
		case *lua.FuncCallExpr:
			if name, ok := e.Func.(*lua.IdentExpr); ok && name.Value == "fail" && len(e.Args) == 2 {
				r.add(e.Args[0], e.Args[1])
			}
			r.expressions(e.Args...)
		case *lua.FunctionExpr:
			r.walk(e.Stmts)
		case *lua.LogicalOpExpr:
			r.expressions(e.Lhs, e.Rhs)
		case *lua.TableExpr:
			if len(e.Fields) == 2 && e.Fields[0].Key == nil && e.Fields[1].Key == nil {
				r.add(e.Fields[0].Value, e.Fields[1].Value)
			}
			for _, field := range e.Fields {
				r.expressions(field.Value)
			}
		}
	}
}

// text returns the text of an expression, or unknown.
func (r *luaReader) text(expression lua.Expr) string {
	switch e := expression.(type) {
	case *lua.StringExpr:
		return e.Value
	case *lua.StringConcatOpExpr:
		return r.text(e.Lhs) + r.text(e.Rhs)
	case *lua.FuncCallExpr:
		if format := r.text(e.Receiver); e.Method == "format" && format != unknown {
			return formatted(format)
		}
	case *lua.LogicalOpExpr: // A and B or C
		if right := r.text(e.Rhs); right != unknown && right != "" {
			return right
		}
		return r.text(e.Lhs)
	case *lua.IdentExpr:
		if value := r.values[e.Value]; value != nil {
			delete(r.values, e.Value) // avoids endless recursion
			defer func() { r.values[e.Value] = value }()
			return r.text(value)
		}
	}
	return unknown
}
