package script

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/ast"
	"github.com/yuin/gopher-lua/parse"
)

// Problem is a mistake in a recipe that can be seen without running it.
type Problem struct {
	File      string
	Line, Col int // from 1; Col counts bytes, and is 0 where it isn't known
	Message   string
	Kind      Kind
}

// Kind is how much a problem matters.
type Kind int

// The kinds of problem.
const (
	Mistake Kind = iota // it can't work: a run refuses
	Warning             // it works, but does nothing, such as a local that nobody reads, or may not do what is meant
)

// Error is FILE:LINE:COL: message, as editors read it.
func (p Problem) Error() string {
	message := p.Message
	if p.Kind == Warning {
		message = "warning: " + message
	}
	return fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, max(1, p.Col), message)
}

// compile parses and compiles a file. Its errors are Problems.
func compile(path string, source []byte) (*lua.FunctionProto, error) {
	chunk, err := parseChunk(path, source)
	if err != nil {
		return nil, err
	}
	return compileChunk(path, chunk)
}

// compileChunk compiles what was parsed. Its errors are Problems.
func compileChunk(path string, chunk []ast.Stmt) (*lua.FunctionProto, error) {
	adjustNamedCalls(chunk)
	proto, err := lua.Compile(chunk, path)
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

// parseChunk parses a file. Its error is a Problem.
func parseChunk(path string, source []byte) ([]ast.Stmt, error) {
	chunk, err := parse.Parse(bytes.NewReader(commented(source)), path)
	if err != nil {
		return nil, readSource(path, source).explainSyntax(err)
	}
	return chunk, nil
}

// adjustNamedCalls makes the call in { "x", name = f() } give one value, as Lua has it. gopher-lua 1.1.2 appends all its values to
// the list as well when the field is the last one.
func adjustNamedCalls(chunk []ast.Stmt) {
	walk(reflect.ValueOf(chunk), func(node any) {
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
