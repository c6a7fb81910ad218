package source

import (
	"maps"

	"github.com/yuin/gopher-lua/ast"
)

// Key is a place where a table's key is written.
type Key struct {
	Line  int
	Name  string
	Value ast.Expr // nil for function t.key() … end
}

// Keys finds where the keys of an expression's table are written: in { … }, and in assignments to
// the variable that the expression names. The last place of each key counts. It returns nil where
// nothing is known.
func (f *File) Keys(e ast.Expr) map[string]Key {
	id, ok := e.(*ast.IdentExpr)
	if !ok {
		return constructorKeys(e)
	}
	var keys map[string]Key
	add := func(more map[string]Key) {
		if keys == nil && more != nil {
			keys = map[string]Key{}
		}
		maps.Copy(keys, more)
	}
	set := func(lhs, value ast.Expr) {
		switch lhs := lhs.(type) {
		case *ast.IdentExpr:
			if lhs.Value == id.Value {
				add(constructorKeys(value))
			}
		case *ast.AttrGetExpr:
			owner, isName := lhs.Object.(*ast.IdentExpr)
			key, isKey := lhs.Key.(*ast.StringExpr)
			if isName && isKey && owner.Value == id.Value {
				add(map[string]Key{key.Value: {lhs.Key.Line(), key.Value, value}})
			}
		}
	}
	Walk(f.Chunk, func(node any) {
		switch s := node.(type) {
		case *ast.LocalAssignStmt:
			for i, name := range s.Names {
				if name == id.Value && i < len(s.Exprs) {
					add(constructorKeys(s.Exprs[i]))
				}
			}
		case *ast.AssignStmt:
			for i, lhs := range s.Lhs {
				if i < len(s.Rhs) {
					set(lhs, s.Rhs[i])
				}
			}
		case *ast.FuncDefStmt:
			if s.Name.Func != nil {
				set(s.Name.Func, nil)
			}
		}
	})
	return keys
}

// Returned returns the place of the file's last statement and, if that returns a table, where the
// table's keys are written.
func (f *File) Returned() (line, col int, keys map[string]Key) {
	if len(f.Chunk) == 0 {
		return 1, 1, nil
	}
	last := f.Chunk[len(f.Chunk)-1]
	line, col = f.Place(last.Line(), "")
	if returns, ok := last.(*ast.ReturnStmt); ok && len(returns.Exprs) > 0 {
		keys = f.Keys(returns.Exprs[0])
	}
	return line, col, keys
}

// constructorKeys finds the keys in { … }, also when that is an argument, as in merge({ … }, { …
// }).
func constructorKeys(e ast.Expr) map[string]Key {
	switch e := e.(type) {
	case *ast.TableExpr:
		keys := map[string]Key{}
		for _, field := range e.Fields {
			if key, ok := field.Key.(*ast.StringExpr); ok {
				keys[key.Value] = Key{key.Line(), key.Value, field.Value}
			}
		}
		return keys
	case *ast.FuncCallExpr:
		var keys map[string]Key
		for _, arg := range e.Args {
			if table, ok := arg.(*ast.TableExpr); ok {
				if keys == nil {
					keys = map[string]Key{}
				}
				maps.Copy(keys, constructorKeys(table))
			}
		}
		return keys
	}
	return nil
}

// Locate returns the place of the first key of path or, as far as its value is written in { … }, of
// what is inside: a name, or a list item by its number from 1.
func (f *File) Locate(keys map[string]Key, path []any) (line, col int, ok bool) {
	if len(path) == 0 {
		return 0, 0, false
	}
	name, _ := path[0].(string)
	at, ok := keys[name]
	if !ok {
		return 0, 0, false
	}
	line, col = f.keyPlace(at)
	for _, step := range path[1:] {
		table, isTable := at.Value.(*ast.TableExpr)
		if !isTable {
			break
		}
		switch step := step.(type) {
		case string:
			if at, ok = constructorKeys(table)[step]; ok {
				line, col = f.keyPlace(at)
			}
		case int:
			if e := listItem(table, step); e != nil {
				at = Key{e.Line(), Text(e), e}
				line, col = f.Place(at.Line, at.Name)
			}
		}
	}
	return line, col, true
}

// listItem returns the n-th list item of { … }, or nil.
func listItem(table *ast.TableExpr, n int) ast.Expr {
	for _, field := range table.Fields {
		if field.Key != nil {
			continue
		}
		if n--; n == 0 {
			return field.Value
		}
	}
	return nil
}

// keyPlace returns the place of the word before =, or before ] =. The tree has only its line, and
// the same word may also be a value there.
func (f *File) keyPlace(at Key) (line, col int) {
	words := f.WordsFrom(at.Line)
	for i, w := range words {
		if w.Pos.Line > at.Line || i+1 == len(words) {
			break
		}
		if next := words[i+1].Type; w.Str == at.Name && (next == '=' || next == ']' || next == '(') {
			return w.Pos.Line, max(1, w.Pos.Column)
		}
	}
	return f.Place(at.Line, at.Name)
}

// Text returns the word that an expression begins with in the source, or "" when it does not begin
// with a known word.
func Text(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StringExpr:
		return e.Value
	case *ast.NumberExpr:
		return e.Value
	case *ast.TrueExpr:
		return "true"
	case *ast.FalseExpr:
		return "false"
	case *ast.TableExpr:
		return "{"
	case *ast.IdentExpr:
		return e.Value
	}
	return ""
}

// LastName returns the last name of an expression: c for a.b.c, or "".
func LastName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.IdentExpr:
		return e.Value
	case *ast.AttrGetExpr:
		if key, ok := e.Key.(*ast.StringExpr); ok {
			return key.Value
		}
	}
	return ""
}

// Only returns the single expression of a list, or nil.
func Only(exprs []ast.Expr) ast.Expr {
	if len(exprs) == 1 {
		return exprs[0]
	}
	return nil
}
