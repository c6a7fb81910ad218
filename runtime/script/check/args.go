package check

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/yuin/gopher-lua/ast"

	"runbook/runtime/script/check/advice"
	"runbook/runtime/script/source"
	"runbook/runtime/script/spell"
	"runbook/runtime/script/types"
)

// options checks the arguments after the positional ones, which must be one table of options.
func (f *fileChecker) options(e *ast.FuncCallExpr, rest []ast.Expr, name string, sig types.Signature) {
	if len(rest) == 0 {
		for _, o := range sig.Options {
			if o.Required {
				f.report(e.Line(), lastWord(e), "%s: %s is missing: %s", name, o.Name, o.Doc)
			}
		}
		return
	}
	if table, ok := rest[0].(*ast.TableExpr); ok {
		f.table(table, name, sig.Options)
		return
	}
	t := f.expr(rest[0]).luaType()
	if t.Kind == types.Any || t.Kind == types.Table {
		return
	}
	if n := len(sig.Args); n > 0 && sig.Args[n-1].Command && t.Kind == types.String {
		f.reportAt(rest[0], "%s: write a command of several words as a list, such as "+
			"{ \"git\", \"fetch\" }; options follow it in a table", name)
		return
	}
	f.reportAt(rest[0], "%s: want options in a table, such as { %s = … }, got %s",
		name, sig.Options[0].Name, t.Words())
}

// table checks a table constructor against the declared options.
func (f *fileChecker) table(table *ast.TableExpr, name string, options types.Params) {
	f.templateFile(table, options)
	given := map[string]bool{}
	complete, items := true, 0
	for _, field := range table.Fields {
		key, ok := field.Key.(*ast.StringExpr)
		switch {
		case ok:
			given[key.Value] = true
			f.option(field, key.Value, name, options)
			continue
		case field.Key != nil:
			complete = false
			f.expr(field.Key)
		default:
			items++
			if o, ok := options.Item(items); ok {
				f.argument(field.Value, name, o)
				continue
			}
			if !multiple(field.Value) && items == 1 {
				f.reportAt(field.Value, "%s: want options by name (%s), got a value without one",
					name, strings.Join(options.Names(), ", "))
			}
		}
		f.escape(f.expr(field.Value))
	}
	for _, o := range options {
		if o.Required && o.Item == 0 && complete && !given[o.Name] {
			f.report(table.Line(), "{", "%s: %s is missing: %s", name, o.Name, o.Doc)
		}
	}
}

// option checks one named field of a table.
func (f *fileChecker) option(field *ast.Field, key, name string, options types.Params) {
	if o, ok := options.Find(key); ok {
		f.argument(field.Value, name, o)
		return
	}
	f.report(field.Key.Line(), key, "%s: unknown option %q%s", name, key, advice.OtherOption(key, options))
	f.escape(f.expr(field.Value))
}

// rest checks the arguments that are words, and returns those after them: options come last, in a
// table that has names in it.
func (f *fileChecker) rest(given []ast.Expr, name string, p types.Param) []ast.Expr {
	for i, e := range given {
		last := i == len(given)-1
		table, ok := e.(*ast.TableExpr)
		if last && (ok && hasNames(table) || !ok && f.expr(e).luaType().Kind == types.Table) {
			return given[i:]
		}
		f.argument(e, name, p)
	}
	return nil
}

// hasNames reports whether a table constructor has or may have names in it.
func hasNames(table *ast.TableExpr) bool {
	return slices.ContainsFunc(table.Fields, func(field *ast.Field) bool { return field.Key != nil })
}

// argument checks one value against its declaration.
func (f *fileChecker) argument(e ast.Expr, name string, p types.Param) {
	where := name + ": " + p.Name
	if p.Item > 0 {
		where = name
	}
	f.absolutePath(e, where, p)
	if table, ok := e.(*ast.TableExpr); ok && f.inner(table, where, p.Type) {
		return
	}
	s := f.value(e)
	f.escape(s)
	if str, ok := e.(*ast.StringExpr); ok {
		f.text(str, where, p)
	}
	if n, ok := source.Number(e); ok {
		switch {
		case p.Type.Kind == types.Duration:
			text := strconv.FormatFloat(n, 'f', -1, 64)
			f.reportAt(e, "%s: want a duration with its unit, such as %q, got the number %s", where, text+"s", text)
			return
		case p.Type.Kind == types.Integer && n != math.Trunc(n):
			f.reportAt(e, "%s: want a whole number, got %v", where, n)
			return
		}
	}
	if got := s.luaType(); !types.Fits(got, p.Type) {
		f.reportAt(e, "%s: want %s, got %s%s", where, p.Type.Words(), got.Words(), advice.OtherValue(e, p, got))
	}
}

