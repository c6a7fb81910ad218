package script

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/ast"
	"github.com/yuin/gopher-lua/parse"
)

// Problem is a mistake in a recipe that can be seen without running it.
type Problem struct {
	File      string
	Line, Col int // from 1; Col is 0 where it isn't known
	Message   string
	Warning   bool // worth a look, but no reason to refuse
}

// Error is FILE:LINE:COL: message, as editors read it.
func (p Problem) Error() string {
	if p.Col == 0 {
		return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Message)
	}
	return fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Col, p.Message)
}

// compile parses and compiles a file. Its errors are Problems.
func compile(path string, source []byte) (*lua.FunctionProto, error) {
	chunk, err := parseChunk(path, source)
	if err != nil {
		return nil, err
	}
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

// parseChunk parses a file. A first line that starts with # is passed over, as lua(1) does.
func parseChunk(path string, source []byte) ([]ast.Stmt, error) {
	if bytes.HasPrefix(source, []byte("#")) {
		source = append([]byte("--"), source...)
	}
	chunk, err := parse.Parse(bytes.NewReader(source), path)
	if err == nil {
		return chunk, nil
	}
	var pe *parse.Error
	if !errors.As(err, &pe) {
		return nil, Problem{File: path, Line: 1, Message: err.Error()}
	}
	p := Problem{File: path, Line: pe.Pos.Line, Col: pe.Pos.Column, Message: pe.Message}
	lines := strings.Count(string(source), "\n") + 1
	if pe.Pos.Line == parse.EOF || pe.Pos.Line > lines || pe.Pos.Line < 1 {
		p.Line, p.Col, p.Message = lines, 0, "the file ends too early: an end, a ) or a } is missing"
		return nil, p
	}
	if pe.Token != "" {
		p.Message = fmt.Sprintf("syntax error near %q", pe.Token)
		if unfinished.MatchString(pe.Message) {
			p.Message = pe.Message
		}
	}
	return nil, p
}

// unfinished are the parser's messages that say more than "syntax error".
var unfinished = regexp.MustCompile(`unterminated|invalid|malformed`)
