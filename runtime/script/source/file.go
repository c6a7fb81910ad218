package source

import (
	"bytes"
	"strings"
	"sync"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/ast"
	"github.com/yuin/gopher-lua/parse"

	"runbook/runtime/event"
)

// File is a Lua file that was read. It is not changed afterwards.
type File struct {
	Path    string
	Text    []byte
	Lines   []string
	Chunk   []ast.Stmt         // nil when parsing failed
	Proto   *lua.FunctionProto // nil when parsing or compiling failed
	Problem error              // why parsing or compiling failed: a Problem, or nil

	// gopher-lua's tree has lines but no columns, so the tokens are kept beside it. Only check and
	// error messages need them.
	scan     func() (words []ast.Token, end error)
	starts   func() []int // by line: the index of the first word on that line or below it
	assigned func() map[string]bool
	locals   func() *locals
}

// Scan splits text into tokens without parsing it. The text may be incomplete, such as a line that
// is being typed.
func Scan(path string, text []byte) *File {
	scan := func() (words []ast.Token, end error) {
		scanner, lexer := parse.NewScanner(bytes.NewReader(commentShebang(text)), path), &parse.Lexer{}
		for {
			word, err := scanner.Scan(lexer)
			if err != nil || word.Type == parse.EOF {
				return words, err
			}
			words = append(words, word)
		}
	}
	f := &File{Path: path, Text: text, Lines: SplitLines(string(text)), scan: sync.OnceValues(scan)}
	f.starts = sync.OnceValue(f.findStarts)
	return f
}

func (f *File) findStarts() []int {
	var starts []int
	for i, w := range f.Words() {
		for len(starts) <= w.Pos.Line {
			starts = append(starts, i)
		}
	}
	return starts
}

// Read parses and compiles a file. Mistakes are in its Problem.
func Read(path string, text []byte) *File {
	f := Scan(path, text)
	if f.Chunk, f.Problem = Parse(path, text); f.Problem != nil {
		return f
	}
	f.locals = sync.OnceValue(func() *locals { return findLocals(f.Chunk) })
	f.assigned = sync.OnceValue(func() map[string]bool { return assignedNames(f.Chunk) })
	f.Proto, f.Problem = Compile(path, f.Chunk) // also finds break outside a loop and goto without its label
	return f
}

// Words returns the file's tokens in order, without comments.
func (f *File) Words() []ast.Token {
	words, _ := f.scan()
	return words
}

// End returns the error that ended the tokens before the end of the file, or nil.
func (f *File) End() error {
	_, end := f.scan()
	return end
}

// Assigned returns the names that are assigned to after their declaration, anywhere in the file.
func (f *File) Assigned() map[string]bool { return f.assigned() }

// SplitLines splits text where gopher-lua counts the end of a line: at \n, \r, \r\n and \n\r.
func SplitLines(text string) []string {
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

// Line is a line of a file.
type Line struct {
	Number int // from 1
	Text   string
}

// Around returns line n with two lines before it and two after it, or nil when there is no line n.
func Around(lines []string, n int) []Line {
	if n < 1 || n > len(lines) {
		return nil
	}
	var around []Line
	for k := max(1, n-2); k <= min(len(lines), n+2); k++ {
		if k == len(lines) && lines[k-1] == "" { // after the last line break
			break
		}
		around = append(around, Line{k, lines[k-1]})
	}
	return around
}

// commentShebang turns a first line that starts with # into a comment, as lua(1) does.
func commentShebang(text []byte) []byte {
	if bytes.HasPrefix(text, []byte("#")) {
		return append([]byte("--"), text...)
	}
	return text
}

// WordsFrom returns the tokens from a line on.
func (f *File) WordsFrom(line int) []ast.Token {
	if starts := f.starts(); line < len(starts) {
		return f.Words()[starts[max(0, line)]:]
	}
	return nil
}

// Place returns the line and column of a word that is on a line or, since a call may span lines, on
// one of the 20 below it. For the word "" and for one that is not found it returns the line's first
// word.
func (f *File) Place(line int, word string) (int, int) {
	words := f.WordsFrom(line)
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

// AddURLSecrets registers the users and passwords in the URLs of the file's strings as secrets.
// Comments are skipped: an example in a comment is not a secret.
func (f *File) AddURLSecrets(stream *event.Stream) {
	if !bytes.Contains(f.Text, []byte("://")) || !bytes.Contains(f.Text, []byte("@")) {
		return
	}
	if f.Chunk != nil && f.Problem == nil {
		Walk(f.Chunk, func(node any) {
			if s, ok := node.(*ast.StringExpr); ok {
				stream.AddURLs(s.Value)
			}
		})
		return
	}
	if f.End() != nil { // no complete list of strings, and any line may appear in the error
		stream.AddURLs(string(f.Text))
		return
	}
	for _, w := range f.Words() {
		if w.Type == parse.TString {
			stream.AddURLs(w.Str)
		}
	}
}

// assignedNames collects the names that statements assign to after their declaration.
func assignedNames(stmts []ast.Stmt) map[string]bool {
	names := map[string]bool{}
	assign := func(lhs ast.Expr) {
		if id, ok := lhs.(*ast.IdentExpr); ok {
			names[id.Value] = true
		}
	}
	Walk(stmts, func(node any) {
		switch s := node.(type) {
		case *ast.AssignStmt:
			for _, e := range s.Lhs {
				assign(e)
			}
		case *ast.FuncDefStmt:
			if s.Name.Func != nil {
				assign(s.Name.Func)
			}
		}
	})
	return names
}
