package check

import (
	"github.com/yuin/gopher-lua/ast"

	"runbook/runtime/script/source"
)

// returnsNothing reports whether each of the functions ends without a value.
func (f *fileChecker) returnsNothing(fns []*ast.FunctionExpr) bool {
	for _, fn := range fns {
		known, ok := f.silent[fn]
		if !ok {
			known = !source.ReturnsValue(fn.Stmts)
			f.silent[fn] = known
		}
		if !known {
			return false
		}
	}
	return len(fns) > 0
}
