package script

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// param is one argument of a primitive, or one key of a table, as a struct field's tags declare it.
type param struct {
	name     string
	doc      string
	typ      reflect.Type
	field    int
	item     int  // n for a table's n-th list item, else 0
	arg      bool // positional
	command  bool // a command: a string for a shell, or a list of words
	optional bool // a positional argument that may be left out
	required bool // an option that must be given
	choices  []string
	passes   string // the object that a callback is called with
	def      string
	hasDef   bool
}

// params are a struct's fields in their order.
type params []param

// readParams reads the tags of struct type t. A mistake in a declaration is an error here and so in the test of
// every library, not in front of an admin.
func readParams(t reflect.Type) (params, error) {
	if t.Kind() != reflect.Struct {
		return nil, fmt.Errorf("%v is not a struct", t)
	}
	var ps params
	for i := range t.NumField() {
		f := t.Field(i)
		tag, ok := f.Tag.Lookup("lua")
		if !ok || !f.IsExported() {
			return nil, fmt.Errorf("%v.%s has no lua tag", t, f.Name)
		}
		words := strings.Split(tag, ",")
		p := param{name: words[0], doc: f.Tag.Get("doc"), typ: f.Type, field: i,
			choices: strings.Fields(f.Tag.Get("choices")), passes: f.Tag.Get("passes")}
		if n, err := strconv.Atoi(strings.Trim(p.name, "[]")); err == nil {
			p.item = n
		}
		for _, w := range words[1:] {
			switch w {
			case "arg":
				p.arg = true
			case "optional":
				p.optional = true
			case "command":
				p.command = true
			case "required":
				p.required = true
			default:
				return nil, fmt.Errorf("%v.%s: unknown word %q in the lua tag", t, f.Name, w)
			}
		}
		p.def, p.hasDef = f.Tag.Lookup("default")
		if p.doc == "" {
			return nil, fmt.Errorf("%v.%s has no doc tag", t, f.Name)
		}
		ps = append(ps, p)
	}
	return ps, nil
}

// split tells the positional arguments, the options and the callback apart. The callback is a positional
// argument that stands behind the options.
func (ps params) split() (args, options params, callback *param) {
	for i, p := range ps {
		switch {
		case p.typ == reflect.TypeFor[Callback]() && p.arg:
			callback = &ps[i]
		case p.arg:
			args = append(args, p)
		default:
			options = append(options, p)
		}
	}
	return args, options, callback
}

func (ps params) names() []string {
	var names []string
	for _, p := range ps {
		if p.item == 0 {
			names = append(names, p.name)
		}
	}
	return names
}

func (ps params) find(name string) (param, bool) {
	for _, p := range ps {
		if p.name == name && p.item == 0 {
			return p, true
		}
	}
	return param{}, false
}

func (ps params) anyRequired() bool {
	for _, p := range ps {
		if p.required {
			return true
		}
	}
	return false
}

// luaType is a Go type as the editor's stub and the error messages state it.
func luaType(t reflect.Type) string {
	if u, ok := reflect.New(t).Interface().(Unmarshaler); ok {
		return u.LuaType()
	}
	switch t {
	case reflect.TypeFor[time.Duration](), reflect.TypeFor[[]byte]():
		return "string"
	case reflect.TypeFor[Table](), reflect.TypeFor[LiveTable]():
		return "table"
	case reflect.TypeFor[Callback]():
		return "function"
	case reflect.TypeFor[Proxy]():
		return "table<string, any>"
	}
	switch t.Kind() {
	case reflect.String:
		return "string"
	case reflect.Bool:
		return "boolean"
	case reflect.Int, reflect.Int64, reflect.Uint64, reflect.Uint32, reflect.Uint16:
		return "integer"
	case reflect.Float64:
		return "number"
	case reflect.Slice:
		return luaType(t.Elem()) + "[]"
	case reflect.Map:
		return "table<string, " + luaType(t.Elem()) + ">"
	case reflect.Pointer:
		if t.Elem().Kind() == reflect.Struct && t.Elem().PkgPath() != "" && !hasTags(t.Elem()) {
			return strings.ToLower(t.Elem().Name())
		}
		return luaType(t.Elem())
	case reflect.Struct:
		return "table"
	}
	return "any"
}

// hasTags tells a struct that is a Lua table from one that is an opaque object.
func hasTags(t reflect.Type) bool {
	return t.NumField() > 0 && t.Field(0).Tag.Get("lua") != ""
}
