package source

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/yuin/gopher-lua/ast"
	"github.com/yuin/gopher-lua/parse"

	"runbook/runtime/script/spell"
)

// explainSyntax makes a Problem of the parser's error and advises how to fix it.
func (f *File) explainSyntax(err error) Problem {
	var at *parse.Error
	if !errors.As(err, &at) {
		return Problem{File: f.Path, Line: 1, Col: 1, Message: err.Error()}
	}
	p := Problem{File: f.Path, Line: at.Pos.Line, Col: max(1, at.Pos.Column)}
	switch {
	case strings.Contains(at.Message, "unterminated"):
		return f.unterminated(strings.Contains(at.Message, "multiline"))
	case p.Line < 1 || p.Line > len(f.Lines):
		return f.tooShort()
	case at.Token == "":
		p.Message = strings.TrimSpace(at.Message)
		return p
	}
	// The parser reports the end of the word.
	before := f.wordsBefore(p.Line, p.Col+1)
	if n := len(before); n > 0 && before[n-1].Str == at.Token && before[n-1].Pos.Line == p.Line {
		before, p.Col = before[:n-1], max(1, before[n-1].Pos.Column)
	}
	p.Message = fmt.Sprintf("syntax error near %q", at.Token)
	if advice := f.advice(p, at.Token, before); advice != "" {
		p.Message += ": " + advice
	}
	return p
}

// wordsBefore returns the words that begin before a place.
func (f *File) wordsBefore(line, col int) []ast.Token {
	words := f.Words()
	end := slices.IndexFunc(words, func(w ast.Token) bool {
		return w.Pos.Line > line || w.Pos.Line == line && w.Pos.Column >= col
	})
	if end < 0 {
		return words
	}
	return words[:end]
}

// unterminated returns the problem of a string without its end. The string begins after the last
// word that could be read.
func (f *File) unterminated(long bool) Problem {
	words := f.Words()
	p := Problem{File: f.Path, Line: 1, Col: 1, Message: "the string that begins here has no closing quote"}
	marks := `"'`
	if long {
		p.Message, marks = "the string or comment that begins here has no closing ]]", "["
	}
	from := 0
	if n := len(words); n > 0 {
		last := words[n-1]
		if p.Line, from = last.Pos.Line, last.Pos.Column; last.Type == parse.TString {
			from += len(last.Str) + 1
		}
	}
	for ; p.Line <= len(f.Lines); p.Line, from = p.Line+1, 0 {
		line := f.Lines[p.Line-1]
		if i := strings.IndexAny(line[min(from, len(line)):], marks); i >= 0 {
			p.Col = from + i + 1
			return p
		}
	}
	p.Line = len(f.Lines)
	return p
}

// tooShort returns the problem of a file that ends too early.
func (f *File) tooShort() Problem {
	words := f.Words()
	p := Problem{File: f.Path, Line: 1, Col: 1, Message: "the file ends too early"}
	if n := len(words); n > 0 {
		p.Line, p.Col = words[n-1].Pos.Line, max(1, words[n-1].Pos.Column)
		p.Message += ": a value alone is not a statement; did you mean a call or an assignment?"
	}
	open := f.unclosed(words)
	if open.Type == 0 {
		return p
	}
	p.Line, p.Col = open.Pos.Line, max(1, open.Pos.Column)
	p.Message = "the file ends too early: the " + open.Str + " that begins here has no " + closing(open)
	for i, w := range words[:max(0, len(words)-1)] {
		if next := words[i+1]; w.Type == parse.TElse && next.Type == parse.TIf && next.Pos.Line == w.Pos.Line {
			p.Line, p.Col = w.Pos.Line, max(1, w.Pos.Column)
			p.Message += ": write elseif as one word"
			break
		}
	}
	if open.Type > 128 && strings.Contains(f.Lines[p.Line-1], "{") {
		p.Message += ": write a block as then … end or do … end"
	}
	return p
}

// keywords returns the keywords that are easy to misspell.
func keywords() []string {
	return []string{"local", "function", "return", "while", "repeat", "until", "then", "else", "elseif"}
}

// otherWords are the keywords of other languages, and what to write here.
var otherWords = map[string]string{
	"continue": "Lua has no continue: write goto continue, with ::continue:: before the end of the loop",
	"var":      "write local", "let": "write local", "const": "write local", "my": "write local",
	"def": "write function", "func": "write function", "fn": "write function", "fun": "write function",
	"elif": "write elseif", "elsif": "write elseif", "unless": "write if not … then",
	"foreach": "write for _, item in ipairs(list) do", "switch": "write if … then … elseif … then … end",
	"try": "write local ok, err = pcall(function() … end)", "import": "write local name = require \"name\"",
	"include": "write local name = require \"name\"", "from": "write local name = require \"name\"",
	"raise": "write fail(message)", "throw": "write fail(message)", "lambda": "write function(…) return … end",
	"async": "write each(hosts, { at_once = 10 }, …)",
}

