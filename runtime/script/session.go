package script

import (
	"context"
	"errors"
	"strings"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/ast"
	"github.com/yuin/gopher-lua/parse"

	"runbook/runtime/script/source"
)

// Session runs Lua piece by piece in a state, as a person types it. In errors, everything that was
// typed is one growing file.
//
// Names that a piece sets, with or without local, exist in later pieces.
type Session struct {
	state *State
	path  string
}

// NewSession begins a session, of which a state has at most one. require looks in dir. path is the
// session's name in errors.
func (s *State) NewSession(path, dir string) *Session {
	s.turn.Lock()
	defer s.turn.Unlock()
	s.open, s.project = true, s.opts.Files.Project(dir)
	s.declareRequire()
	return &Session{state: s, path: path}
}

// Lines returns the number of lines typed so far.
func (x *Session) Lines() int {
	x.state.turn.Lock()
	defer x.state.turn.Unlock()
	return len(x.state.chunks[x.path])
}

// Unfinished reports whether more lines may complete text.
func (x *Session) Unfinished(text string) bool {
	_, asValue := parse.Parse(strings.NewReader("return "+text), x.path)
	if asValue == nil {
		return false
	}
	_, asStatement := parse.Parse(strings.NewReader(text), x.path)
	return asStatement != nil && (endsEarly(asValue) || endsEarly(asStatement))
}

func endsEarly(err error) bool {
	var at *parse.Error
	return errors.As(err, &at) && (at.Pos.Line == parse.EOF && at.Message != "unterminated string" ||
		strings.Contains(at.Message, "unterminated multiline"))
}

// Run runs one piece, which may be an expression, and returns its values in words. Errors are those
// of State.Run.
func (x *Session) Run(ctx context.Context, text string) ([]string, error) {
	s := x.state
	s.turn.Lock()
	before := len(s.chunks[x.path])
	s.chunks[x.path] = append(s.chunks[x.path], source.SplitLines(strings.TrimSuffix(text, "\n"))...)
	s.turn.Unlock()
	proto, err := x.compile(strings.Repeat("\n", before), text)
	if err != nil {
		return nil, err
	}
	var values []string
	_, err = Callback{state: s, thread: s.root, fn: s.root.NewFunction(func(l *lua.LState) int {
		l.Push(l.NewFunctionFromProto(proto))
		l.Call(0, lua.MultRet)
		for i := 1; i <= l.GetTop(); i++ {
			values = append(values, show(l, l.Get(i)))
		}
		return 0
	})}.Thread(ctx)
	return values, err
}

// compile compiles text as an expression or, if it is not one, as statements. before has a line
// break for each earlier line.
func (x *Session) compile(before, text string) (*lua.FunctionProto, error) {
	if chunk, err := parse.Parse(strings.NewReader(before+"return "+text), x.path); err == nil {
		return source.Compile(x.path, chunk)
	}
	chunk, err := source.Parse(x.path, []byte(before+text))
	if err != nil {
		return nil, err
	}
	for i, stmt := range chunk {
		if local, ok := stmt.(*ast.LocalAssignStmt); ok {
			chunk[i] = globalAssign(local)
		}
	}
	return source.Compile(x.path, chunk)
}

// globalAssign turns a local into an assignment to a global, which later pieces can use.
func globalAssign(local *ast.LocalAssignStmt) ast.Stmt {
	set := &ast.AssignStmt{Rhs: local.Exprs}
	set.SetLine(local.Line())
	set.SetLastLine(local.LastLine())
	for _, name := range local.Names {
		id := &ast.IdentExpr{Value: name}
		id.SetLine(local.Line())
		id.SetLastLine(local.Line())
		set.Lhs = append(set.Lhs, id)
	}
	if len(set.Rhs) == 0 {
		set.Rhs = []ast.Expr{&ast.NilExpr{}}
	}
	return set
}
