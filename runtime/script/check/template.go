package check

import (
	"errors"
	"regexp"

	"github.com/yuin/gopher-lua/ast"

	"runbook/runtime/script/source"
	"runbook/runtime/script/template"
)

// longString matches the beginning of a string in brackets, and the line break that Lua leaves out.
var longString = regexp.MustCompile(`^\[=*\[(\r?$)?`)

// templateCall checks a call of template whose text is written in the recipe: the text and, where
// they are written there, too, the names of the values. A mistake is reported at its line in the
// text.
func (f *fileChecker) templateCall(e *ast.FuncCallExpr) {
	if f.globalName(e.Func) != "template" || len(e.Args) != 2 {
		return
	}
	text, ok := e.Args[0].(*ast.StringExpr)
	if !ok {
		return
	}
	t, err := template.Compile("template", text.Value)
	if err != nil {
		f.reportTemplate(text, err)
		return
	}
	if names, ok := constructorNames(e.Args[1]); ok {
		for _, err := range t.Missing(names) {
			f.reportTemplate(text, err)
		}
	}
}

// constructorNames returns the names in a table constructor, and whether those are all.
func constructorNames(e ast.Expr) (names []string, ok bool) {
	table, ok := e.(*ast.TableExpr)
	if !ok {
		return nil, false
	}
	for _, field := range table.Fields {
		key, ok := field.Key.(*ast.StringExpr)
		if !ok {
			return nil, false
		}
		names = append(names, key.Value)
	}
	return names, true
}

// reportTemplate reports a mistake in a text.
func (f *fileChecker) reportTemplate(text *ast.StringExpr, err error) {
	var at source.Problem
	if !errors.As(err, &at) {
		f.reportAt(text, "template: %v", err)
		return
	}
	line, col := f.Place(text.Line(), text.Value)
	if first := longString.FindStringSubmatchIndex(f.Lines[line-1][col-1:]); first != nil { // else it is on one line
		line += at.Line - 1
		if first[2] >= 0 {
			line++
		}
	}
	f.report(line, "", "template: %s", at.Message)
}