// text checks a literal string against the choices, and whether it is a duration where one is
// wanted.
func (f *fileChecker) text(str *ast.StringExpr, where string, p types.Param) {
	if p.Name == "cwd" && strings.HasPrefix(str.Value, "~") {
		f.reportAt(str, "%s: %q: ~ is not replaced: leave out ~/ on a host, where a relative path begins in the "+
			"home folder, or write the whole path", where, str.Value)
	}
	if len(p.Choices) > 0 && !slices.Contains(p.Choices, str.Value) {
		f.reportAt(str, "%s: want one of %s, got %q%s",
			where, strings.Join(p.Choices, ", "), str.Value, spell.DidYouMean(str.Value, p.Choices))
	}
	if p.Type.Check != nil {
		if err := p.Type.Check(str.Value); err != nil {
			f.reportAt(str, "%s: %v", where, err)
		}
	}
	if p.Type.Kind == types.File {
		if _, _, err := f.project.FindFile(str.Value); err != nil {
			f.reportAt(str, "%s: %v", where, err)
		}
	}
	if p.Type.Kind == types.Duration {
		if d, err := time.ParseDuration(str.Value); err != nil || d < 0 {
			f.reportAt(str, `%s: want a duration such as "90s", "2m" or "1h30m", got %q`, where, str.Value)
		}
	}
}

// inner checks the fields of a table constructor against its type. It returns false when the type
// has no parts, or when only the primitive can decide which of several forms is meant.
func (f *fileChecker) inner(table *ast.TableExpr, where string, t types.Type) bool {
	if t.Kind == types.Union {
		if slices.ContainsFunc(t.Union, func(u types.Type) bool { return u.Kind == types.Map }) {
			return false
		}
		i := slices.IndexFunc(t.Union, func(u types.Type) bool { return u.Kind == types.List })
		if i < 0 {
			return false
		}
		t = t.Union[i]
	}
	switch {
	case t.Kind == types.Words:
		f.list(table, where, types.Word)
	case t.Kind == types.Record:
		f.table(table, where, t.Fields)
	case t.Kind == types.Map && t.Elem != nil:
		f.named(table, where, *t.Elem)
	case t.Kind == types.List && t.Elem != nil:
		f.list(table, where, *t.Elem)
	default:
		return false
	}
	return true
}

// named checks a table whose values are all of type t.
func (f *fileChecker) named(table *ast.TableExpr, where string, t types.Type) {
	named := t
	if t.Kind == types.String { // a number becomes a string there
		named = types.Word
	}
	for _, field := range table.Fields {
		key, ok := field.Key.(*ast.StringExpr)
		switch {
		case ok:
			f.argument(field.Value, where, types.Param{Name: key.Value, Type: named})
			continue
		case field.Key != nil:
			f.expr(field.Key)
		case !multiple(field.Value):
			f.reportAt(field.Value, "%s: want names, such as { name = value }, got a value without one", where)
		}
		f.escape(f.expr(field.Value))
	}
}

// list checks a table whose items are all of type item.
func (f *fileChecker) list(table *ast.TableExpr, where string, item types.Type) {
	f.middle(source.Items(table))
	for _, field := range table.Fields {
		if key, ok := field.Key.(*ast.StringExpr); ok {
			f.reportAt(key, "%s: want a list, got a table with the name %q in it", where, key.Value)
		} else if field.Key != nil {
			f.expr(field.Key)
		}
		if inner, ok := field.Value.(*ast.TableExpr); ok && field.Key == nil && item.Kind == types.Union &&
			f.inner(inner, where, item) {
			continue // words in a list of words
		}
		s := f.value(field.Value)
		f.escape(s)
		if str, ok := field.Value.(*ast.StringExpr); ok && field.Key == nil {
			f.text(str, where, types.Param{Type: item})
		}
		if got := s.luaType(); field.Key == nil && !types.Fits(got, item) {
			f.reportAt(field.Value, "%s: want a list of items that are each %s, got %s",
				where, item.Words(), got.Words())
		}
	}
}
