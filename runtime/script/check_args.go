package script

import (
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/yuin/gopher-lua/ast"
)

// options holds what stands behind the positional arguments against the options that a primitive takes.
func (f *fileChecker) options(e *ast.FuncCallExpr, rest []ast.Expr, name string, args, options params) {
	if len(rest) == 0 {
		for _, o := range options {
			if o.required {
				f.report(e.Line(), lastWord(e), "%s: %s is missing: %s", name, o.name, o.doc)
			}
		}
		return
	}
	if table, ok := rest[0].(*ast.TableExpr); ok {
		f.table(table, name, options)
		return
	}
	t := f.expr(rest[0]).luaType()
	if t == "" || t == "table" {
		return
	}
	if n := len(args); n > 0 && args[n-1].command && t == "string" {
		f.report(rest[0].Line(), textOf(rest[0]), "%s: a command of several words is a list, such as { \"git\", \"fetch\" }; behind it come options in a table", name)
		return
	}
	f.report(rest[0].Line(), textOf(rest[0]), "%s: want options in a table, such as { %s = … }, got %s", name, options[0].name, typeWords(t))
}

// textOf is the word by which an expression is found in the source, as far as it is one.
func textOf(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StringExpr:
		return e.Value
	case *ast.NumberExpr:
		return e.Value
	case *ast.TrueExpr:
		return "true"
	case *ast.FalseExpr:
		return "false"
	case *ast.TableExpr:
		return "{"
	case *ast.IdentExpr:
		return e.Value
	}
	return ""
}

// table holds a table constructor against the options that it should give.
func (f *fileChecker) table(table *ast.TableExpr, name string, options params) {
	given := map[string]bool{}
	complete, items := true, 0
	for _, field := range table.Fields {
		key, ok := field.Key.(*ast.StringExpr)
		if !ok {
			if field.Key != nil {
				complete = false
				f.expr(field.Key)
			} else if items++; options.item(items) != nil {
				f.argument(field.Value, name, *options.item(items))
				continue
			} else if !multiple(field.Value) && items == 1 {
				f.report(field.Value.Line(), textOf(field.Value), "%s: want options by name (%s), got a value without one", name, strings.Join(options.names(), ", "))
			}
			f.escape(f.expr(field.Value))
			continue
		}
		given[key.Value] = true
		o, ok := options.find(key.Value)
		if !ok {
			f.report(field.Key.Line(), key.Value, "%s: unknown option %q%s", name, key.Value, DidYouMean(key.Value, options.names()))
			f.escape(f.expr(field.Value))
			continue
		}
		f.argument(field.Value, name, o)
	}
	for _, o := range options {
		if o.required && o.item == 0 && complete && !given[o.name] {
			f.report(table.Line(), "{", "%s: %s is missing: %s", name, o.name, o.doc)
		}
	}
}

// item is the option that stands at a place of the list, or nil.
func (ps params) item(n int) *param {
	i := slices.IndexFunc(ps, func(p param) bool { return p.item == n })
	if i < 0 {
		return nil
	}
	return &ps[i]
}

// argument holds one value against its declaration.
func (f *fileChecker) argument(e ast.Expr, name string, p param) {
	where := name + ": " + p.name
	if p.item > 0 {
		where = name
	}
	if table, ok := e.(*ast.TableExpr); ok && f.inner(table, where, p.typ) {
		return
	}
	s := f.expr(e)
	f.escape(s)
	if str, ok := e.(*ast.StringExpr); ok {
		f.text(str, where, p)
	}
	if p.command {
		f.command(e, name)
	}
	want := f.lib.luaType(p.typ)
	if n, ok := number(e); ok {
		switch {
		case p.typ == reflect.TypeFor[time.Duration](), p.typ == reflect.TypeFor[*time.Duration]():
			text := strconv.FormatFloat(n, 'f', -1, 64)
			f.report(e.Line(), textOf(e), "%s: want a duration with its unit, such as %q, got the number %s", where, text+"s", text)
			return
		case want == "integer" && n != math.Trunc(n):
			f.report(e.Line(), textOf(e), "%s: want a whole number, got %v", where, n)
			return
		}
	}
	got := s.luaType()
	if got == "" || fits(got, want) {
		return
	}
	f.report(e.Line(), textOf(e), "%s: want %s, got %s", where, typeWords(want), typeWords(got))
}

