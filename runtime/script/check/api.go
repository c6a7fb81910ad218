package check

import (
	"slices"

	"runbook/runtime/script"
)

// api looks names up in the declarations and returns what is known about them.
type api struct{ *script.Library }

// global returns the shape of a global name.
func (a api) global(name string) *shape {
	if f, ok := a.Global(name); ok {
		return shapeOf(f.ValueType())
	}
	modules := a.Modules()
	for i, m := range modules {
		if m.On != "" {
			continue
		}
		if m.Name == name {
			return &shape{module: &modules[i]}
		}
		if m.Name == "" {
			if p, ok := m.Primitive(name); ok {
				return &shape{call: &p, of: &modules[i]}
			}
		}
	}
	return nil
}

// member returns the shape of a module's field or primitive.
func (a api) member(m *script.Module, name string) (*shape, bool) {
	for _, f := range m.Fields {
		if f.Name == name {
			return shapeOf(f.ValueType()), true
		}
	}
	if p, ok := m.Primitive(name); ok {
		return &shape{call: &p, of: m}, true
	}
	return nil, false
}

// objectMember returns the shape of an object's field, primitive or group.
func (a api) objectMember(object, name string) (*shape, bool) {
	for _, m := range a.On(object) {
		if m.Name == name && name != "" {
			return &shape{module: &m}, true
		}
		if m.Name == "" {
			if s, ok := a.member(&m, name); ok {
				return s, true
			}
		}
	}
	return nil, false
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
