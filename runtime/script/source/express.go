package source

import (
	"slices"
	"strconv"
	"strings"

	"github.com/yuin/gopher-lua/ast"
)

// FirstWord returns the first word of an expression in the source, as far as it consists of names.
func FirstWord(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.AttrGetExpr:
		return FirstWord(e.Object)
	case *ast.FuncCallExpr:
		if e.Receiver != nil {
			return FirstWord(e.Receiver)
		}
		return FirstWord(e.Func)
	case *ast.StringConcatOpExpr:
		return FirstWord(e.Lhs)
	}
	return Text(e)
}

// Name returns an expression as written in the source, as far as it consists of names.
func Name(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.IdentExpr:
		return e.Value
	case *ast.AttrGetExpr:
		if key, ok := e.Key.(*ast.StringExpr); ok {
			return Name(e.Object) + "." + key.Value
		}
		return Name(e.Object) + "[…]"
	case *ast.FuncCallExpr:
		if e.Receiver != nil {
			return Name(e.Receiver) + ":" + e.Method + "(…)"
		}
		return Name(e.Func) + "(…)"
	}
	if text, ok := e.(*ast.StringExpr); ok {
		return strconv.Quote(text.Value)
	}
	return "this value"
}

// Number returns the value of a literal number.
func Number(e ast.Expr) (float64, bool) {
	if minus, ok := e.(*ast.UnaryMinusOpExpr); ok {
		n, ok := Number(minus.Expr)
		return -n, ok
	}
	if lit, ok := e.(*ast.NumberExpr); ok {
		n, err := strconv.ParseFloat(lit.Value, 64)
		return n, err == nil
	}
	return 0, false
}

// ReturnsValue reports whether statements return a value. A call at the end that always raises an
// error counts as one, because such a function is used in x or stop("…").
func ReturnsValue(stmts []ast.Stmt) bool {
	for _, s := range stmts {
		found := false
		switch s := s.(type) {
		case *ast.ReturnStmt:
			found = len(s.Exprs) > 0
		case *ast.DoBlockStmt:
			found = ReturnsValue(s.Stmts)
		case *ast.WhileStmt:
			found = ReturnsValue(s.Stmts)
		case *ast.RepeatStmt:
			found = ReturnsValue(s.Stmts)
		case *ast.IfStmt:
			found = ReturnsValue(s.Then) || ReturnsValue(s.Else)
		case *ast.NumberForStmt:
			found = ReturnsValue(s.Stmts)
		case *ast.GenericForStmt:
			found = ReturnsValue(s.Stmts)
		case *ast.FuncCallStmt:
			if call, ok := s.Expr.(*ast.FuncCallExpr); ok {
				name := LastName(call.Func)
				found = name == "fail" || name == "error"
			}
		}
		if found {
			return true
		}
	}
	return false
}

// DefinedBelow returns the line below a use at which a local of this name is declared, or 0.
func (f *File) DefinedBelow(line int, name string) int {
	found := 0
	Walk(f.Chunk, func(node any) {
		if s, ok := node.(*ast.LocalAssignStmt); ok && found == 0 && s.Line() > line && slices.Contains(s.Names, name) {
			found = s.Line()
		}
	})
	return found
}

// HasExit reports whether a loop's body has a break of its own, or a goto.
func HasExit(stmts []ast.Stmt) bool {
	return slices.ContainsFunc(stmts, func(s ast.Stmt) bool {
		switch s := s.(type) {
		case *ast.BreakStmt, *ast.GotoStmt:
			return true
		case *ast.DoBlockStmt:
			return HasExit(s.Stmts)
		case *ast.IfStmt:
			return HasExit(s.Then) || HasExit(s.Else)
		}
		return false
	})
}

// IsCall reports whether an expression is a call.
func IsCall(e ast.Expr) bool {
	_, ok := e.(*ast.FuncCallExpr)
	return ok
}

// Required returns the name of the module that an expression requires, or "".
func Required(e ast.Expr) string {
	if call, ok := e.(*ast.FuncCallExpr); ok && LastName(call.Func) == "require" {
		if name, ok := Only(call.Args).(*ast.StringExpr); ok {
			return name.Value
		}
	}
	return ""
}

// IsLiteral reports whether an expression is a value that is written in the recipe.
func IsLiteral(e ast.Expr) bool {
	switch e.(type) {
	case *ast.StringExpr, *ast.NumberExpr, *ast.TrueExpr, *ast.FalseExpr, *ast.NilExpr:
		return true
	}
	return false
}

// IsNumeric reports whether Lua takes a text as a number.
func IsNumeric(text string) bool {
	text = strings.TrimSpace(text)
	return text != "" && strings.Trim(text, "0123456789.xXabcdefABCDEF+-") == ""
}

// Items returns the items of a table constructor.
func Items(table *ast.TableExpr) (items []ast.Expr) {
	for _, field := range table.Fields {
		if field.Key == nil {
			items = append(items, field.Value)
		}
	}
	return items
}
