package script

import (
	"fmt"
	"reflect"
	"strings"
	"time"
)

// Docs returns what a recipe's author needs to know: the whole API by group for the name "", else one group (fs,
// host.fs, log) or one entry (host:run, host.run, run). An unknown name is an error with the nearest right one.
func (lib *Library) Docs(name string) (string, error) {
	var b strings.Builder
	if name == "" {
		for _, m := range lib.modules {
			lib.group(&b, m)
		}
		return b.String(), nil
	}
	asked := strings.ReplaceAll(name, ":", ".")
	var known []string
	found := false
	for _, m := range lib.modules {
		if group := strings.Trim(m.On+"."+m.Name, "."); group != "" {
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
				entry(&b, m, p)
				found = true
			}
		}
		for _, f := range m.Fields {
			path := strings.ReplaceAll(m.Path(f.Name), ":", ".")
			known = append(known, path)
			if asked == path || asked == f.Name {
				fmt.Fprintf(&b, "%s  %s\n    %s\n\n", path, f.Type, f.Doc)
				found = true
			}
		}
	}
	if !found {
		return "", fmt.Errorf("there is no %q%s", name, DidYouMean(name, known))
	}
	return strings.TrimRight(b.String(), "\n") + "\n", nil
}

// group writes a module, a line an entry.
func (lib *Library) group(b *strings.Builder, m Module) {
	fmt.Fprintf(b, "%s\n", m.Doc)
	for _, f := range m.Fields {
		fmt.Fprintf(b, "  %-44s %s\n", strings.ReplaceAll(m.Path(f.Name), ":", "."), f.Doc)
	}
	for _, p := range m.Primitives {
		call := m.Path(p.Name) + p.signature()
		sentence, _, _ := strings.Cut(p.Doc, ". ")
		if len(call) > 44 {
			fmt.Fprintf(b, "  %s\n  %-44s %s\n", call, "", strings.TrimSuffix(sentence, "."))
			continue
		}
		fmt.Fprintf(b, "  %-44s %s\n", call, strings.TrimSuffix(sentence, "."))
	}
	b.WriteString("\n")
}

func (p Primitive) signature() string {
	ps, err := readParams(p.args)
	if err != nil {
		return "()"
	}
	return signature(ps.split())
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

// entry writes one primitive whole.
func entry(b *strings.Builder, m Module, p Primitive) {
	ps, err := readParams(p.args)
	if err != nil {
		return
	}
	args, options, callback := ps.split()
	fmt.Fprintf(b, "%s%s\n", m.Path(p.Name), signature(args, options, callback))
	fmt.Fprintf(b, "    %s\n    %s\n", p.Doc, effectWords(p.Effect))
	for _, a := range append(args, options...) {
		describeParam(b, a)
	}
	if callback != nil {
		describeParam(b, *callback)
	}
	if fields := resultFields(p.result); len(fields) > 0 {
		fmt.Fprintf(b, "    returns { %s }\n", strings.Join(fields, ", "))
	} else if t := resultType(p.result); t != "" {
		fmt.Fprintf(b, "    returns %s\n", t)
	}
	for _, line := range strings.Split(p.Example, "\n") {
		if line != "" {
			fmt.Fprintf(b, "      %s\n", line)
		}
	}
	b.WriteString("\n")
}

func describeParam(b *strings.Builder, p param) {
	t := luaType(p.typ)
	if p.typ == reflect.TypeFor[time.Duration]() {
		t = "duration"
	}
	notes := ""
	if len(p.choices) > 0 {
		notes += ", one of " + strings.Join(p.choices, ", ")
	}
	if p.hasDef {
		notes += ", default " + p.def
	}
	if p.required {
		notes += ", required"
	}
	fmt.Fprintf(b, "      %-14s %s (%s%s)\n", p.name, p.doc, t, notes)
}

// resultFields are the names of a result that is a table of known names.
func resultFields(t reflect.Type) []string {
	s := shapeOf(t)
	if s == nil || s.result == nil {
		return nil
	}
	ps, err := readParamsLoose(s.result)
	if err != nil {
		return nil
	}
	return ps.names()
}

// resultType is how the stub states a result, or "" when there is none.
func resultType(t reflect.Type) string {
	if t == reflect.TypeFor[None]() {
		return ""
	}
	return luaType(t)
}

// Markdown returns the whole API as a reference in Markdown.
func (lib *Library) Markdown() string {
	var b strings.Builder
	b.WriteString("# The Lua API\n\nWritten by `runbook docs --markdown` from the declarations that the code runs on.\n")
	for _, m := range lib.modules {
		title := strings.Trim(m.On+"."+m.Name, ".")
		if title == "" {
			title = "globals"
		}
		fmt.Fprintf(&b, "\n## %s\n\n%s\n", title, m.Doc)
		for _, f := range m.Fields {
			fmt.Fprintf(&b, "\n- `%s` (%s): %s", strings.ReplaceAll(m.Path(f.Name), ":", "."), f.Type, f.Doc)
		}
		if len(m.Fields) > 0 {
			b.WriteString("\n")
		}
		for _, p := range m.Primitives {
			var e strings.Builder
			entry(&e, m, p)
			head, body, _ := strings.Cut(strings.TrimRight(e.String(), "\n"), "\n")
			fmt.Fprintf(&b, "\n### `%s`\n\n```text\n%s\n```\n", head, body)
		}
	}
	return b.String()
}
