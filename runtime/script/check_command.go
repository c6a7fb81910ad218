package script

import (
	"regexp"
	"slices"
	"strings"

	"github.com/yuin/gopher-lua/ast"
)

// plainWords is text that a shell takes for nothing but words.
var (
	plainWords = regexp.MustCompile(`^[A-Za-z0-9_@%+=:,./ \t-]*$`)
	spaces     = regexp.MustCompile(`[ \t]+`)
)

// ofShell says whether the first word of a line, in quotes, is no program: a variable that is set, or what a shell does itself.
func ofShell(word string) bool {
	return strings.Contains(word, "=") || slices.Contains([]string{`"cd"`, `"export"`, `"umask"`, `"ulimit"`, `"."`, `"exec"`, `"eval"`, `"exit"`, `"trap"`, `"set"`}, word)
}

// command warns of a value that is put into a command for a shell where a list would do: with a space or a quote in it
// the value becomes something else. It says nothing where the shell is needed, nor of what the recipe itself states.
func (f *fileChecker) command(e ast.Expr, name string) {
	concat, ok := e.(*ast.StringConcatOpExpr)
	if !ok {
		return
	}
	words, values, ok := f.words(pieces(concat))
	if !ok || len(values) == 0 {
		return
	}
	f.add(Warning, e.Line(), textOf(values[0]), "%s: %s is put into a line for the shell as it is; a list is quoted: { %s }", name, sourceName(values[0]), strings.Join(words, ", "))
}

// pieces are the parts of a concatenation, in their order.
func pieces(e ast.Expr) []ast.Expr {
	if concat, ok := e.(*ast.StringConcatOpExpr); ok {
		return append(pieces(concat.Lhs), pieces(concat.Rhs)...)
	}
	return []ast.Expr{e}
}

// words takes a concatenated command apart into the items of a list, and returns which values stand in it that the
// recipe doesn't state itself. ok is false where the line needs a shell, or can't be taken apart.
func (f *fileChecker) words(parts []ast.Expr) (words []string, values []ast.Expr, ok bool) {
	var word []string // what the word that is under way is put together from
	end := func() {
		if len(word) > 0 {
			words, word = append(words, strings.Join(word, " .. ")), nil
		}
	}
	for _, part := range parts {
		str, literal := part.(*ast.StringExpr)
		if !literal {
			name := sourceName(part)
			if name == "this value" || len(words)+len(word) == 0 { // or a line that was put together elsewhere
				return nil, nil, false
			}
			if s := f.expr(part); s == nil || s.scalar == "string" && !s.text {
				values = append(values, part)
			}
			word = append(word, name)
			continue
		}
		if !plainWords.MatchString(str.Value) {
			return nil, nil, false
		}
		for i, text := range spaces.Split(str.Value, -1) {
			if i > 0 {
				end()
			}
			if text != "" {
				word = append(word, `"`+text+`"`)
			}
		}
	}
	end()
	return words, values, len(words) > 1 && !ofShell(words[0])
}
