package script

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/yuin/gopher-lua/ast"
	"github.com/yuin/gopher-lua/parse"
)

// explainSyntax puts a syntax error into words that lead out of it.
func (s *source) explainSyntax(err error) Problem {
	var at *parse.Error
	if !errors.As(err, &at) {
		return Problem{File: s.path, Line: 1, Col: 1, Message: err.Error()}
	}
	p := Problem{File: s.path, Line: at.Pos.Line, Col: max(1, at.Pos.Column)}
	switch {
	case strings.Contains(at.Message, "unterminated"):
		return s.unterminated(strings.Contains(at.Message, "multiline"))
	case p.Line < 1 || p.Line > len(s.lines):
		return s.tooShort()
	case at.Token == "":
		p.Message = strings.TrimSpace(at.Message)
		return p
	}
	// The parser says where the word ends.
	before := s.before(p.Line, p.Col+1)
	if n := len(before); n > 0 && before[n-1].Str == at.Token && before[n-1].Pos.Line == p.Line {
		before, p.Col = before[:n-1], max(1, before[n-1].Pos.Column)
	}
	p.Message = fmt.Sprintf("syntax error near %q", at.Token)
	if advice := s.advice(p, at.Token, before); advice != "" {
		p.Message += ": " + advice
	}
	return p
}

// before are the words that begin before a place.
func (s *source) before(line, col int) []ast.Token {
	words := s.words()
	end := slices.IndexFunc(words, func(w ast.Token) bool {
		return w.Pos.Line > line || w.Pos.Line == line && w.Pos.Column >= col
	})
	if end < 0 {
		return words
	}
	return words[:end]
}

// unterminated is the problem of a text without its end: it begins behind the last word that could be read.
func (s *source) unterminated(long bool) Problem {
	words := s.words()
	p := Problem{File: s.path, Line: 1, Col: 1, Message: "the text that begins here has no closing quote"}
	marks := `"'`
	if long {
		p.Message, marks = "the text or comment that begins here has no closing ]]", "["
	}
	from := 0
	if n := len(words); n > 0 {
		last := words[n-1]
		if p.Line, from = last.Pos.Line, last.Pos.Column; last.Type == parse.TString {
			from += len(last.Str) + 1
		}
	}
	for ; p.Line <= len(s.lines); p.Line, from = p.Line+1, 0 {
		line := s.lines[p.Line-1]
		if i := strings.IndexAny(line[min(from, len(line)):], marks); i >= 0 {
			p.Col = from + i + 1
			return p
		}
	}
	p.Line = len(s.lines)
	return p
}

// tooShort is the problem of a file that ends within something.
func (s *source) tooShort() Problem {
	words := s.words()
	p := Problem{File: s.path, Line: 1, Col: 1, Message: "the file ends too early"}
	if n := len(words); n > 0 {
		p.Line, p.Col = words[n-1].Pos.Line, max(1, words[n-1].Pos.Column)
		p.Message += ": a value alone does nothing; is a call meant, or an assignment?"
	}
	open := s.unclosed(words)
	if open.Type == 0 {
		return p
	}
	p.Line, p.Col = open.Pos.Line, max(1, open.Pos.Column)
	p.Message = "the file ends too early: the " + open.Str + " that begins here has no " + closing(open)
	for i, w := range words[:max(0, len(words)-1)] {
		if next := words[i+1]; w.Type == parse.TElse && next.Type == parse.TIf && next.Pos.Line == w.Pos.Line {
			p.Line, p.Col = w.Pos.Line, max(1, w.Pos.Column)
			p.Message += ": write elseif in one word"
			break
		}
	}
	if open.Type > 128 && strings.Contains(s.lines[p.Line-1], "{") {
		p.Message += ": a block is written then … end, or do … end"
	}
	return p
}

// keywords are the words that begin a statement or a block, and are easy to misspell.
func keywords() []string {
	return []string{"local", "function", "return", "while", "repeat", "until", "then", "else", "elseif"}
}

// closing is the word that closes what another opens.
func closing(open ast.Token) string {
	switch open.Type {
	case '(':
		return ")"
	case '{':
		return "}"
	case '[':
		return "]"
	case parse.TRepeat:
		return "until"
	}
	return "end"
}

// advice is what to write instead, for the word that the parser stumbled over, or "".
func (s *source) advice(p Problem, word string, before []ast.Token) string {
	line := s.lines[p.Line-1]
	rest := line[min(len(line), p.Col-1):]
	var last ast.Token
	if len(before) > 0 {
		last = before[len(before)-1]
	}
	switch {
	case strings.HasPrefix(rest, "!="):
		return "unequal is ~="
	case word == "!":
		return "write not"
	case word == "&":
		return "write and"
	case word == "|":
		return "write or"
	case strings.Contains("+-*/", word) && strings.HasPrefix(rest[1:], "="):
		return "write x = x " + word + " 1"
	case strings.HasPrefix(rest, "//"), word == "#":
		return "a comment begins with --"
	case word == "=" && s.openCondition(before):
		return "equal is =="
	case word == "=" && s.unclosed(before).Type == '(' && last.Type == parse.TIdent:
		return "options stand in a table: { " + last.Str + " = … }"
	case last.Type == parse.TIdent && Nearest(last.Str, keywords()) != "" && last.Pos.Line == p.Line:
		return strings.Trim(DidYouMean(last.Str, keywords()), " ()")
	case last.Type == ':':
		return "in a table a name and its value are written name = value"
	case word == ")" && last.Type == parse.TEnd, word == "}" && last.Type == parse.TEnd:
		if open := s.unclosed(before); open.Type > 128 {
			return fmt.Sprintf("the %s at line %d has no end", open.Str, open.Pos.Line)
		}
	}
	return s.missing(before)
}

// openCondition says whether the words end within the condition of an if, while or until.
func (s *source) openCondition(before []ast.Token) bool {
	for _, w := range slices.Backward(before) {
		switch w.Type {
		case parse.TIf, parse.TElseIf, parse.TWhile, parse.TUntil:
			return true
		case parse.TThen, parse.TDo, parse.TEnd, parse.TLocal, '{', '=':
			return false
		}
	}
	return false
}

// missing is what these words want behind them, or "".
func (s *source) missing(before []ast.Token) string {
	open := s.unclosed(before)
	if open.Type != 0 && open.Type < 128 {
		return fmt.Sprintf("a comma, or the %s for line %d, is missing before it", closing(open), open.Pos.Line)
	}
	for _, w := range slices.Backward(before) {
		switch w.Type {
		case parse.TThen, parse.TDo, parse.TEnd:
			return ""
		case parse.TIf, parse.TElseIf:
			return fmt.Sprintf("then is missing behind the condition at line %d", w.Pos.Line)
		case parse.TWhile, parse.TFor:
			return fmt.Sprintf("do is missing behind the %s at line %d", w.Str, w.Pos.Line)
		}
	}
	return ""
}
