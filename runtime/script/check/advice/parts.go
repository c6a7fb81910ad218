package advice

import (
	"regexp"
	"slices"
	"strings"

	"github.com/yuin/gopher-lua/ast"

	"runbook/runtime/script/source"
)

// Pieces returns the parts of a concatenation in order.
func Pieces(e ast.Expr) []ast.Expr {
	if concat, ok := e.(*ast.StringConcatOpExpr); ok {
		return append(Pieces(concat.Lhs), Pieces(concat.Rhs)...)
	}
	return []ast.Expr{e}
}

// ConstantText returns a concatenated text with X instead of each value.
func ConstantText(parts []ast.Expr) string {
	var text strings.Builder
	for _, part := range parts {
		if s, ok := part.(*ast.StringExpr); ok {
			text.WriteString(s.Value)
		} else {
			text.WriteString("X")
		}
	}
	return text.String()
}

var (
	// plainWords matches text that a shell only splits into words.
	plainWords = regexp.MustCompile(`^[A-Za-z0-9_@%+=:,./ \t-]*$`)
	spaces     = regexp.MustCompile(`[ \t]+`)
)

// ListOfWords splits a concatenated command into the items of a list. ok is false when the command
// needs a shell or can't be split.
func ListOfWords(parts []ast.Expr) (words []string, ok bool) {
	var word []string // the parts of the current word
	end := func() {
		if len(word) > 0 {
			words, word = append(words, strings.Join(word, " .. ")), nil
		}
	}
	for _, part := range parts {
		str, literal := part.(*ast.StringExpr)
		if !literal {
			if name := source.Name(part); name != "this value" {
				word = append(word, name)
				continue
			}
			return nil, false
		}
		if !plainWords.MatchString(str.Value) {
			return nil, false
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
	if len(words) < 2 || strings.Contains(words[0], "=") {
		return nil, false
	}
	return words, !slices.Contains(ShellOnly, strings.Trim(words[0], `"`))
}

// IsPlain reports whether a shell would only split a text into words.
func IsPlain(text string) bool { return plainWords.MatchString(text) }

// Split splits a text into words.
func Split(text string) []string { return spaces.Split(strings.TrimSpace(text), -1) }
