// Package types describes what Lua code passes to primitives and gets from them: types, parameters
// and signatures. It is built once from the declarations, and used by check, docs and error
// messages.
package types

import (
	"fmt"
	"slices"
	"strings"
)

// Kind is the kind of a Lua value's type.
type Kind int

// The kinds of type.
const (
	Any Kind = iota
	None
	String
	Boolean
	Integer
	Number
	Duration // a string in Go's notation: "90s"
	File     // the name of a file of the project
	Words    // the strings and numbers of a command, or lists of them
	Function
	Table  // any table
	List   // a table of items
	Map    // a table of values by any names
	Record // a table of named fields
	Object
	Proxy // the options of a recipe
	Union // one of several types
)

// Type describes a Lua value for check, docs and error messages. The zero value is any value.
type Type struct {
	Kind    Kind
	Nilable bool   // may be nil
	Object  string // an Object's name; for a Function, the object that it is called with, or ""
	More    string // for a Function, the name of a second argument, or ""
	Elem    *Type  // of a List's items or a Map's values; nil when unknown
	Fields  Params // of a Record, in order
	Union   []Type // the alternatives of a Union

	Check func(text string) error // refuses an invalid String; or nil
}

// typeNames maps the names that editors use for types to kinds.
var typeNames = map[string]Kind{
	"any": Any, "string": String, "boolean": Boolean, "integer": Integer, "number": Number,
	"function": Function, "table": Table,
}

// Parse parses a type as lua-language-server writes it, such as string|(string|number)[],
// table<string, any> or host[]. objects are the names of objects that it may contain.
func Parse(notation string, objects ...string) (Type, error) {
	parts := splitTopLevel(notation)
	if len(parts) > 1 {
		union := Type{Kind: Union}
		for _, part := range parts {
			t, err := Parse(part, objects...)
			if err != nil {
				return Type{}, err
			}
			union.Union = append(union.Union, t)
		}
		return union, nil
	}
	if item, ok := strings.CutSuffix(notation, "[]"); ok {
		return listOf(item, objects)
	}
	if inner, ok := strings.CutPrefix(notation, "("); ok && strings.HasSuffix(inner, ")") {
		return Parse(strings.TrimSuffix(inner, ")"), objects...)
	}
	if value, ok := strings.CutPrefix(notation, "table<string, "); ok && strings.HasSuffix(value, ">") {
		t, err := Parse(strings.TrimSuffix(value, ">"), objects...)
		return Type{Kind: Map, Elem: &t}, err
	}
	if kind, ok := typeNames[notation]; ok {
		return Type{Kind: kind}, nil
	}
	if slices.Contains(objects, notation) {
		return Type{Kind: Object, Object: notation}, nil
	}
	return Type{}, fmt.Errorf("unknown type %q", notation)
}

// listOf parses the type of a list by that of its items.
func listOf(item string, objects []string) (Type, error) {
	t, err := Parse(item, objects...)
	return Type{Kind: List, Elem: &t}, err
}

// splitTopLevel splits a notation at every | that is outside brackets.
func splitTopLevel(notation string) []string {
	var parts []string
	depth, from := 0, 0
	for i, r := range notation {
		switch r {
		case '(', '<':
			depth++
		case ')', '>':
			depth--
		case '|':
			if depth == 0 {
				parts, from = append(parts, notation[from:i]), i+1
			}
		}
	}
	return append(parts, notation[from:])
}

// String returns the type as lua-language-server writes it.
func (t Type) String() string {
	switch t.Kind {
	case None:
		return "nil"
	case String, Duration, File:
		return "string"
	case Boolean:
		return "boolean"
	case Integer:
		return "integer"
	case Number:
		return "number"
	case Words:
		return "string|number|(string|number)[]"
	case Function:
		if t.Object == "" {
			return "fun(): any"
		}
		if t.More != "" {
			return "fun(" + t.Object + ": " + t.Object + ", " + t.More + ": any): any"
		}
		return "fun(" + t.Object + ": " + t.Object + "): any"
	case Table, Record:
		return "table"
	case List:
		if item := t.Item(); item.Kind == Union {
			return "(" + item.String() + ")[]"
		}
		return t.Item().String() + "[]"
	case Map:
		return "table<string, " + t.Item().String() + ">"
	case Proxy:
		return "table<string, any>"
	case Object:
		return t.Object
	case Union:
		var parts []string
		for _, u := range t.Union {
			parts = append(parts, u.String())
		}
		return strings.Join(parts, "|")
	}
	return "any"
}

// Item returns the type of a list's items or a map's values: any when it is not known.
func (t Type) Item() Type {
	if t.Elem == nil {
		return Type{}
	}
	return *t.Elem
}

// Words returns the type in words, for "want …, got …": a string, a list of strings, a string or a
// list.
func (t Type) Words() string {
	switch t.Kind {
	case None:
		return "nothing"
	case String, File:
		return "a string"
	case Words:
		return "a string, a number or a list of these"
	case Boolean:
		return "true or false"
	case Integer:
		return "a whole number"
	case Number:
		return "a number"
	case Duration:
		return `a duration, such as "90s"`
	case Function:
		return "a function"
	case Table, Record:
		return "a table"
	case List:
		return t.listWords()
	case Map, Proxy:
		return "a table of names, such as { name = value }"
	case Object:
		return "a " + t.Object
	case Union:
		var parts []string
		for _, u := range t.Union {
			parts = append(parts, u.Words())
		}
		return strings.Join(parts, " or ")
	}
	return "any value"
}

func (t Type) listWords() string {
	switch item := t.Item(); item.Kind {
	case String:
		return `a list of strings, such as { "a", "b" }`
	case Boolean, Integer, Number, Object:
		return "a list of " + item.String() + "s"
	case Table, Record, Map:
		return "a list of tables"
	}
	return "a list"
}

// Fits reports whether a value of type got may be of type want. A type of which nothing is known
// fits every type.
func Fits(got, want Type) bool {
	if got.Kind == Any {
		return true
	}
	switch want.Kind {
	case Any:
		return true
	case Union:
		return slices.ContainsFunc(want.Union, func(w Type) bool { return Fits(got, w) })
	case Integer, Number:
		return got.Kind == Number
	case Duration, File:
		return got.Kind == String
	case Words:
		return Fits(got, Word) || Fits(got, Type{Kind: List, Elem: &Word})
	case Object:
		return got.Kind == Object && got.Object == want.Object
	case Table, Map, Record, Proxy:
		return got.Kind == Table || got.Kind == List
	case List:
		return got.Kind == Table || got.Kind == List && (want.Elem == nil || Fits(*got.Elem, *want.Elem))
	}
	return got.Kind == want.Kind
}

// Word is the type of an item in a list of words.
var Word = Type{Kind: Union, Union: []Type{{Kind: String}, {Kind: Number}}}
