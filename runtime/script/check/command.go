package check

import (
	"regexp"
	"slices"
	"strings"

	"github.com/yuin/gopher-lua/ast"

	"runbook/runtime/script/check/advice"
	"runbook/runtime/script/source"
	"runbook/runtime/script/types"
)

// commandLine is a command in a call.
type commandLine struct {
	cmd     ast.Expr
	name    string         // of the primitive
	reads   bool           // the primitive also runs in a dry run
	options *ast.TableExpr // or nil
}

// option returns the value of an option that is written in the call.
func (c commandLine) option(name string) ast.Expr {
	if c.options == nil {
		return nil
	}
	for _, field := range c.options.Fields {
		if key, ok := field.Key.(*ast.StringExpr); ok && key.Value == name {
			return field.Value
		}
	}
	return nil
}

// command warns about a command that does not do what it seems to do.
func (f *fileChecker) command(c commandLine) {
	switch e := c.cmd.(type) {
	case *ast.TableExpr:
		f.wordList(c, e)
	case *ast.StringExpr:
		f.shellText(c, e, e.Value)
	default:
		before := len(f.problems)
		s := f.expr(e)
		f.problems = f.problems[:before] // it is checked again as an argument
		if call, ok := e.(*ast.FuncCallExpr); ok && source.Name(call.Func) == "table.concat" && len(call.Args) > 0 {
			f.warnAt(call.Line(), "table", "%s: table.concat joins the words without quotes: pass the list itself",
				c.name)
			return
		}
		if parts := advice.Pieces(e); len(parts) > 1 {
			f.shellText(c, e, advice.ConstantText(parts))
		}
		if s != nil && len(s.unsafe) > 0 {
			f.unquoted(c, e, s.unsafe[0])
		}
	}
}

// unquoted warns about a value that is joined into a shell command: a space or a quote in it would
// change the command.
func (f *fileChecker) unquoted(c commandLine, e ast.Expr, value string) {
	word := source.FirstWord(e)
	if concat, ok := e.(*ast.StringConcatOpExpr); ok {
		for _, part := range advice.Pieces(concat) {
			if source.Name(part) == value {
				word = source.FirstWord(part)
			}
		}
		if words, ok := advice.ListOfWords(advice.Pieces(concat)); ok {
			f.warnAt(e.Line(), word,
				"%s: %s is part of the shell command without quotes; write a list, which is quoted: { %s }",
				c.name, value, strings.Join(words, ", "))
			return
		}
	}
	f.warnAt(e.Line(), word, "%s: %s is part of the shell command without quotes; write quote(%s), or a list of words",
		c.name, value, value)
}

// addUnsafe records that a value is part of a text. Where a command begins, the value may be a
// whole command, built elsewhere.
func (s *shape) addUnsafe(part ast.Expr, value *shape, command bool) {
	switch {
	case value != nil && len(value.unsafe) > 0:
		s.unsafe = append(s.unsafe, value.unsafe...)
	case command || value != nil && (value.literal || value.quoted || value.scalar != types.String):
	default:
		if name := source.Name(part); name != "this value" && !strings.HasPrefix(name, "tonumber(") {
			s.unsafe = append(s.unsafe, name)
		}
	}
}

// placeholder matches what string.format fills in with a text.
var placeholder = regexp.MustCompile(`%-?[0-9.]*[a-zA-Z%]`)

// textCall returns the shape of a text that string.format makes, or nil.
func (f *fileChecker) textCall(e *ast.FuncCallExpr) *shape {
	given := e.Args
	switch {
	case e.Receiver != nil && e.Method == "format":
		given = append([]ast.Expr{e.Receiver}, given...)
	case e.Receiver != nil || source.Name(e.Func) != "string.format":
		return nil
	}
	if len(given) == 0 {
		return nil
	}
	format, ok := given[0].(*ast.StringExpr)
	if !ok {
		return nil
	}
	text := &shape{scalar: types.String}
	values := given[1:]
	for _, verb := range placeholder.FindAllString(format.Value, -1) {
		if verb == "%%" || len(values) == 0 {
			continue
		}
		if strings.HasSuffix(verb, "s") {
			before := len(f.problems)
			s := f.expr(values[0])
			f.problems = f.problems[:before]
			text.addUnsafe(values[0], s, strings.HasPrefix(format.Value, verb))
		}
		values = values[1:]
	}
	return text
}

// recordsSecret warns about a command that prints a secret.
const recordsSecret = "what %s prints is shown and recorded: use secret.command, with on = host if a host runs it"

// shellText warns about a command for /bin/sh. Values are X in text.
func (f *fileChecker) shellText(c commandLine, e ast.Expr, text string) {
	warn := func(format string, args ...any) { f.warn(e, "", c.name+": "+format, args...) }
	if word := advice.Alone(text); word != "" {
		warn("%s", advice.WithoutEffect(word))
		return
	}
	if file := advice.Sourced(text); file != "" {
		warn("/bin/sh may not have source: write . %s", file)
	}
	if program := advice.PrintsSecret(text); program != "" {
		warn(recordsSecret, program)
	}
	if c.reads {
		if what := advice.Changing(text); what != "" {
			warn("%s changes something, but a dry run also runs %s: use host:run", what, c.name)
		}
	}
	if loses := advice.LostStatus(text, c.reads); loses != "" && c.option("pipefail") == nil {
		warn("a failure of %s is not noticed, because only the last command of a pipeline counts: add pipefail = true",
			loses)
	}
	f.luaNames(c, e, text)
}

