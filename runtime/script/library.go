package script

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"

	"runbook/runtime/script/types"
)

// Library is a checked set of declarations. It is immutable, and many states may use it.
type Library struct {
	modules       []Module
	objects       []Object
	objectModules map[string][]Module // by object; the module without a name first
}

// Object is a Go type that Lua code can hold. It has fields and primitives.
type Object struct {
	Name string       // the name that modules have in On
	Type reflect.Type // a pointer to a struct
	Doc  string
}

// NewLibrary checks declarations and combines them. Every module, field and primitive must be
// documented, every receiver must fit its module, and no name may be declared twice. The argument
// struct of a primitive is read when its Signature is needed: a run needs few of them.
func NewLibrary(objects []Object, modules ...Module) (*Library, error) {
	lib := &Library{modules: slices.Clone(modules), objects: objects, objectModules: map[string][]Module{}}
	seen := map[string]bool{}
	for i := range lib.modules {
		if err := lib.readModule(&lib.modules[i], seen); err != nil {
			return nil, err
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

// readModule checks a module and reads the types of its fields and primitives. seen has the paths
// declared so far.
func (lib *Library) readModule(m *Module, seen map[string]bool) error {
	m.Fields, m.Primitives = slices.Clone(m.Fields), slices.Clone(m.Primitives)
	if m.Doc == "" {
		return fmt.Errorf("module %q has no doc", m.Name)
	}
	receiver := reflect.TypeFor[None]()
	if m.On != "" {
		o, ok := lib.Object(m.On)
		if !ok {
			return fmt.Errorf("module %q is on %q, which is not an object", m.Name, m.On)
		}
		receiver = o.Type
	}
	declare := func(path string) error {
		if seen[path] {
			return fmt.Errorf("%s is declared twice", path)
		}
		seen[path] = true
		return nil
	}
	for i := range m.Fields {
		f := &m.Fields[i]
		path := m.Path(f.Name)
		if f.Doc == "" || f.Type == "" || f.Get == nil && m.On != "" {
			return fmt.Errorf("%s has no doc, type or getter", path)
		}
		var err error
		if f.typ, err = types.Parse(f.Type, lib.objectNames()...); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if err := declare(path); err != nil {
			return err
		}
	}
	for i := range m.Primitives {
		p := &m.Primitives[i]
		path := m.Path(p.Name)
		if err := lib.readPrimitive(p, receiver); err != nil {
			return fmt.Errorf("%s %w", path, err)
		}
		if err := declare(path); err != nil {
			return err
		}
	}
	return nil
}

func (lib *Library) readPrimitive(p *Primitive, receiver reflect.Type) (err error) {
	switch {
	case p.Doc == "":
		return errors.New("has no doc")
	case p.receiver != receiver:
		return fmt.Errorf("is called on %v, but its module has %v", p.receiver, receiver)
	case p.assumed != nil && reflect.TypeOf(p.assumed) != p.result:
		return fmt.Errorf("assumes a %T, but returns a %v", p.assumed, p.result)
	}
	declared := *p
	p.signature = sync.OnceValue(func() types.Signature {
		sig, err := declared.readSignature(lib.objects)
		if err != nil {
			panic(fmt.Errorf("%s is declared wrongly: %w", declared.Name, err))
		}
		return sig
	})
	return nil
}

func (lib *Library) objectNames() []string {
	var names []string
	for _, o := range lib.objects {
		names = append(names, o.Name)
	}
	return names
}

// Modules returns all modules in the order of their declaration. The caller must not change them.
func (lib *Library) Modules() []Module { return lib.modules }

// Objects returns all objects. The caller must not change them.
func (lib *Library) Objects() []Object { return lib.objects }

// Path returns the name of one of the module's primitives as a recipe writes it: host:run,
// host.fs:read, log.info, fail.
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

// FieldPath returns the name of one of the module's fields as a recipe writes it: host.name, hosts.
func (m Module) FieldPath(name string) string { return strings.ReplaceAll(m.Path(name), ":", ".") }

// Group returns the module's own name, host.fs or log, or "" for the globals.
func (m Module) Group() string { return strings.Trim(m.On+"."+m.Name, ".") }

// Primitive returns the primitive with a name.
func (m Module) Primitive(name string) (Primitive, bool) {
	i := slices.IndexFunc(m.Primitives, func(p Primitive) bool { return p.Name == name })
	if i < 0 {
		return Primitive{}, false
	}
	return m.Primitives[i], true
}

// Global returns the global value with a name: a field of the module without a name.
func (lib *Library) Global(name string) (Field, bool) {
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

// Object returns the object with a name.
func (lib *Library) Object(name string) (Object, bool) {
	i := slices.IndexFunc(lib.objects, func(o Object) bool { return o.Name == name })
	if i < 0 {
		return Object{}, false
	}
	return lib.objects[i], true
}

// On returns the modules of an object, the one without a name first.
func (lib *Library) On(object string) []Module { return lib.objectModules[object] }

// Members returns the names that can be read from an object: its fields, primitives and groups.
func (lib *Library) Members(object string) []string {
	var names []string
	for _, m := range lib.On(object) {
		if m.Name != "" {
			if !slices.Contains(names, m.Name) {
				names = append(names, m.Name)
			}
			continue
		}
		names = append(names, m.Members()...)
	}
	return names
}

// Members returns the names of the module's fields and primitives.
func (m Module) Members() []string {
	var names []string
	for _, f := range m.Fields {
		names = append(names, f.Name)
	}
	for _, p := range m.Primitives {
		names = append(names, p.Name)
	}
	return names
}
