// Package script runs recipes. It is the only package that runs Lua.
//
// A primitive is declared once, as a Go function with a documented argument struct. Everything else
// is derived from that declaration: argument unpacking and its errors, check, docs, the stubs for
// editors, and what a dry run skips.
package script

import (
	"context"
	"reflect"

	"runbook/runtime/script/types"
)

// Effect is what a primitive does to a host or to this machine.
type Effect int

// The effects.
const (
	Pure    Effect = iota // only computes; returns at once and keeps the turn
	Reads                 // waits, but changes nothing; runs in a dry run too
	Holds                 // acquires something until the run ends, such as a lock; skipped in a dry run
	Changes               // changes something; skipped in a dry run
	Asks                  // waits for a value that a recipe may need before recipe{ … }; runs in a dry run too
	Depends               // Changes or Reads: the argument struct's method Effect() Effect decides for each call
)

// None is the receiver of a primitive without an object, and the result of one that returns
// nothing.
type None struct{}

// Module is a group of primitives under one name in Lua.
//
//	Name ""     On ""      globals:            fail("…")
//	Name "log"  On ""      a global table:     log.info("…")
//	Name ""     On "host"  an object:          host:run("…")
//	Name "fs"   On "host"  an object's group:  host.fs:read("…")
type Module struct {
	Name       string
	On         string // the name of the object that the module belongs to; "" for a global one
	Doc        string // one line
	Fields     []Field
	Primitives []Primitive
}

// Field is a value that can be read from an object, such as host.name, or a global value, such as
// hosts, in the module without a name.
type Field struct {
	Name string
	Doc  string
	Type string                 // as types.Parse reads it: string, integer, string[], table<string, any>, host
	Get  func(receiver any) any // nil for a global, whose value State.SetGlobal sets

	typ types.Type // Type, parsed by NewLibrary
}

// Primitive is one function of the Lua API. Make one with Func.
type Primitive struct {
	Name    string
	Doc     string // what it does and which errors it raises, in a sentence or two
	Example string // Lua code that uses it
	Effect  Effect

	receiver  reflect.Type
	args      reflect.Type
	result    reflect.Type
	assumed   any  // the result in a dry run; nil for the zero value
	never     bool // always raises an error
	signature func() types.Signature
	call      func(ctx context.Context, receiver, args any) (any, error)
}

// Func declares a primitive by its Go function.
//
// H is the receiver: None, or the type registered for the module's On.
//
// A is a struct. Its fields, and those of embedded structs, are the arguments in order. Tags
// describe them:
//
//	lua:"path,arg"           a positional argument; "path,arg,optional" may be omitted
//	lua:"args,arg,rest"      all remaining positional arguments, as Words
//	lua:"cmd,arg,command"    a command: a list of words, or a string for a shell, which is checked
//	lua:"cwd"                an option, given by name in a table; "into,required" must be given
//	lua:"[1]"                in a nested struct: the table's first list item
//	doc:"…"                  the documentation; every field needs one
//	passes:"host,err"        on a Callback: the object and the second argument that it gets
//	choices:"a b c"          the only valid strings
//	default:"true"           the field's value when the argument is omitted
//
// Options are in one table after the positional arguments. A positional Callback comes after it.
// Fields may be string, bool, int, float64, time.Duration ("90s" in Lua), slices, maps with string
// keys, structs with the same tags, pointers (nil when omitted), File, Table, any (see Value),
// Callback, registered objects and Unmarshalers.
//
// R is the result: None, a plain type, a slice, a map, or a struct whose lua tags name its fields.
// Reading a field that the struct does not have is an error. A nil pointer becomes nil.
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

// With returns the primitive with an example.
func (p Primitive) With(example string) Primitive {
	p.Example = example
	return p
}

// Unmarshaler is a type that accepts several kinds of Lua value, such as a command: a string or a
// list of strings. value is as Value describes. LuaType is its type for types.Parse
// ("string|string[]").
type Unmarshaler interface {
	UnmarshalLua(value any) error
	LuaType() string
}

// Value, in comments, is a Lua value in Go where no type is declared: nil, bool, float64, string,
// Table, Callback, or a pointer to a registered object.

// Table is a Lua table: its list items from 1 on, and its other values by name.
type Table struct {
	List   []any
	Fields map[string]any
}

// Assuming returns the primitive with the result that a dry run uses when it skips the call. It is
// needed where the zero value would be a failure. result has the type that the primitive returns.
func (p Primitive) Assuming(result any) Primitive {
	p.assumed = result
	return p
}

// Never returns the primitive as one that always raises an error. check reports code after it as
// unreachable.
func (p Primitive) Never() Primitive {
	p.never = true
	return p
}

// Signature returns the arguments and result of a primitive of a library. It panics if they are
// declared wrongly: tests read the signature of every primitive.
func (p Primitive) Signature() types.Signature { return p.signature() }

// NeverReturns reports whether the primitive always raises an error.
func (p Primitive) NeverReturns() bool { return p.never }

// ValueType returns the field's type. It is set for fields of a library.
func (f Field) ValueType() types.Type { return f.typ }
