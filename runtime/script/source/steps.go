package source

import (
	"slices"
	"strings"

	"github.com/yuin/gopher-lua/ast"
)

// Step is a call of step in a file.
type Step struct {
	Begin    string // how its title begins, as far as the file says
	Open     bool   // the title goes on with what only a run knows
	Required bool   // the call says required = true
}

// Steps returns the steps in the files that were read, sorted by title. A title of several possible
// texts is several steps.
func (c *Cache) Steps() []Step {
	c.readDeferred()
	c.mu.Lock()
	defer c.mu.Unlock()
	var found []Step
	for _, f := range c.files {
		Walk(f.Chunk, func(node any) {
			call, ok := node.(*ast.FuncCallExpr)
			if !ok || len(call.Args) == 0 || LastName(call.Func) != "step" {
				return
			}
			for _, s := range titles(call.Args[0]) {
				s.Required = slices.ContainsFunc(call.Args[1:], saysRequired)
				found = append(found, s)
			}
		})
	}
	slices.SortFunc(found, func(a, b Step) int { return strings.Compare(a.Begin, b.Begin) })
	return slices.Compact(found)
}

// titles returns the titles that an expression may be.
func titles(e ast.Expr) []Step {
	switch e := e.(type) {
	case *ast.StringExpr:
		return []Step{{Begin: e.Value}}
	case *ast.LogicalOpExpr:
		if e.Operator == "and" {
			return titles(e.Rhs)
		}
		return append(titles(e.Lhs), titles(e.Rhs)...)
	case *ast.StringConcatOpExpr:
		var found []Step
		for _, left := range titles(e.Lhs) {
			if left.Open {
				found = append(found, left)
				continue
			}
			for _, right := range titles(e.Rhs) {
				found = append(found, Step{Begin: left.Begin + right.Begin, Open: right.Open})
			}
		}
		return found
	}
	return []Step{{Open: true}}
}

// saysRequired reports whether an expression is a table with required = true.
func saysRequired(e ast.Expr) bool {
	table, ok := e.(*ast.TableExpr)
	return ok && slices.ContainsFunc(table.Fields, func(f *ast.Field) bool {
		key, isName := f.Key.(*ast.StringExpr)
		_, isTrue := f.Value.(*ast.TrueExpr)
		return isName && isTrue && key.Value == "required"
	})
}
