package script

import (
	"slices"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// luaNames are the names in each of Lua's own libraries, as recipes have them.
func luaNames() (map[string][]string, error) {
	l := newLState()
	defer l.Close()
	if err := openBase(l, baseNames()); err != nil {
		return nil, err
	}
	names := map[string][]string{}
	for _, library := range libraryNames() {
		l.G.Global.RawGetString(library).(*lua.LTable).ForEach(func(k, _ lua.LValue) {
			names[library] = append(names[library], k.String())
		})
		slices.Sort(names[library])
	}
	return names, nil
}

// isGlobal says whether a name is a global, Lua's own or a declared one.
func (f *fileChecker) isGlobal(name string) bool {
	_, library := f.lua[name]
	_, declared := f.lib.global(name)
	return library || declared || slices.Contains(baseNames(), name) || f.lib.globalShape(name) != nil
}

// instead is what to write instead of a global that there isn't, to stand behind the error.
func (f *fileChecker) instead(name string) string {
	switch name {
	case "null", "NULL", "None", "Nil", "undefined":
		return "; in Lua it is nil"
	case "True", "TRUE", "False", "FALSE":
		return "; in Lua it is " + strings.ToLower(name)
	case "io":
		return "; files are read with host.fs:read, those of this machine with localhost.fs:read"
	case "dofile", "loadfile", "loadstring", "load":
		return "; code comes by require, from beside the recipe"
	}
	names := append(sortedKeys(f.lua), baseNames()...)
	for s := f.scope; s != nil; s = s.outer {
		names = append(names, sortedKeys(s.locals)...)
	}
	for _, m := range f.lib.modules {
		switch {
		case m.On != "":
		case m.Name == "":
			names = append(names, m.memberNames()...)
		default:
			names = append(names, m.Name)
		}
	}
	return DidYouMean(name, names)
}

// member is the shape of owner.name, reported when there can't be one.
func (f *fileChecker) member(line int, owner *shape, ownerName, name string, called bool) *shape {
	missing := func(names []string) *shape {
		f.report(line, name, "%s has no %q%s; it has %s", ownerName, name, DidYouMean(name, names), strings.Join(names, ", "))
		return nil
	}
	switch {
	case owner == nil:
		return nil
	case owner.object != "":
		if s, ok := f.lib.objectMember(owner.object, name); ok {
			return s
		}
		return missing(f.lib.members(owner.object))
	case owner.module != nil:
		for i, m := range f.lib.modules { // several declarations may share one name in Lua
			if m.Name == owner.module.Name && m.On == owner.module.On {
				if s, ok := f.lib.ownMember(&f.lib.modules[i], name); ok {
					return s
				}
			}
		}
		return missing(f.lib.moduleNames(owner.module))
	case owner.library != "" || owner.scalar == "string":
		return f.libraryMember(line, owner, ownerName, name)
	case owner.scalar != "":
		f.report(line, name, "%s is %s, so it has no %q", ownerName, typeWords(owner.scalar), name)
	case owner.result != nil:
		ps, err := readParamsLoose(owner.result)
		if err != nil {
			return nil
		}
		if p, ok := ps.find(name); ok {
			return shapeOf(p.typ)
		}
		return missing(ps.names())
	case owner.options != nil:
		if t, ok := owner.options[name]; ok {
			return f.lib.typed(t)
		}
		return missing(sortedKeys(owner.options))
	case owner.table != nil:
		return f.ownTableMember(line, owner, ownerName, name, called)
	case owner.item.is("host") || owner.item != nil && owner.item.object != "":
		if _, ok := f.lib.objectMember(owner.item.object, name); ok {
			f.report(line, name, "%s is a list: its %ss have a %q each; write each(%s, function(%s) … end), or %s[1]",
				ownerName, owner.item.object, name, ownerName, owner.item.object, ownerName)
		}
	}
	return nil
}

// libraryMember is a name in one of Lua's libraries, or a method of a string.
func (f *fileChecker) libraryMember(line int, owner *shape, ownerName, name string) *shape {
	library := owner.library
	if library == "" {
		library = "string"
	}
	names := f.lua[library]
	if slices.Contains(names, name) || f.facts.added[library][name] {
		return nil
	}
	if owner.library == "" {
		f.report(line, name, "%s is a string, so it has no %q%s", ownerName, name, DidYouMean(name, names))
		return nil
	}
	f.report(line, name, "%s has no %q%s; it has %s", ownerName, name, DidYouMean(name, names), strings.Join(names, ", "))
	return nil
}

// ownTableMember is a field of a table of the recipe's own. To read one that isn't there is how Lua asks whether it is;
// to call one can only fail.
func (f *fileChecker) ownTableMember(line int, owner *shape, ownerName, name string, called bool) *shape {
	known := f.facts.table(owner.table)
	if !called {
		known.reads(f.facts, name)
	} else if !known.open && !known.names[name] && !known.read[name] {
		names := sortedKeys(known.names)
		f.report(line, name, "%s has no %q%s; it has %s", ownerName, name, DidYouMean(name, names), strings.Join(names, ", "))
	}
	return owner.fields[name]
}

// objectMember is a field, a primitive or a group of an object.
func (lib *Library) objectMember(object, name string) (*shape, bool) {
	for _, m := range lib.on(object) {
		if m.Name == name && name != "" {
			return &shape{module: &m}, true
		}
		if m.Name == "" {
			if s, ok := lib.ownMember(&m, name); ok {
				return s, true
			}
		}
	}
	return nil, false
}