// number is a literal number.
func number(e ast.Expr) (float64, bool) {
	if minus, ok := e.(*ast.UnaryMinusOpExpr); ok {
		n, ok := number(minus.Expr)
		return -n, ok
	}
	if lit, ok := e.(*ast.NumberExpr); ok {
		n, err := strconv.ParseFloat(lit.Value, 64)
		return n, err == nil
	}
	return 0, false
}

// text holds a literal string against choices, and against what a duration looks like.
func (f *fileChecker) text(str *ast.StringExpr, where string, p param) {
	if len(p.choices) > 0 && !slices.Contains(p.choices, str.Value) {
		f.report(str.Line(), str.Value, "%s: want one of %s, got %q%s", where, strings.Join(p.choices, ", "), str.Value, DidYouMean(str.Value, p.choices))
	}
	if p.typ == reflect.TypeFor[time.Duration]() || p.typ == reflect.TypeFor[*time.Duration]() {
		if d, err := time.ParseDuration(str.Value); err != nil || d < 0 {
			f.report(str.Line(), str.Value, "%s: want a duration such as \"90s\", \"2m\" or \"1h30m\", got %q", where, str.Value)
		}
	}
}

// inner walks a table constructor that stands for a value of type t, and holds what is in it against that. It is false
// for one that t says nothing of.
func (f *fileChecker) inner(table *ast.TableExpr, where string, t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	want := f.lib.luaType(t)
	switch {
	case t.Kind() == reflect.Struct && hasTags(t) && want == "table":
		if ps, err := readParams(t); err == nil {
			f.table(table, where, ps)
			return true
		}
	case t.Kind() == reflect.Map:
		f.named(table, where, t.Elem())
		return true
	}
	if strings.Contains(want, "table<") { // names or a list: which, only the primitive knows
		return false
	}
	for w := range strings.SplitSeq(want, "|(") { // string|(string|number)[]
		if item, ok := strings.CutSuffix(w, "[]"); ok {
			f.list(table, where, strings.Trim(item, "()"))
			return true
		}
	}
	return false
}

// named holds a table against a map of values of type t.
func (f *fileChecker) named(table *ast.TableExpr, where string, t reflect.Type) {
	for _, field := range table.Fields {
		key, ok := field.Key.(*ast.StringExpr)
		switch {
		case ok:
			f.argument(field.Value, where, param{name: key.Value, typ: t})
			continue
		case field.Key != nil:
			f.expr(field.Key)
		case !multiple(field.Value):
			f.report(field.Value.Line(), textOf(field.Value), "%s: want names, such as { name = value }, got a value without one", where)
		}
		f.escape(f.expr(field.Value))
	}
}

// list holds a table against a list of items of a declared type.
func (f *fileChecker) list(table *ast.TableExpr, where, item string) {
	for _, field := range table.Fields {
		if key, ok := field.Key.(*ast.StringExpr); ok {
			f.report(field.Key.Line(), key.Value, "%s: want a list, got a table with the name %q in it", where, key.Value)
		} else if field.Key != nil {
			f.expr(field.Key)
		}
		s := f.expr(field.Value)
		f.escape(s)
		if got := s.luaType(); field.Key == nil && got != "" && !fits(got, item) {
			f.report(field.Value.Line(), textOf(field.Value), "%s: want a list of items that are each %s, got %s", where, typeWords(item), typeWords(got))
		}
	}
}

// fits says whether a value of type got may stand where a declaration says want.
func fits(got, want string) bool {
	alternatives := strings.Split(want, "|")
	if i := strings.Index(want, "("); i >= 0 { // string|(string|number)[]
		alternatives = append(strings.Split(strings.TrimSuffix(want[:i], "|"), "|"), want[i:])
	}
	for _, w := range alternatives {
		list := strings.HasSuffix(w, "[]")
		switch {
		case w == got, w == "any", w == "integer" && got == "number":
			return true
		case got == "list", strings.HasSuffix(got, "[]"):
			if w == "table" || list && (w == "any[]" || got == "list" || strings.Contains(w, "("+strings.TrimSuffix(got, "[]")) || w == got) || strings.HasPrefix(w, "table<") {
				return true
			}
		case got == "table" && (list || strings.HasPrefix(w, "table")):
			return true
		}
	}
	return false
}