// wordList warns about words of a list that only a shell would interpret: no shell runs a list.
func (f *fileChecker) wordList(c commandLine, table *ast.TableExpr) {
	items := source.Items(table)
	var words []string
	for i, item := range items {
		str, ok := item.(*ast.StringExpr)
		if !ok {
			words = append(words, "X")
			f.nilWord(c, item, i == len(items)-1)
			continue
		}
		words = append(words, str.Value)
	}
	if len(words) == 0 {
		return
	}
	warn := func(i int, format string, args ...any) { f.warn(items[i], "{", c.name+": "+format, args...) }
	switch program := words[0]; {
	case len(words) == 1 && strings.ContainsAny(program, " \t"):
		quoted := strings.Join(advice.Split(program), `", "`)
		if advice.IsPlain(program) {
			warn(0, "%q is one word, the name of a program: write { \"%s\" }", program, quoted)
		} else {
			warn(0, "%q is one word, the name of a program: write it as a string, without { }", program)
		}
		return
	case strings.ContainsAny(program, " \t") && advice.IsPlain(program):
		warn(0, "%q is one word, the name of a program: write { \"%s\", … }", program,
			strings.Join(advice.Split(program), `", "`))
		return
	case slices.Contains(advice.ShellOnly, program) && program != "exec" && program != "eval":
		warn(0, "%s", advice.WithoutEffect(program))
		return
	}
	if program := advice.ReadsSecret(words); program != "" {
		warn(0, recordsSecret, program)
	}
	if what := advice.Changes(words); c.reads && what != "" {
		warn(0, "%s changes something, but a dry run also runs %s: use host:run", what, c.name)
	}
	f.shellWords(items, words, warn)
}

// shellWords warns about single words of a list that only a shell understands.
func (f *fileChecker) shellWords(items []ast.Expr, words []string, warn func(int, string, ...any)) {
	for i, w := range words {
		if _, literal := items[i].(*ast.StringExpr); !literal {
			continue
		}
		switch {
		case strings.HasPrefix(w, "~/") || w == "~":
			warn(i, "%q is passed as it is, because no shell sees a list: leave out ~/, "+
				"because a command begins in the home folder", w)
		case i > 0 && advice.NeedsShell(words[0], w):
			warn(i, "%q is passed as it is, because no shell sees a list: write the command as a string", w)
		}
	}
}

// nilWord reports a word of a list that is or may be nil: the list ends there.
func (f *fileChecker) nilWord(c commandLine, item ast.Expr, last bool) {
	const end = "%s: %s may be nil, and a list ends at a nil"
	switch e := item.(type) {
	case *ast.NilExpr:
		f.report(e.Line(), "nil", "%s: a list ends at a nil: remove it", c.name)
	case *ast.IdentExpr:
		if f.nilable(e.Value) {
			f.warnAt(e.Line(), e.Value, end+": give it a value in any case, or append it with an if", c.name, e.Value)
		}
	case *ast.LogicalOpExpr:
		if _, isNil := e.Rhs.(*ast.NilExpr); isNil && e.Operator == "or" && !last {
			f.warnAt(e.Line(), "nil", end+": append the word with an if, or use \"\" where the program takes it",
				c.name, "this word")
		}
		if e.Operator == "and" {
			f.warnAt(e.Line(), source.FirstWord(e.Lhs),
				"%s: this word is false or nil when %s is: write … and … or nil as the last word, "+
					"or append it with an if", c.name, source.Name(e.Lhs))
		}
	case *ast.FuncCallExpr:
		if f.globalName(e.Func) == "env" && len(e.Args) == 1 {
			f.warnAt(e.Line(), "env", end+": give it a default, env(%s, \"…\")", c.name, "env(…)",
				source.Name(e.Args[0]))
		}
	}
}

// nilable reports whether a local can be nil in some run, and nothing in the file tests for that.
func (f *fileChecker) nilable(name string) bool {
	first, ok := f.UntestedLocal(name)
	if _, isLocal := f.scope.find(name); !ok || !isLocal {
		return false
	}
	switch e := first.(type) {
	case nil, *ast.NilExpr:
		return true
	case *ast.FuncCallExpr:
		return f.globalName(e.Func) == "env" && len(e.Args) == 1
	case *ast.LogicalOpExpr:
		return e.Operator == "and"
	}
	return false
}

// absolutePath reports a relative path where the declaration wants an absolute one.
func (f *fileChecker) absolutePath(e ast.Expr, where string, p types.Param) {
	if !strings.Contains(p.Doc, "absolute path") { // the declaration says so only in its documentation
		return
	}
	values := []ast.Expr{e}
	if table, ok := e.(*ast.TableExpr); ok {
		values = source.Items(table)
	}
	for _, value := range values {
		first, ok := advice.Pieces(value)[0].(*ast.StringExpr)
		if !ok || strings.HasPrefix(first.Value, "/") {
			continue
		}
		switch {
		case strings.HasPrefix(first.Value, "~"):
			f.reportAt(first, "%s: %q is not an absolute path, because ~ is not replaced: "+
				"write the home folder, such as \"/home/deploy/…\"", where, first.Value)
		default:
			f.reportAt(first, "%s: %q is not an absolute path: it begins with /", where, first.Value)
		}
	}
}
