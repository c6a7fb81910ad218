package check

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"runbook/runtime/script/check/advice"
	"runbook/runtime/script/spell"
	"runbook/runtime/script/stdlib"
	"runbook/runtime/script/types"
)

// isGlobal reports whether a name is a global of Lua or a declared one.
func (f *fileChecker) isGlobal(name string) bool {
	_, library := f.libraries[name]
	_, declared := f.api.Global(name)
	return library || declared || slices.Contains(stdlib.BaseNames(), name) || f.api.global(name) != nil
}

// suggest returns what to write instead of an undeclared global, to append to the error.
func (f *fileChecker) suggest(line int, name string) string {
	switch name {
	case "null", "NULL", "None", "Nil", "undefined":
		return "; in Lua it is nil"
	case "True", "TRUE", "False", "FALSE":
		return "; in Lua it is " + strings.ToLower(name)
	case "io":
		return "; read files with host.fs:read, and files of this machine with localhost.fs:read"
	case "dofile", "loadfile", "loadstring", "load":
		return "; load code with require, from a file beside the recipe"
	}
	if line := f.DefinedBelow(line, name); line > 0 {
		return fmt.Sprintf("; it is defined below, at line %d: move that above this function", line)
	}
	if instead := advice.Globals[name]; instead != "" {
		return ": write " + instead
	}
	names := append(slices.Sorted(maps.Keys(f.libraries)), stdlib.BaseNames()...)
	for s := f.scope; s != nil; s = s.outer {
		names = append(names, s.name)
	}
	return spell.DidYouMean(name, append(names, f.api.globals()...))
}

// member returns the shape of owner.name, and reports a name that can't exist.
func (f *fileChecker) member(line int, owner *shape, ownerName, name string, called bool) *shape {
	missing := func(names []string) *shape {
		f.reportMissing(line, ownerName, name, names)
		return nil
	}
	switch {
	case owner == nil:
		return nil
	case owner.object != "":
		if s, ok := f.api.objectMember(owner.object, name); ok {
			return s
		}
		if instead := advice.Members[name]; instead != "" && owner.object == "host" {
			instead = strings.Replace(instead, "host", ownerName, 1)
			f.report(line, name, "%s has no %q: write %s", ownerName, name, instead)
			return nil
		}
		return missing(f.api.Members(owner.object))
	case owner.module != nil:
		if s, ok := f.api.member(owner.module, name); ok {
			return s
		}
		if instead := advice.Functions[strings.TrimPrefix(owner.module.Group(), "host.")+"."+name]; instead != "" {
			instead = strings.Replace(instead, "host.fs", ownerName, 1)
			f.report(line, name, "%s has no %q: write %s", ownerName, name, instead)
			return nil
		}
		return missing(f.api.moduleMembers(owner.module))
	case owner.library != "" || owner.scalar == types.String:
		return f.libraryMember(line, owner, ownerName, name)
	case owner.index:
		f.report(line, name, "%s counts the items, so it has no %q: write for _, %[1]s in ipairs(…)", ownerName, name)
	case owner.scalar != types.Any:
		f.report(line, name, "%s is %s, so it has no %q", ownerName, owner.luaType().Words(), name)
	case owner.record != nil:
		if p, ok := owner.record.Fields.Find(name); ok {
			s := shapeOf(p.Type)
			if owner.checked && (name == "code" || name == "ok") {
				return &shape{scalar: s.scalar, valueFacts: valueFacts{checked: true}}
			}
			return s
		}
		return missing(owner.record.Fields.Names())
	case owner.options != nil:
		if t, ok := owner.options[name]; ok {
			return shapeOf(t)
		}
		return missing(slices.Sorted(maps.Keys(owner.options)))
	case owner.table != nil:
		return f.tableMember(line, owner, ownerName, name, called)
	case owner.item != nil && owner.item.object != "":
		if _, ok := f.api.objectMember(owner.item.object, name); ok {
			f.report(line, name, "%s is a list; each %s in it has a %q: write each(%s, function(%s) … end), or %s[1]",
				ownerName, owner.item.object, name, ownerName, owner.item.object, ownerName)
		} else if owner.certain {
			f.report(line, name, "%s is a list, so it has no %q: write named(%q)", ownerName, name, name)
		}
	}
	return nil
}

// reportMissing reports a name that its owner does not have.
func (f *fileChecker) reportMissing(line int, owner, name string, names []string) {
	f.report(line, name, "%s has no %q%s; it has %s",
		owner, name, spell.DidYouMean(name, names), strings.Join(names, ", "))
}

// libraryMember checks a name in one of Lua's libraries, or a method of a string.
func (f *fileChecker) libraryMember(line int, owner *shape, ownerName, name string) *shape {
	library := owner.library
	if library == "" {
		library = "string"
	}
	names := f.libraries[library]
	if slices.Contains(names, name) || f.facts.added[library][name] {
		return nil
	}
	if instead := advice.Library[library+"."+name]; instead != "" {
		f.report(line, name, "%s has no %q: write %s", ownerName, name, instead)
		return nil
	}
	if owner.library == "" {
		f.report(line, name, "%s is a string, so it has no %q%s", ownerName, name, spell.DidYouMean(name, names))
		return nil
	}
	f.reportMissing(line, ownerName, name, names)
	return nil
}

// tableMember checks a field of one of the recipe's tables. Reading a missing field is how Lua code
// tests for it; calling one can only fail.
func (f *fileChecker) tableMember(line int, owner *shape, ownerName, name string, called bool) *shape {
	known := f.facts.table(owner.table)
	if !called {
		known.addRead(f.facts, name)
	} else if !known.open && !known.names[name] && !known.read[name] {
		names := slices.Sorted(maps.Keys(known.names))
		f.reportMissing(line, ownerName, name, names)
	}
	if value, ok := owner.fields[name]; ok || known.open {
		return value
	}
	return known.fns[name]
}
