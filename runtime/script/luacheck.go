package script

import (
	"fmt"
	"slices"
	"strings"
)

// Luacheck returns a configuration for luacheck (https://luacheck.readthedocs.io/en/stable/config.html) that knows the
// globals of recipes by their names and fields, and in files that end in _test.lua those of tests. A name that is not
// there is then a finding in the editor, as it is for check.
func Luacheck(recipes, tests *Library) string {
	var b strings.Builder
	b.WriteString("-- Written by `runbook init` from the declarations that the code runs on.\n\n")
	known := globals(recipes)
	own := slices.Clone(base())
	own = append(own, known...)
	std(&b, "runbook", own)
	std(&b, "runbook_test", slices.DeleteFunc(globals(tests), func(g global) bool {
		return slices.ContainsFunc(known, func(k global) bool { return k.name == g.name })
	}))
	b.WriteString("std = \"runbook\"\n" +
		"files[\"**/*_test.lua\"] = { std = \"+runbook_test\" }\n" +
		"exclude_files = { \"**/meta\" } -- what is read by editors, and never run\n" +
		"max_line_length = false\n")
	return b.String()
}

// global is a global name. A nil list of fields means that it may have any.
type global struct {
	name   string
	fields []string
}

// base are the globals of Lua itself.
func base() []global {
	var all []global
	for _, name := range baseNames() {
		all = append(all, global{name: name, fields: []string{}})
	}
	for _, name := range []string{"string", "table", "math", "coroutine"} {
		all = append(all, global{name: name})
	}
	return append(all, global{"os", osNames()})
}

// globals are those that a library declares.
func globals(lib *Library) []global {
	var all []global
	for _, m := range lib.modules {
		switch {
		case m.On != "":
		case m.Name == "":
			for _, f := range m.Fields {
				all = append(all, global{name: f.Name})
			}
			for _, p := range m.Primitives {
				all = append(all, global{p.Name, []string{}})
			}
		default:
			i := slices.IndexFunc(all, func(g global) bool { return g.name == m.Name })
			if i < 0 {
				i, all = len(all), append(all, global{name: m.Name})
			}
			all[i].fields = append(all[i].fields, m.memberNames()...)
		}
	}
	return all
}

func std(b *strings.Builder, name string, all []global) {
	slices.SortFunc(all, func(a, b global) int { return strings.Compare(a.name, b.name) })
	fmt.Fprintf(b, "stds.%s = {\n  read_globals = {\n", name)
	for _, g := range all {
		switch {
		case g.fields == nil:
			fmt.Fprintf(b, "    %s = { other_fields = true },\n", g.name)
		case len(g.fields) == 0:
			fmt.Fprintf(b, "    %s = {},\n", g.name)
		default:
			fields := slices.Sorted(slices.Values(g.fields))
			fmt.Fprintf(b, "    %s = { fields = { %s } },\n", g.name, strings.Join(fields, " = {}, ")+" = {}")
		}
	}
	b.WriteString("  },\n}\n\n")
}
