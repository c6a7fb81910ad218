package script

import (
	"fmt"
	"strings"
)

// Markdown returns the whole API as a reference. Each example stands in a block of its own, ```lua.
func (lib *Library) Markdown() string {
	var b strings.Builder
	b.WriteString("# The Lua API\n\nWritten by `runbook docs --markdown` from the declarations that the code runs on.\n")
	for _, m := range lib.modules {
		title := m.path()
		if title == "" {
			title = "globals"
		}
		if len(m.Fields)+len(m.Primitives) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n## %s\n\n%s\n", title, m.Doc)
		if len(m.Fields) > 0 {
			b.WriteString("\n| value | type | |\n|---|---|---|\n")
		}
		for _, f := range m.Fields {
			fmt.Fprintf(&b, "| `%s` | `%s` | %s |\n", m.field(f), f.Type, f.Doc)
		}
		for _, p := range m.Primitives {
			lib.entry(m, p).markdown(&b)
		}
	}
	return b.String()
}

// markdown writes the entry for the reference.
func (e entry) markdown(b *strings.Builder) {
	does, errs := e.sentences()
	fmt.Fprintf(b, "\n### `%s`\n\n%s *%s*\n", e.call(), strings.Join(does, " "), effectWords(e.p.Effect))
	all := append(append(params{}, e.args...), e.options...)
	if e.callback != nil {
		all = append(all, *e.callback)
	}
	if len(all) > 0 {
		b.WriteString("\n| argument | | |\n|---|---|---|\n")
	}
	for _, p := range all {
		name, doc, notes := e.described(p)
		fmt.Fprintf(b, "| `%s` | %s | %s |\n", name, cell(doc), cell(notes))
	}
	if r := e.returns(); r != "" {
		fmt.Fprintf(b, "\nReturns %s.\n", r)
	}
	if len(errs) > 1 { // the last is the same everywhere
		fmt.Fprintf(b, "\nErrors: %s\n", strings.Join(errs[:len(errs)-1], " "))
	}
	if e.p.Example != "" {
		fmt.Fprintf(b, "\n```lua\n%s\n```\n", e.p.Example)
	}
}

// cell is text as it may stand in a table.
func cell(text string) string { return strings.ReplaceAll(text, "|", "\\|") }
