package script

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"time"
)

// Docs returns what a recipe's author needs to know: the whole API by group, a line an entry, for the name "", else one
// group (fs, host.fs, log) or one entry (host:run, host.run, run). An unknown name is an error with the nearest right one.
func (lib *Library) Docs(name string) (string, error) {
	var b strings.Builder
	if name == "" {
		for _, m := range lib.modules {
			lib.group(&b, m)
		}
		return b.String() + "\nrunbook docs NAME shows one of these whole, such as host:run, or a group, such as host.fs.\n", nil
	}
	asked := strings.ReplaceAll(name, ":", ".")
	var known []string
	found := false
	for _, m := range lib.modules {
		if group := m.path(); group != "" {
			known = append(known, group)
			if asked == group || asked == m.Name && m.Name != "" {
				lib.group(&b, m)
				found = true
			}
		}
		for _, p := range m.Primitives {
			path := m.Path(p.Name)
			known = append(known, path, p.Name)
			if dotted := strings.ReplaceAll(path, ":", "."); asked == dotted || asked == p.Name || strings.HasSuffix(dotted, "."+asked) {
				lib.entry(m, p).text(&b)
				found = true
			}
		}
		for _, f := range m.Fields {
			path := m.field(f)
			known = append(known, path)
			if asked == path || asked == f.Name {
				fmt.Fprintf(&b, "%s  (%s)\n    %s\n\n", path, f.Type, f.Doc)
				found = true
			}
		}
	}
	if !found {
		return "", fmt.Errorf("there is no %q%s", name, DidYouMean(name, known))
	}
	return strings.TrimRight(b.String(), "\n") + "\n", nil
}

// path is a module's own name: host.fs, log, or "" for the globals.
func (m Module) path() string { return strings.Trim(m.On+"."+m.Name, ".") }

// field is how a recipe writes the name of a field.
func (m Module) field(f Field) string { return strings.ReplaceAll(m.Path(f.Name), ":", ".") }

// group writes a module: its fields in one line, and a line an entry.
func (lib *Library) group(b *strings.Builder, m Module) {
	fmt.Fprintf(b, "%s\n", m.Doc)
	line := func(left, doc string) {
		sentence, _, _ := strings.Cut(doc, ". ")
		fmt.Fprintf(b, "  %-40s %s\n", left, strings.TrimSuffix(sentence, "."))
	}
	for i, f := range m.Fields {
		if m.On == "" || i == 0 && len(m.Fields) == 1 {
			line(m.field(f), f.Doc)
		} else if i == 0 {
			var names []string
			for _, f := range m.Fields {
				names = append(names, f.Name)
			}
			line(m.On+"."+strings.Join(names, " ."), "")
		}
	}
	for _, p := range m.Primitives {
		line(m.Path(p.Name)+lib.entry(m, p).short(), p.Doc)
	}
}

// effectWords says what an effect means to a recipe's author.
func effectWords(e Effect) string {
	switch e {
	case Changes:
		return "Changes something; a dry run leaves it out."
	case Holds:
		return "Held until the run ends; a dry run leaves it out."
	case Reads:
		return "Changes nothing; runs in a dry run too."
	}
	return "Computes here; contacts nothing."
}

// entry is one primitive, taken apart for its reader.
type entry struct {
	name     string
	p        Primitive
	args     params
	options  params
	callback *param
	lib      *Library
}

func (lib *Library) entry(m Module, p Primitive) entry {
	e := entry{name: m.Path(p.Name), p: p, lib: lib}
	e.args, e.options, e.callback = p.params.split()
	return e
}

func (e entry) call() string { return e.name + signature(e.args, e.options, e.callback) }

// short is the signature without the options' names.
func (e entry) short() string {
	full := signature(e.args, e.options, e.callback)
	if len(e.options) == 0 {
		return full
	}
	return optionNames.ReplaceAllString(full, "{ … }")
}

var optionNames = regexp.MustCompile(`\{ .*? \}`)

// aboutErrors tells a sentence that says what is an error from one that says what is done.
var aboutErrors = regexp.MustCompile(`(?i)\b(errors?|fails?|refuses|refused)\b`)

// sentences are the entry's doc: what it does, and what is an error.
func (e entry) sentences() (does, errs []string) {
	for i, s := range strings.SplitAfter(e.p.Doc, ". ") {
		if s = strings.TrimSpace(s); i > 0 && aboutErrors.MatchString(s) {
			errs = append(errs, s)
		} else {
			does = append(does, s)
		}
	}
	if len(e.args)+len(e.options) > 0 || e.callback != nil {
		errs = append(errs, "A missing argument, one of another type and an unknown option are errors, which runbook check finds before a run.")
	}
	return does, errs
}

// described is an argument: its name, what it is, and its type, default and choices.
func (e entry) described(p param) (name, doc, notes string) {
	notes = typeWords(e.lib.luaType(p.typ))
	if p.typ == reflect.TypeFor[time.Duration]() || p.typ == reflect.TypeFor[*time.Duration]() {
		notes = "a duration, such as \"90s\""
	}
	if len(p.choices) > 0 {
		notes = "one of " + strings.Join(p.choices, ", ")
	}
	switch {
	case p.hasDef:
		notes += ", default " + p.def
	case p.required:
		notes += ", required"
	case p.optional:
		notes += ", may be left out"
	}
	return p.name, p.doc, notes
}

// returns says what the call returns, or "".
func (e entry) returns() string {
	if e.p.result == reflect.TypeFor[None]() {
		return ""
	}
	s := shapeOf(e.p.result)
	if s == nil || s.result == nil {
		return typeWords(e.lib.luaType(e.p.result))
	}
	ps, err := readParamsLoose(s.result)
	if err != nil {
		return "a table"
	}
	var fields []string
	for _, p := range ps {
		fields = append(fields, p.name+" ("+e.lib.luaType(p.typ)+")")
	}
	return "a table of " + strings.Join(fields, ", ")
}

// text writes the entry for a terminal.
func (e entry) text(b *strings.Builder) {
	does, errs := e.sentences()
	fmt.Fprintf(b, "%s\n    %s\n    %s\n", e.call(), strings.Join(does, " "), effectWords(e.p.Effect))
	arguments := func(title string, ps params) {
		if len(ps) > 0 {
			fmt.Fprintf(b, "  %s\n", title)
		}
		for _, p := range ps {
			name, doc, notes := e.described(p)
			fmt.Fprintf(b, "    %-14s %s (%s)\n", name, doc, notes)
		}
	}
	positional := e.args
	if e.callback != nil {
		positional = append(positional[:len(positional):len(positional)], *e.callback)
	}
	arguments("arguments", positional)
	arguments("options, in a table", e.options)
	if r := e.returns(); r != "" {
		fmt.Fprintf(b, "  returns %s\n", r)
	}
	if len(errs) > 0 {
		fmt.Fprintf(b, "  errors\n    %s\n", strings.Join(errs, "\n    "))
	}
	if e.p.Example != "" {
		fmt.Fprintf(b, "  example\n    %s\n", strings.ReplaceAll(e.p.Example, "\n", "\n    "))
	}
	b.WriteString("\n")
}
