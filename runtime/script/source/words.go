package source

import (
	"github.com/yuin/gopher-lua/ast"
	"github.com/yuin/gopher-lua/parse"
)

// Innermost returns the index of the last bracket that is not closed, and of the one around it; -1
// for none.
func Innermost(words []ast.Token) (last, around int) {
	open := []int{-1, -1}
	for i, w := range words {
		switch w.Type {
		case '(', '{', '[':
			open = append(open, i)
		case ')', '}', ']':
			if len(open) > 2 {
				open = open[:len(open)-1]
			}
		}
	}
	return open[len(open)-1], open[len(open)-2]
}

// CountArgs counts the complete arguments in words.
func CountArgs(words []ast.Token) int {
	n, depth := 0, 0
	for _, w := range words {
		switch w.Type {
		case '(', '{', '[', parse.TFunction:
			depth++
		case ')', '}', ']', parse.TEnd:
			depth--
		case ',':
			if depth == 0 {
				n++
			}
		}
	}
	return n
}
