package types

import (
	"slices"
	"strings"
)

// Param describes one argument of a primitive, or one key of a table, as a struct field's tags
// declare it.
type Param struct {
	Name       string
	Doc        string
	Type       Type
	Item       int  // n for a table's n-th list item, else 0
	Positional bool // an argument by its place, not by its name in a table
	Command    bool // a command: a string for a shell, or a list of words
	Rest       bool // takes all positional arguments that are left
	Optional   bool // a positional argument that may be omitted
	Required   bool // an option that must be given
	Choices    []string
	Default    string
	HasDefault bool
	Index      []int // the place of the Go struct's field, for reflect.Value.FieldByIndex
}

// Params are a struct's fields in their order.
type Params []Param

// Signature describes what a primitive takes and returns.
type Signature struct {
	Args     Params // by place
	Options  Params // by name, in one table after Args
	Callback *Param // the function that comes last; nil for none
	Result   Type
}

// String returns the arguments as the docs write them: (cmd, [{ cwd, env }], fn).
func (s Signature) String() string {
	return s.text("{ " + strings.Join(s.Options.Names(), ", ") + " }")
}

// Short returns the arguments without the names of the options: (cmd, [{ … }], fn).
func (s Signature) Short() string { return s.text("{ … }") }

func (s Signature) text(options string) string {
	var parts []string
	for _, p := range s.Args {
		switch {
		case p.Rest:
			parts = append(parts, p.Name+"…")
		case p.Optional:
			parts = append(parts, "["+p.Name+"]")
		default:
			parts = append(parts, p.Name)
		}
	}
	if len(s.Options) > 0 {
		if !s.Options.AnyRequired() {
			options = "[" + options + "]"
		}
		parts = append(parts, options)
	}
	if s.Callback != nil {
		parts = append(parts, s.Callback.Name)
	}
	return "(" + strings.Join(parts, ", ") + ")"
}

// Positional returns the arguments that have a place, the callback last.
func (s Signature) Positional() Params {
	if s.Callback == nil {
		return s.Args
	}
	return append(slices.Clone(s.Args), *s.Callback)
}

// Names returns the names of the parameters that have one.
func (ps Params) Names() []string {
	var names []string
	for _, p := range ps {
		if p.Item == 0 {
			names = append(names, p.Name)
		}
	}
	return names
}

// Find returns the parameter with a name.
func (ps Params) Find(name string) (Param, bool) {
	i := slices.IndexFunc(ps, func(p Param) bool { return p.Name == name && p.Item == 0 })
	if i < 0 {
		return Param{}, false
	}
	return ps[i], true
}

// Item returns the parameter at a place of the list, from 1.
func (ps Params) Item(n int) (Param, bool) {
	i := slices.IndexFunc(ps, func(p Param) bool { return p.Item == n })
	if i < 0 {
		return Param{}, false
	}
	return ps[i], true
}

// AnyRequired reports whether one of the options must be given.
func (ps Params) AnyRequired() bool {
	return slices.ContainsFunc(ps, func(p Param) bool { return p.Required })
}
