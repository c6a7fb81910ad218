package script

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Library is a set of declarations, checked. It is immutable and may serve many states.
type Library struct {
	modules       []Module
	objects       []Object
	objectModules map[string][]Module // by the object that they are on, its own first
}

// Object is a Go type that Lua can hold, and reach fields and primitives through.
type Object struct {
	Name string       // as modules name it in On
	Type reflect.Type // a pointer to a struct
	Doc  string
}

// NewLibrary checks declarations and puts them together: every module, field, primitive and argument has a
// doc, every receiver fits its module, and no name stands twice.
func NewLibrary(objects []Object, modules ...Module) (*Library, error) {
	lib := &Library{modules: slices.Clone(modules), objects: objects, objectModules: map[string][]Module{}}
	seen := map[string]bool{}
	for i := range lib.modules {
		m := &lib.modules[i]
		m.Primitives = slices.Clone(m.Primitives)
		if m.Doc == "" {
			return nil, fmt.Errorf("module %q has no doc", m.Name)
		}
		receiver := reflect.TypeFor[None]()
		if m.On != "" {
			o, ok := lib.object(m.On)
			if !ok {
				return nil, fmt.Errorf("module %q is on %q, which is no object", m.Name, m.On)
			}
			receiver = o.Type
		}
		for _, f := range m.Fields {
			if f.Doc == "" || f.Type == "" || f.Get == nil && m.On != "" {
				return nil, fmt.Errorf("%s has no doc, type or getter", m.Path(f.Name))
			}
			if seen[m.Path(f.Name)] {
				return nil, fmt.Errorf("%s is declared twice", m.Path(f.Name))
			}
			seen[m.Path(f.Name)] = true
		}
		for k := range m.Primitives {
			p := &m.Primitives[k]
			path := m.Path(p.Name)
			var err error
			if p.params, err = readParams(p.args); err != nil {
				return nil, fmt.Errorf("%s: %w", path, err)
			}
			for _, param := range p.params {
				if _, ok := lib.object(param.passes); param.passes != "" && !ok {
					return nil, fmt.Errorf("%s: %s passes %q, which is no object", path, param.name, param.passes)
				}
			}
			switch {
			case p.assumed != nil && reflect.TypeOf(p.assumed) != p.result:
				return nil, fmt.Errorf("%s assumes a %T, but returns a %v", path, p.assumed, p.result)
			case p.Doc == "":
				return nil, fmt.Errorf("%s has no doc", path)
			case seen[path]:
				return nil, fmt.Errorf("%s is declared twice", path)
			case p.receiver != receiver:
				return nil, fmt.Errorf("%s is called on %v, but its module says %v", path, p.receiver, receiver)
			}
			seen[path] = true
		}
	}
	for _, m := range lib.modules {
		lib.objectModules[m.On] = append(lib.objectModules[m.On], m)
	}
	for _, ms := range lib.objectModules {
		slices.SortStableFunc(ms, func(a, b Module) int { return strings.Compare(a.Name, b.Name) })
	}
	return lib, nil
}

// Path is how a recipe writes the name of one of m's primitives: host:run, host.fs:read, log.info, fail.
func (m Module) Path(name string) string {
	switch {
	case m.On == "" && m.Name == "":
		return name
	case m.On == "":
		return m.Name + "." + name
	case m.Name == "":
		return m.On + ":" + name
	}
	return m.On + "." + m.Name + ":" + name
}

// global says whether name is a global value that a module declares as a field: those a state is given by SetGlobal.
func (lib *Library) global(name string) (Field, bool) {
	for _, m := range lib.modules {
		if m.On != "" || m.Name != "" {
			continue
		}
		for _, f := range m.Fields {
			if f.Name == name {
				return f, true
			}
		}
	}
	return Field{}, false
}

func (lib *Library) object(name string) (Object, bool) {
	i := slices.IndexFunc(lib.objects, func(o Object) bool { return o.Name == name })
	if i < 0 {
		return Object{}, false
	}
	return lib.objects[i], true
}

// on returns the modules of an object, its own first.
func (lib *Library) on(object string) []Module { return lib.objectModules[object] }

// members are the names that can be read from an object: its fields, its primitives and its groups.
func (lib *Library) members(object string) []string {
	var names []string
	for _, m := range lib.on(object) {
		if m.Name != "" {
			if !slices.Contains(names, m.Name) {
				names = append(names, m.Name)
			}
			continue
		}
		names = append(names, m.memberNames()...)
	}
	return names
}

func (m Module) memberNames() []string {
	var names []string
	for _, f := range m.Fields {
		names = append(names, f.Name)
	}
	for _, p := range m.Primitives {
		names = append(names, p.Name)
	}
	return names
}

// Names are the names of all groups, primitives and fields, as a recipe writes them, in the order of the modules.
func (lib *Library) Names() []string {
	var names []string
	add := func(name string) {
		if name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, m := range lib.modules {
		add(strings.Trim(m.On+"."+m.Name, "."))
		for _, f := range m.Fields {
			add(strings.ReplaceAll(m.Path(f.Name), ":", "."))
		}
		for _, p := range m.Primitives {
			add(m.Path(p.Name))
		}
	}
	return names
}
