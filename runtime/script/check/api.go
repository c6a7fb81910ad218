package check

import (
	"cmp"
	"slices"

	"runbook/runtime/script"
)

// api looks names up in the declarations and returns what is known about them.
type api struct {
	*script.Library
	found map[lookup]*shape // what was looked up before; nil where there is nothing
}

// lookup is a name in a group of names: a module's, an object's, or the globals.
type lookup struct{ group, name string }

func newAPI(lib *script.Library) api { return api{lib, map[lookup]*shape{}} }

// remember returns the result of find, and calls find only once.
func (a api) remember(group, name string, find func() *shape) *shape {
	key := lookup{group, name}
	s, ok := a.found[key]
	if !ok {
		s = find()
		a.found[key] = s
	}
	return s
}

// global returns the shape of a global name, or nil if it is undeclared or nothing is known about
// it.
func (a api) global(name string) *shape {
	return a.remember("", name, func() *shape {
		if f, ok := a.Global(name); ok {
			return shapeOf(f.ValueType())
		}
		modules := a.Modules()
		for i := range modules {
			m := &modules[i]
			if m.On != "" {
				continue
			}
			if m.Name == name {
				return &shape{module: m}
			}
			if m.Name == "" {
				if p, ok := m.Primitive(name); ok {
					return &shape{call: &p, of: m}
				}
			}
		}
		return nil
	})
}

// unknown is the shape of a field of which only the name is known.
var unknown = &shape{}

// known returns a shape that was remembered, and whether the name exists.
func known(s *shape) (*shape, bool) {
	if s == unknown {
		return nil, true
	}
	return s, s != nil
}

// member returns the shape of a module's field or primitive.
func (a api) member(m *script.Module, name string) (*shape, bool) {
	return known(a.remember(m.Group()+".", name, func() *shape {
		for _, part := range a.sharing(m) {
			for _, f := range part.Fields {
				if f.Name == name {
					return cmp.Or(shapeOf(f.ValueType()), unknown)
				}
			}
			if p, ok := part.Primitive(name); ok {
				return &shape{call: &p, of: part}
			}
		}
		return nil
	}))
}

// objectMember returns the shape of an object's field, primitive or group.
func (a api) objectMember(object, name string) (*shape, bool) {
	return known(a.remember(object+":", name, func() *shape {
		modules := a.On(object)
		for i := range modules {
			m := &modules[i]
			if m.Name == name && name != "" {
				return &shape{module: m}
			}
			if m.Name == "" {
				if s, ok := a.member(m, name); ok {
					return cmp.Or(s, unknown)
				}
			}
		}
		return nil
	}))
}

// sharing returns the modules that have the same name in Lua: several packages may declare parts of
// one.
func (a api) sharing(m *script.Module) []*script.Module {
	modules := a.Modules()
	var found []*script.Module
	for i, other := range modules {
		if other.Name == m.Name && other.On == m.On {
			found = append(found, &modules[i])
		}
	}
	return found
}

// moduleMembers returns the names in all modules that share m's name.
func (a api) moduleMembers(m *script.Module) []string {
	var names []string
	for _, other := range a.sharing(m) {
		names = append(names, other.Members()...)
	}
	return names
}

// globals returns the names of all declared globals.
func (a api) globals() []string {
	var names []string
	for _, m := range a.Modules() {
		switch {
		case m.On != "":
		case m.Name == "":
			names = append(names, m.Members()...)
		default:
			names = append(names, m.Name)
		}
	}
	return slices.Compact(slices.Sorted(slices.Values(names)))
}
