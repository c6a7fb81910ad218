package script

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"runbook/runtime/script/types"
)

// readParams reads the tags of a struct. An invalid declaration is an error, which the tests of
// each library find. strict requires documentation, which results need not have.
func readParams(t reflect.Type, objects []Object, strict bool) (types.Params, error) {
	if t.Kind() != reflect.Struct {
		return nil, fmt.Errorf("%v is not a struct", t)
	}
	var ps types.Params
	for _, f := range reflect.VisibleFields(t) {
		if f.Anonymous { // its fields are listed on their own
			continue
		}
		p, err := readParam(f, objects, strict)
		if err != nil {
			return nil, fmt.Errorf("%v.%s %w", t, f.Name, err)
		}
		ps = append(ps, p)
	}
	return ps, nil
}

func readParam(f reflect.StructField, objects []Object, strict bool) (p types.Param, err error) {
	tag, ok := f.Tag.Lookup("lua")
	if !ok || !f.IsExported() {
		return p, fmt.Errorf("has no lua tag")
	}
	words := strings.Split(tag, ",")
	p = types.Param{Name: words[0], Doc: f.Tag.Get("doc"), Index: f.Index}
	p.Choices = strings.Fields(f.Tag.Get("choices"))
	p.Default, p.HasDefault = f.Tag.Lookup("default")
	if p.Doc == "" && strict {
		return p, fmt.Errorf("has no doc tag")
	}
	if n, err := strconv.Atoi(strings.Trim(p.Name, "[]")); err == nil {
		p.Item = n
	}
	for _, w := range words[1:] {
		switch w {
		case "arg":
			p.Positional = true
		case "optional":
			p.Optional = true
		case "rest":
			p.Rest = true
		case "command":
			p.Command = true
		case "required":
			p.Required = true
		default:
			return p, fmt.Errorf("has the unknown word %q in its lua tag", w)
		}
	}
	if p.Type, err = typeOf(f.Type, objects, strict); err != nil {
		return p, fmt.Errorf("has a wrong type: %w", err)
	}
	if p.Rest && (!p.Positional || p.Type.Kind != types.Words) {
		return p, fmt.Errorf("has rest in its lua tag, which is for a positional argument of type Words")
	}
	if passes, more, _ := strings.Cut(f.Tag.Get("passes"), ","); passes != "" {
		if !slices.ContainsFunc(objects, func(o Object) bool { return o.Name == passes }) {
			return p, fmt.Errorf("passes %q, which is not an object", passes)
		}
		p.Type.Object, p.Type.More = passes, more
	}
	return p, nil
}

// readSignature reads the types of the primitive's Go function.
func (p Primitive) readSignature(objects []Object) (types.Signature, error) {
	var sig types.Signature
	ps, err := readParams(p.args, objects, true)
	if err != nil {
		return sig, err
	}
	for i, param := range ps {
		switch {
		case param.Type.Kind == types.Function && param.Positional:
			sig.Callback = &ps[i]
		case param.Positional:
			sig.Args = append(sig.Args, param)
		default:
			sig.Options = append(sig.Options, param)
		}
	}
	sig.Args, sig.Options = slices.Clip(sig.Args), slices.Clip(sig.Options) // many libraries share them
	sig.Result, err = typeOf(p.result, objects, false)
	return sig, err
}

// typeOf returns the Lua type of a Go type. An object that is not in objects is named by its Go
// type. strict is that of readParams.
func typeOf(t reflect.Type, objects []Object, strict bool) (types.Type, error) {
	for _, o := range objects {
		if o.Type == t {
			return types.Type{Kind: types.Object, Object: o.Name, Nilable: true}, nil
		}
	}
	if u, ok := reflect.New(t).Interface().(Unmarshaler); ok {
		return types.Parse(u.LuaType())
	}
	if kind, ok := kindOf(t); ok {
		return types.Type{Kind: kind, Check: types.CheckerOf(t)}, nil
	}
	switch t.Kind() {
	case reflect.Slice:
		elem, err := typeOf(t.Elem(), objects, strict)
		return types.Type{Kind: types.List, Elem: &elem}, err
	case reflect.Map:
		elem, err := typeOf(t.Elem(), objects, strict)
		return types.Type{Kind: types.Map, Elem: &elem}, err
	case reflect.Pointer:
		if e := t.Elem(); e.Kind() == reflect.Struct && e.PkgPath() != "" && !hasTags(e) {
			return types.Type{Kind: types.Object, Object: strings.ToLower(e.Name()), Nilable: true}, nil
		}
		elem, err := typeOf(t.Elem(), objects, strict)
		elem.Nilable = true
		return elem, err
	case reflect.Struct:
		if !hasTags(t) {
			return types.Type{Kind: types.Table}, nil
		}
		fields, err := readParams(t, objects, strict)
		return types.Type{Kind: types.Record, Fields: fields}, err
	}
	return types.Type{}, nil
}

// kindOf returns the kind of a Go type without parts.
func kindOf(t reflect.Type) (types.Kind, bool) {
	switch t {
	case reflect.TypeFor[None]():
		return types.None, true
	case reflect.TypeFor[time.Duration]():
		return types.Duration, true
	case reflect.TypeFor[File]():
		return types.File, true
	case reflect.TypeFor[Words]():
		return types.Words, true
	case reflect.TypeFor[Table](), reflect.TypeFor[LiveTable]():
		return types.Table, true
	case reflect.TypeFor[Callback]():
		return types.Function, true
	case reflect.TypeFor[Proxy]():
		return types.Proxy, true
	}
	switch t.Kind() {
	case reflect.String:
		return types.String, true
	case reflect.Bool:
		return types.Boolean, true
	case reflect.Int, reflect.Int32, reflect.Int64, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return types.Integer, true
	case reflect.Float64:
		return types.Number, true
	}
	return types.Any, false
}

// hasTags distinguishes a struct that is a Lua table from an opaque object.
func hasTags(t reflect.Type) bool {
	return t.NumField() > 0 && t.Field(0).Tag.Get("lua") != ""
}
