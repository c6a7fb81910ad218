package check

import (
	"regexp"
	"strings"

	"github.com/yuin/gopher-lua/ast"

	"runbook/runtime/script/check/advice"
)

var (
	braced      = regexp.MustCompile(`[$#]\{([A-Za-z_][A-Za-z0-9_]*)[^}]*\}`)
	dollar      = regexp.MustCompile(`\$([A-Za-z_][A-Za-z0-9_]*)`)
	doubleBrace = regexp.MustCompile(`\{\{ *([A-Za-z_][A-Za-z0-9_.]*) *\}\}`)
)

// filledIn warns about a text with a placeholder for a local, as other languages have.
func (f *fileChecker) filledIn(e *ast.StringExpr) {
	if !strings.Contains(e.Value, "{") {
		return
	}
	for _, m := range braced.FindAllStringSubmatch(e.Value, -1) {
		if _, ok := f.scope.find(m[1]); ok && !advice.Assigns(e.Value, m[1]) {
			f.warnAt(e.Line(), e.Value,
				"%s is not filled in by Lua: write \"…\" .. %s .. \"…\", or template(\"… {{ %s }}\", { %s = %s })",
				m[0], m[1], m[1], m[1], m[1])
			return
		}
	}
}

// luaNames warns about a command that uses a local like a variable of the shell.
func (f *fileChecker) luaNames(c commandLine, e ast.Expr, text string) {
	if m := doubleBrace.FindStringSubmatch(text); m != nil && !strings.Contains(text, "--format") &&
		!strings.Contains(text, "-f ") {
		f.warn(e, "", "%s: %s is not filled in: write a list, { \"…\", %s }, or template(…)", c.name, m[0], m[1])
		return
	}
	if env, ok := c.option("env").(*ast.TableExpr); c.option("env") != nil && (!ok || len(env.Fields) > 0) {
		return
	}
	for _, m := range dollar.FindAllStringSubmatch(text, -1) {
		if _, ok := f.scope.find(m[1]); ok && !advice.Assigns(text, m[1]) {
			f.warn(e, "", "%s: %s is a variable of the shell, not the local %s: write a list, { \"…\", %s }, "+
				"or pass env = { %s = %s }", c.name, m[0], m[1], m[1], m[1], m[1])
			return
		}
	}
}
