package advice

import (
	"fmt"
	"strings"

	"github.com/yuin/gopher-lua/ast"

	"runbook/runtime/script/source"
	"runbook/runtime/script/spell"
	"runbook/runtime/script/types"
)

// OtherOption returns what to write for an option that does not exist.
func OtherOption(name string, options types.Params) string {
	for _, instead := range Options[name] {
		if _, ok := options.Find(strings.Fields(instead)[0]); ok {
			return ": write " + instead
		}
	}
	if text := spell.DidYouMean(name, options.Names()); text != "" {
		return text
	}
	if text := Elsewhere[name]; text != "" {
		return text
	}
	return "; it has " + strings.Join(options.Names(), ", ")
}

// OtherValue returns what to write for a value of the wrong type.
func OtherValue(e ast.Expr, p types.Param, got types.Type) string {
	n, isNumber := source.Number(e)
	text, isText := e.(*ast.StringExpr)
	item := p.Type.Item()
	switch {
	case isNumber && p.Name == "mode":
		return fmt.Sprintf(": write \"%04.0f\"", n)
	case p.Type.Kind == types.String && (p.Name == "text" || p.Name == "stdin") &&
		(got.Kind == types.List || got.Kind == types.Table):
		return `: write table.concat(list, "\n")`
	case p.Type.Kind == types.List && item.Kind == types.Object && item.Object == "host" && isText:
		return fmt.Sprintf(": write tagged(%q), or { named(%q) }", text.Value, text.Value)
	case p.Type.Kind == types.List && item.Kind == types.String && isText && p.Name == "argv":
		return `: write { "` + strings.Join(Split(text.Value), `", "`) + `" }`
	case p.Type.Kind == types.List && item.Kind == types.String && isText:
		return fmt.Sprintf(": write { %q }", text.Value)
	}
	return ""
}

// Assigns reports whether the commands in a text set a variable of the shell.
func Assigns(text, name string) bool {
	for _, form := range []string{name + "=", "for " + name + " ", "read " + name, "read -r " + name} {
		if strings.Contains(text, form) {
			return true
		}
	}
	return false
}
