package check

import (
	"regexp"
	"slices"
	"strings"

	"github.com/yuin/gopher-lua/ast"

	"runbook/runtime/script/source"
	"runbook/runtime/script/types"
)

var (
	// plainWords matches text that a shell only splits into words.
	plainWords = regexp.MustCompile(`^[A-Za-z0-9_@%+=:,./ \t-]*$`)
	spaces     = regexp.MustCompile(`[ \t]+`)
)

// isShellSyntax reports whether the first word of a command, in quotes, is an assignment or a
// builtin instead of a program.
func isShellSyntax(word string) bool {
	builtins := []string{
		`"cd"`, `"export"`, `"umask"`, `"ulimit"`, `"."`, `"exec"`, `"eval"`, `"exit"`, `"trap"`, `"set"`,
	}
	return strings.Contains(word, "=") || slices.Contains(builtins, word)
}

// command warns about a value that is joined into a shell command where a list would do: a space or
// a quote in the value would change the command. It accepts commands that need the shell, and
// values that are written in the recipe.
func (f *fileChecker) command(e ast.Expr, name string) {
	concat, ok := e.(*ast.StringConcatOpExpr)
	if !ok {
		return
	}
	words, values, ok := f.words(pieces(concat))
	if !ok || len(values) == 0 {
		return
	}
	f.add(source.Warning, e.Line(), source.Text(values[0]),
		"%s: %s is part of the shell command without quotes; write a list, which is quoted: { %s }",
		name, sourceName(values[0]), strings.Join(words, ", "))
}

// pieces returns the parts of a concatenation in order.
func pieces(e ast.Expr) []ast.Expr {
	if concat, ok := e.(*ast.StringConcatOpExpr); ok {
		return append(pieces(concat.Lhs), pieces(concat.Rhs)...)
	}
	return []ast.Expr{e}
}

// words splits a concatenated command into the items of a list. values are the parts that are not
// written in the recipe. ok is false when the command needs a shell or can't be split.
func (f *fileChecker) words(parts []ast.Expr) (words []string, values []ast.Expr, ok bool) {
	var word []string // the parts of the current word
	end := func() {
		if len(word) > 0 {
			words, word = append(words, strings.Join(word, " .. ")), nil
		}
	}
	for _, part := range parts {
		str, literal := part.(*ast.StringExpr)
		if !literal {
			name := sourceName(part)
			if name == "this value" || len(words)+len(word) == 0 { // or a whole command that was built elsewhere
				return nil, nil, false
			}
			if s := f.expr(part); s == nil || s.scalar == types.String && !s.literal {
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
	return words, values, len(words) > 1 && !isShellSyntax(words[0])
}
