// Package source reads Lua files: their tokens, syntax tree and compiled form, the places of words
// and keys in them, and their syntax errors in plain words.
package source

import (
	"bytes"
	"errors"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/ast"
	"github.com/yuin/gopher-lua/parse"
)

// Parse parses a file. Its error is a Problem.
func Parse(path string, text []byte) ([]ast.Stmt, error) {
	chunk, err := parse.Parse(bytes.NewReader(commentShebang(text)), path)
	if err != nil {
		return nil, Scan(path, text).explainSyntax(err)
	}
	return chunk, nil
}

// Compile compiles a parsed file. Its error is a Problem.
func Compile(path string, chunk []ast.Stmt) (*lua.FunctionProto, error) {
	adjustNamedCalls(chunk)
	restore := keepIndexedCalls(chunk)
	proto, err := lua.Compile(chunk, path)
	restore()
	if err != nil {
		p := Problem{File: path, Line: 1, Message: err.Error()}
		var ce *lua.CompileError
		if errors.As(err, &ce) {
			p.Line, p.Message = ce.Line, ce.Message
		}
		return nil, p
	}
	return proto, nil
}

// keepIndexedCalls makes for … in f().x:m() index the value of f(). gopher-lua 1.1.2 loads the key
// over that value, unless the value is that of an operator, as in (f() or nil).x. restore undoes
// it.
func keepIndexedCalls(chunk []ast.Stmt) (restore func()) {
	calls := map[*ast.AttrGetExpr]ast.Expr{}
	Walk(chunk, func(node any) {
		loop, ok := node.(*ast.GenericForStmt)
		if !ok {
			return
		}
		walkExprs(loop.Exprs, func(node any) {
			if e, ok := node.(*ast.AttrGetExpr); ok {
				if call, ok := e.Object.(*ast.FuncCallExpr); ok {
					calls[e] = call
				}
			}
		})
	})
	for e, call := range calls {
		either := &ast.LogicalOpExpr{Operator: "or", Lhs: call, Rhs: &ast.NilExpr{}}
		either.SetLine(call.Line())
		e.Object = either
	}
	return func() {
		for e, call := range calls {
			e.Object = call
		}
	}
}

// adjustNamedCalls makes the call in { "x", name = f() } return one value, as in Lua. gopher-lua
// 1.1.2 also appends all its values to the list when the named field is the last one.
func adjustNamedCalls(chunk []ast.Stmt) {
	Walk(chunk, func(node any) {
		table, ok := node.(*ast.TableExpr)
		if !ok || len(table.Fields) == 0 {
			return
		}
		last := table.Fields[len(table.Fields)-1]
		if last.Key == nil {
			return
		}
		switch value := last.Value.(type) {
		case *ast.FuncCallExpr:
			value.AdjustRet = true
		case *ast.Comma3Expr:
			value.AdjustRet = true
		}
	})
}
