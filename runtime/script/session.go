package script

import (
	"context"
	"errors"
	"strings"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/ast"
	"github.com/yuin/gopher-lua/parse"
)

// Session runs Lua piece by piece in a state, as a person types it. To errors all that was typed is one file, which grows.
//
// Names that a piece sets, with local or without, are there for those after it.
type Session struct {
	state *State
	path  string
}

// NewSession begins one that require finds its files for in dir. path is what errors show. There is one a state.
func (s *State) NewSession(path, dir string) *Session {
	s.turn.Lock()
	defer s.turn.Unlock()
	s.open = true
	s.declareRequire(dir)
	return &Session{state: s, path: path}
}

// Lines is how many lines have been typed so far.
func (x *Session) Lines() int {
	x.state.turn.Lock()
	defer x.state.turn.Unlock()
	return len(x.state.chunks[x.path])
}

// Unfinished says whether text is the beginning of something that more lines may complete.
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
	return errors.As(err, &at) && (at.Pos.Line == parse.EOF && at.Message != "unterminated string" || strings.Contains(at.Message, "unterminated multiline"))
}

// Run runs one piece, which may be an expression, and returns its values as Show writes them. Errors are those of
// State.Run.
func (x *Session) Run(ctx context.Context, text string) ([]string, error) {
	s := x.state
	s.turn.Lock()
	before := len(s.chunks[x.path])
	s.chunks[x.path] = append(s.chunks[x.path], splitLines(strings.TrimSuffix(text, "\n"))...)
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

// compile reads text as an expression, or else as statements. before are line breaks for all that was typed earlier.
func (x *Session) compile(before, text string) (*lua.FunctionProto, error) {
	if chunk, err := parse.Parse(strings.NewReader(before+"return "+text), x.path); err == nil {
		return compileChunk(x.path, chunk)
	}
	chunk, err := parseChunk(x.path, []byte(before+text))
	if err != nil {
		return nil, err
	}
	for i, stmt := range chunk {
		if local, ok := stmt.(*ast.LocalAssignStmt); ok {
			chunk[i] = kept(local)
		}
	}
	return compileChunk(x.path, chunk)
}

// kept makes a local into a name that outlives its piece.
func kept(local *ast.LocalAssignStmt) ast.Stmt {
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
