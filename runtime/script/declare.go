// Package script runs recipes: it is the only package that knows which Lua there is.
//
// Its one rule: a primitive is declared once, as a Go function with a documented argument struct, and all
// else follows from that declaration: unpacking and its errors, check, docs, the editor's stub file, and
// what a dry run leaves out.
package script

import (
	"context"
	"reflect"
)

// Effect says what a primitive does to the world.
type Effect int

// The effects, from none to some.
const (
	Pure    Effect = iota // computes on this machine and returns at once; keeps the turn
	Reads                 // waits for something, changes nothing; runs in a dry run too
	Holds                 // takes what ends with the run, such as a lock; left out of a dry run, but is no change
	Changes               // changes something; left out of a dry run
)

// None is the receiver of a primitive that belongs to no object, and the result of one that returns nothing.
type None struct{}

// Module is a group of primitives under one name in Lua.
//
//	Name ""     On ""      globals:            fail("…")
//	Name "log"  On ""      a global table:     log.info("…")
//	Name ""     On "host"  an object's own:    host:run("…")
//	Name "fs"   On "host"  an object's group:  host.fs:read("…")
type Module struct {
	Name       string
	On         string // the name of the object that it is reached through, or "" for a global
	Doc        string // one line
	Fields     []Field
	Primitives []Primitive
}

// Field is a value that can be read from an object, such as host.name, or, in the module without a name, a global
// value, such as hosts.
type Field struct {
	Name string
	Doc  string
	Type string                 // as the editor's stub states it: string, integer, string[], table<string, any>, host
	Get  func(receiver any) any // nil for a global, which State.SetGlobal gives its value
}

// Primitive is one function of the Lua API. Make one with Func.
type Primitive struct {
	Name    string
	Doc     string // what it does, its errors included, in a sentence or two
	Example string // Lua that shows it
	Effect  Effect

	receiver reflect.Type
	args     reflect.Type
	params   params // what args says; a library reads it
	result   reflect.Type
	assumed  any  // what a dry run takes for the result; nil for the zero value
	never    bool // it returns to the recipe never
	call     func(ctx context.Context, receiver, args any) (any, error)
}

// Func declares a primitive by the Go function behind it.
//
// H is what it is called on: None, or the type registered for the module's On.
// A is a struct; its fields are the arguments, in their order, by the tag
//
//	lua:"path,arg"           a positional argument; "path,arg,optional" may be left out
//	lua:"cmd,arg,command"    a command, as a string for a shell or as a list of words: check looks at what is put into
//	                         the string
//	lua:"cwd"                an option, given by name in a table; "into,required" must be given
//	lua:"[1]"                in a nested struct: the table's first list item
//	doc:"…"                  required on every field
//	passes:"host"            on a Callback: the object that it is called with
//	choices:"a b c"          the only strings that are right
//	default:"true"           what the field holds when the argument is left out
//
// Options stand in one table after the positional arguments; an argument of type Callback comes last of all,
// after that table. Field types: string, bool, int, float64, time.Duration (Go's notation in Lua: "90s"),
// slices, maps by string, structs of the same kind, pointers (nil when left out), Table and any (any Lua
// value, see Value), Callback, a registered object's pointer, and any type whose pointer has UnmarshalLua(value any) error
// (see Unmarshaler).
//
// R is what Lua gets: None, a plain type, a slice, a map, or a struct whose lua tags name its fields; reading
// a field that such a struct lacks is an error. A nil pointer is nil.
func Func[H, A, R any](name string, effect Effect, doc string, fn func(context.Context, H, A) (R, error)) Primitive {
	return Primitive{
		Name: name, Doc: doc, Effect: effect,
		receiver: reflect.TypeFor[H](), args: reflect.TypeFor[A](), result: reflect.TypeFor[R](),
		call: func(ctx context.Context, receiver, args any) (any, error) {
			h, _ := receiver.(H)
			return fn(ctx, h, args.(A))
		},
	}
}

// With returns the primitive with Lua that shows it.
func (p Primitive) With(example string) Primitive {
	p.Example = example
	return p
}

// Unmarshaler is a type that accepts more than one kind of Lua value, such as a command, which is a string or
// a list of strings. value is as Value describes. LuaType is how the editor's stub states it ("string|string[]").
type Unmarshaler interface {
	UnmarshalLua(value any) error
	LuaType() string
}

// Value, in comments, is a Lua value as Go sees it where no type is stated: nil, bool, float64, string,
// Table, Callback, or a registered object's pointer.

// Table is a Lua table: its list items from 1 on, and the rest by name.
type Table struct {
	List   []any
	Fields map[string]any
}

// Assuming returns the primitive with the result that a dry run goes on with when it leaves the call out, where the zero
// value would be a failure. result is of the type that the primitive returns.
func (p Primitive) Assuming(result any) Primitive {
	p.assumed = result
	return p
}

// Never returns the primitive as one that always raises an error: check takes what stands behind it for unreachable.
func (p Primitive) Never() Primitive {
	p.never = true
	return p
}