// closing returns the word that closes what another opens.
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

// advice returns what to write instead of the word at which the parser failed, or "".
func (f *File) advice(p Problem, word string, before []ast.Token) string {
	line := f.Lines[p.Line-1]
	rest := line[min(len(line), p.Col-1):]
	var last ast.Token
	if len(before) > 0 {
		last = before[len(before)-1]
	}
	switch {
	case last.Type == parse.TIdent && last.Pos.Line == p.Line && otherWords[last.Str] != "" && word != "=" &&
		word != "(":
		return otherWords[last.Str]
	case word == "+" && strings.HasPrefix(rest, "++"):
		return "Lua has no ++: write " + last.Str + " = " + last.Str + " + 1"
	case strings.HasPrefix(rest, "!="):
		return "write ~= for not equal"
	case word == "!":
		return "write not"
	case word == "`":
		return "a text is in \" or '"
	case word == "?":
		return "write if … then … else … end, or condition and one or other"
	case word == ">" && last.Type == '=':
		return "write name = value in a table, or function(…) … end"
	case word == "*" && last.Type == '*':
		return "write ^ for a power"
	case word == "&":
		return "write and"
	case word == "|":
		return "write or"
	case strings.Contains("+-*/", word) && strings.HasPrefix(rest[1:], "="):
		return "write x = x " + word + " 1"
	case strings.HasPrefix(rest, "//"), word == "#":
		return "a comment begins with --"
	case word == "=" && f.openCondition(before):
		return "write == to compare"
	case word == "=" && f.unclosed(before).Type == '(' && last.Type == parse.TIdent:
		return "pass options in a table: { " + last.Str + " = … }"
	case last.Type == parse.TIdent && spell.Nearest(last.Str, keywords()) != "" && last.Pos.Line == p.Line:
		return strings.Trim(spell.DidYouMean(last.Str, keywords()), " ()")
	case last.Type == ':':
		return "write name = value in a table"
	case word == ")" && last.Type == parse.TEnd, word == "}" && last.Type == parse.TEnd:
		if open := f.unclosed(before); open.Type > 128 {
			return fmt.Sprintf("the %s at line %d has no end", open.Str, open.Pos.Line)
		}
	}
	return f.missing(before)
}

// openCondition reports whether the words end in the condition of an if, while or until.
func (f *File) openCondition(before []ast.Token) bool {
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

// missing returns what should follow these words, or "".
func (f *File) missing(before []ast.Token) string {
	open := f.unclosed(before)
	if open.Type != 0 && open.Type < 128 {
		return fmt.Sprintf("a comma is missing before it, or the %s that closes line %d", closing(open), open.Pos.Line)
	}
	for _, w := range slices.Backward(before) {
		switch w.Type {
		case parse.TThen, parse.TDo, parse.TEnd:
			return ""
		case parse.TIf, parse.TElseIf:
			return fmt.Sprintf("then is missing after the condition at line %d", w.Pos.Line)
		case parse.TWhile, parse.TFor:
			return fmt.Sprintf("do is missing after the %s at line %d", w.Str, w.Pos.Line)
		}
	}
	return ""
}

// unclosed returns the word that opens a block or bracket that these words do not close: the
// innermost block whose end is indented less than its beginning, or else the innermost one that is
// open after the last word. Its Type is 0 when all are closed.
func (f *File) unclosed(words []ast.Token) ast.Token {
	var open []ast.Token
	loop := false // inside a for or while, before its do
	for i, w := range words {
		switch w.Type {
		case parse.TFor, parse.TWhile:
			open, loop = append(open, w), true
		case parse.TDo:
			if !loop {
				open = append(open, w)
			}
			loop = false
		case parse.TFunction, parse.TIf, parse.TRepeat, '(', '{', '[':
			open = append(open, w)
		case parse.TEnd, parse.TUntil, ')', '}', ']':
			if len(open) == 0 {
				return ast.Token{}
			}
			last := open[len(open)-1]
			block := w.Type == parse.TEnd || w.Type == parse.TUntil
			isLess := f.indent(w.Pos.Line) < f.indent(last.Pos.Line)
			if block && f.startsLine(i) && isLess || block == (last.Type < 128) {
				return last
			}
			open = open[:len(open)-1]
		}
	}
	if len(open) == 0 {
		return ast.Token{}
	}
	return open[len(open)-1]
}

// startsLine reports whether the word at index i is the first on its line.
func (f *File) startsLine(i int) bool {
	words := f.Words()
	return i == 0 || words[i-1].Pos.Line < words[i].Pos.Line
}

// indent returns how far a line is indented.
func (f *File) indent(line int) int {
	if line < 1 || line > len(f.Lines) {
		return 0
	}
	return len(f.Lines[line-1]) - len(strings.TrimLeft(f.Lines[line-1], " \t"))
}
