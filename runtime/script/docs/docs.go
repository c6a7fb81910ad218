// Package docs derives documentation from the declarations: the API as text and Markdown, and files
// for editors.
package docs

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"runbook/runtime/script"
	"runbook/runtime/script/types"
)

// Text returns documentation for a terminal: for "" the whole API with a line for each entry, else
// one group (fs, host.fs, log), one entry (host:run, host.run, run) or one topic in full. Any other
// words are searched for. Words without a match are an error with the nearest known words.
func Text(lib *script.Library, words string) (string, error) {
	if words == "" {
		return overview(lib), nil
	}
	if text := exact(lib, words); text != "" {
		return text + seeAlso(lib, words), nil
	}
	fields := strings.Fields(words)
	if text := search(lib, fields); text != "" && len(fields) > 0 {
		return text, nil
	}
	return "", unknown(lib, fields)
}

// overview has a line for each entry.
func overview(lib *script.Library) string {
	var b strings.Builder
	for _, m := range lib.Modules() {
		writeGroup(&b, m)
	}
	b.WriteString("Topics\n")
	for _, t := range topics {
		fmt.Fprintf(&b, "  %s\n", t.name)
	}
	b.WriteString("\nrunbook docs NAME shows one entry in full, such as host:run, or a group, such as host.fs. " +
		"runbook docs WORD searches.\n")
	return b.String()
}

// exact returns the documentation of the entry, group or topic with this exact name, or "".
func exact(lib *script.Library, name string) string {
	var b strings.Builder
	asked := strings.ReplaceAll(name, ":", ".")
	for _, m := range lib.Modules() {
		if group := m.Group(); group != "" && (asked == group || asked == m.Name && m.Name != "") {
			writeGroup(&b, m)
		}
		for _, p := range m.Primitives {
			dotted := strings.ReplaceAll(m.Path(p.Name), ":", ".")
			if asked == dotted || asked == p.Name || strings.HasSuffix(dotted, "."+asked) {
				newEntry(m, p).text(&b)
			}
		}
		for _, f := range m.Fields {
			path := m.FieldPath(f.Name)
			if asked == path || asked == f.Name {
				fmt.Fprintf(&b, "%s  (%s)\n    %s\n\n", path, f.Type, f.Doc)
			}
		}
	}
	for _, t := range topics {
		if strings.EqualFold(name, t.name) {
			fmt.Fprintf(&b, "%s\n    %s\n", t.name, strings.ReplaceAll(t.text, "\n", "\n    "))
		}
	}
	if b.Len() == 0 {
		return ""
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

// Names returns the names that Text shows in full: groups, primitives, fields and topics, in the
// order of the modules.
func Names(lib *script.Library) []string {
	var names []string
	add := func(name string) {
		if name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, m := range lib.Modules() {
		add(m.Group())
		for _, f := range m.Fields {
			add(m.FieldPath(f.Name))
		}
		for _, p := range m.Primitives {
			add(m.Path(p.Name))
		}
	}
	for _, t := range topics {
		add(t.name)
	}
	return names
}

// writeGroup writes a module: its fields on one line, and a line for each primitive.
func writeGroup(b *strings.Builder, m script.Module) {
	fmt.Fprintf(b, "%s\n", m.Doc)
	line := func(left, doc string) {
		sentence, _, _ := strings.Cut(doc, ". ")
		fmt.Fprintf(b, "  %-40s %s\n", left, strings.TrimSuffix(sentence, "."))
	}
	for i, f := range m.Fields {
		if m.On == "" || i == 0 && len(m.Fields) == 1 {
			line(m.FieldPath(f.Name), f.Doc)
		} else if i == 0 {
			var names []string
			for _, f := range m.Fields {
				names = append(names, f.Name)
			}
			line(m.On+"."+strings.Join(names, " ."), "")
		}
	}
	for _, p := range m.Primitives {
		line(m.Path(p.Name)+newEntry(m, p).sig.Short(), p.Doc)
	}
}

// EffectWords returns the meaning of an effect for the author of a recipe.
func EffectWords(e script.Effect) string {
	switch e {
	case script.Changes:
		return "Changes something; a dry run skips it."
	case script.Holds:
		return "Held until the run ends; a dry run skips it."
	case script.Depends:
		return "Changes something, so a dry run skips it, unless changes is false."
	case script.Reads, script.Asks:
		return "Changes nothing; also runs in a dry run."
	}
	return "Only computes; contacts no host."
}

type entry struct {
	name string
	p    script.Primitive
	sig  types.Signature
}

func newEntry(m script.Module, p script.Primitive) entry {
	return entry{name: m.Path(p.Name), p: p, sig: p.Signature()}
}

func (e entry) call() string { return e.name + e.sig.String() }

// aboutErrors matches sentences about errors.
var aboutErrors = regexp.MustCompile(`(?i)\b(errors?|fails?|refuses|refused)\b`)

// sentences splits the documentation into what the primitive does and which errors it raises.
func (e entry) sentences() (does, errs []string) {
	for i, s := range strings.SplitAfter(e.p.Doc, ". ") {
		if s = strings.TrimSpace(s); i > 0 && aboutErrors.MatchString(s) {
			errs = append(errs, s)
		} else {
			does = append(does, s)
		}
	}
	if len(e.sig.Args)+len(e.sig.Options) > 0 || e.sig.Callback != nil {
		errs = append(errs, "A missing argument, a wrong type and an unknown option are errors. "+
			"runbook check finds them before a run.")
	}
	return does, errs
}

// described returns an argument's name and documentation, and notes on its type, default and
// choices.
func (e entry) described(p types.Param) (name, doc, notes string) {
	notes = p.Type.Words()
	if len(p.Choices) > 0 {
		notes = "one of " + strings.Join(p.Choices, ", ")
	}
	switch {
	case p.HasDefault:
		notes += ", default " + p.Default
	case p.Required:
		notes += ", required"
	case p.Rest:
		notes = "any number, each a string, a number or a list of these"
	case p.Optional:
		notes += ", optional"
	}
	return p.Name, p.Doc, notes
}

// returns describes the result in words, or returns "".
func (e entry) returns() string {
	switch t := e.sig.Result; t.Kind {
	case types.None:
		return ""
	case types.Record:
		var fields []string
		for _, p := range t.Fields {
			fields = append(fields, p.Name+" ("+p.Type.String()+")")
		}
		return "a table of " + strings.Join(fields, ", ")
	default:
		return t.Words()
	}
}

// text writes the entry for a terminal.
func (e entry) text(b *strings.Builder) {
	does, errs := e.sentences()
	fmt.Fprintf(b, "%s\n    %s\n    %s\n", e.call(), strings.Join(does, " "), EffectWords(e.p.Effect))
	arguments := func(title string, ps types.Params) {
		if len(ps) > 0 {
			fmt.Fprintf(b, "  %s\n", title)
		}
		for _, p := range ps {
			name, doc, notes := e.described(p)
			fmt.Fprintf(b, "    %-14s %s (%s)\n", name, doc, notes)
		}
	}
	arguments("arguments", e.sig.Positional())
	arguments("options, in a table", e.sig.Options)
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
