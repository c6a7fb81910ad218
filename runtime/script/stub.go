package script

import (
	"fmt"
	"reflect"
	"strings"
)

// Stub returns the API as a definition file for lua-language-server (https://luals.github.io/wiki/annotations), which
// editors read to complete names, show docs and flag wrong types. It is never run.
func (lib *Library) Stub() string {
	var b strings.Builder
	b.WriteString("---@meta\n-- Written by `runbook init` from the declarations that the code runs on.\n")
	for _, o := range lib.objects {
		lib.stubObject(&b, o)
	}
	seen := map[string]bool{}
	for _, m := range lib.modules {
		if m.On != "" {
			continue
		}
		if m.Name != "" && !seen[m.Name] {
			fmt.Fprintf(&b, "\n---%s\n%s = {}\n", m.Doc, m.Name)
			seen[m.Name] = true
		}
		for _, f := range m.Fields {
			fmt.Fprintf(&b, "\n---%s\n---@type %s\n%s = nil\n", f.Doc, f.Type, f.Name)
		}
		for _, p := range m.Primitives {
			lib.stubFunction(&b, p, m.Path(p.Name))
		}
	}
	return b.String()
}

// stubObject writes an object's class and one class for each of its groups.
func (lib *Library) stubObject(b *strings.Builder, o Object) {
	groups := ""
	var functions strings.Builder
	fmt.Fprintf(b, "\n---%s\n---@class %s\n", o.Doc, o.Name)
	for _, m := range lib.on(o.Name) {
		if m.Name != "" {
			class := o.Name + "." + m.Name
			fmt.Fprintf(b, "---@field %s %s %s\n", m.Name, class, m.Doc)
			groups += fmt.Sprintf("\n---%s\n---@class %s\nlocal %s = {}\n", m.Doc, class, strings.ReplaceAll(class, ".", "_"))
		}
		for _, f := range m.Fields {
			fmt.Fprintf(b, "---@field %s %s %s\n", f.Name, f.Type, f.Doc)
		}
		for _, p := range m.Primitives {
			owner := strings.ReplaceAll(strings.Trim(o.Name+"."+m.Name, "."), ".", "_")
			lib.stubFunction(&functions, p, owner+":"+p.Name)
		}
	}
	fmt.Fprintf(b, "local %s = {}\n%s%s", o.Name, groups, functions.String())
}

// stubFunction writes one function with its arguments and result.
func (lib *Library) stubFunction(b *strings.Builder, p Primitive, name string) {
	args, options, callback := p.params.split()
	fmt.Fprintf(b, "\n---%s\n---%s\n", p.Doc, effectWords(p.Effect))
	var names []string
	for _, a := range args {
		mark := ""
		if a.optional {
			mark = "?"
		}
		name := a.name
		if name == "local" { // upload's, which Lua reserves
			name = "here"
		}
		fmt.Fprintf(b, "---@param %s%s %s %s\n", name, mark, lib.stubType(a), a.doc)
		names = append(names, name)
	}
	if len(options) > 0 {
		var fields []string
		for _, o := range options {
			mark := "?"
			if o.required {
				mark = ""
			}
			key := o.name + mark
			if o.item > 0 {
				key = o.name
			}
			fields = append(fields, key+": "+lib.stubType(o))
		}
		mark := "?"
		if options.anyRequired() {
			mark = ""
		}
		fmt.Fprintf(b, "---@param options%s { %s }\n", mark, strings.Join(fields, ", "))
		names = append(names, "options")
	}
	if callback != nil {
		fmt.Fprintf(b, "---@param %s %s %s\n", callback.name, lib.stubType(*callback), callback.doc)
		names = append(names, callback.name)
	}
	if t := stubResult(p.result); t != "" {
		fmt.Fprintf(b, "---@return %s\n", t)
	}
	fmt.Fprintf(b, "function %s(%s) end\n", name, strings.Join(names, ", "))
}

func (lib *Library) stubType(p param) string {
	switch {
	case p.typ == reflect.TypeFor[Callback]() && p.passes != "":
		return "fun(" + p.passes + ": " + p.passes + "): any"
	case p.typ == reflect.TypeFor[Callback]():
		return "fun(): any"
	case len(p.choices) > 0:
		return `"` + strings.Join(p.choices, `"|"`) + `"`
	}
	return lib.luaType(p.typ)
}

// stubResult states a result, with its fields where they are known.
func stubResult(t reflect.Type) string {
	s := shapeOf(t)
	if s == nil || s.result == nil {
		if t == reflect.TypeFor[None]() {
			return ""
		}
		return luaType(t)
	}
	ps, err := readParamsLoose(s.result)
	if err != nil {
		return "table"
	}
	var fields []string
	for _, p := range ps {
		fields = append(fields, p.name+": "+luaType(p.typ))
	}
	return "{ " + strings.Join(fields, ", ") + " }"
}
