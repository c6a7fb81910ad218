package script

import (
	"bytes"
	"slices"
	"strings"
	"sync"

	"github.com/yuin/gopher-lua/ast"
	"github.com/yuin/gopher-lua/parse"
)

// source is a file as check reads it. gopher-lua's tree knows lines but no columns, so the words are kept beside it.
type source struct {
	path  string
	lines []string
	scan  func() (words []ast.Token, end error)
}

// words are those of the file, in their order; comments are none. They are looked at by check and in errors alone.
func (s *source) words() []ast.Token {
	words, _ := s.scan()
	return words
}

// end is why the words end before the file does, or nil.
func (s *source) end() error {
	_, end := s.scan()
	return end
}

// splitLines takes a text apart where gopher-lua counts a line's end: at \n, \r, \r\n and \n\r.
func splitLines(text string) []string {
	var lines []string
	for {
		at := strings.IndexAny(text, "\r\n")
		if at < 0 {
			return append(lines, text)
		}
		lines = append(lines, text[:at])
		end := text[at]
		text = text[at+1:]
		if text != "" && text[0] != end && (text[0] == '\r' || text[0] == '\n') {
			text = text[1:]
		}
	}
}

// readSource reads a file; it is taken apart into words, as far as they can be read, when they are asked for.
func readSource(path string, text []byte) *source {
	return &source{path: path, lines: splitLines(string(text)), scan: sync.OnceValues(func() (words []ast.Token, end error) {
		scanner, lexer := parse.NewScanner(bytes.NewReader(commented(text)), path), &parse.Lexer{}
		for {
			word, err := scanner.Scan(lexer)
			if err != nil || word.Type == parse.EOF {
				return words, err
			}
			words = append(words, word)
		}
	})}
}

// commented makes a comment of a first line that starts with #, as lua(1) does.
func commented(text []byte) []byte {
	if bytes.HasPrefix(text, []byte("#")) {
		return append([]byte("--"), text...)
	}
	return text
}

// from are the words from a line on.
func (s *source) from(line int) []ast.Token {
	words := s.words()
	at, _ := slices.BinarySearchFunc(words, line, func(w ast.Token, line int) int { return w.Pos.Line - line })
	return words[at:]
}

// place is where a word stands, at a line or, since a call may go over several, below it. For the word "", or one that
// isn't there, it is where the line's first word stands.
func (s *source) place(line int, word string) (int, int) {
	words := s.from(line)
	for _, w := range words {
		if w.Pos.Line > line+20 {
			break
		}
		if word != "" && w.Str == word {
			return w.Pos.Line, max(1, w.Pos.Column)
		}
	}
	if len(words) > 0 && words[0].Pos.Line == line {
		return line, max(1, words[0].Pos.Column)
	}
	return line, 1
}

// unclosed is the word that opens a block or a bracket which is not closed among these words: the innermost block whose
// end stands further left than it should, else the innermost that is left at their end. It has no Type where all are.
func (s *source) unclosed(words []ast.Token) ast.Token {
	var open []ast.Token
	loop := false // a for or while that waits for its do
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
			if block && s.first(i) && s.indent(w.Pos.Line) < s.indent(last.Pos.Line) || block == (last.Type < 128) {
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

// first says whether the word at place i is the first on its line.
func (s *source) first(i int) bool {
	words := s.words()
	return i == 0 || words[i-1].Pos.Line < words[i].Pos.Line
}

// indent is how far a line is set in.
func (s *source) indent(line int) int {
	if line < 1 || line > len(s.lines) {
		return 0
	}
	return len(s.lines[line-1]) - len(strings.TrimLeft(s.lines[line-1], " \t"))
}
