package script_test

import (
	"context"
	"reflect"
	"strings"
	"testing"

	"runbook/runtime/script"
)

// declared returns the error from creating a library with one global primitive that takes A, or
// from creating the signature of the primitive.
func declared[A any](more ...script.Module) (err error) {
	fn := func(context.Context, script.None, A) (script.None, error) { return script.None{}, nil }
	globals := script.Module{Doc: "globals", Primitives: []script.Primitive{script.Func("f", script.Pure, "doc", fn)}}
	account := script.Object{Name: "account", Type: reflect.TypeFor[*Account](), Doc: "an account"}
	lib, err := script.NewLibrary([]script.Object{account}, append(more, globals)...)
	if err != nil {
		return err
	}
	defer func() {
		if refused := recover(); refused != nil {
			err = refused.(error)
		}
	}()
	for _, m := range lib.Modules() {
		for _, p := range m.Primitives {
			p.Signature()
		}
	}
	return nil
}

// TestNewLibraryRefuses declares primitives and modules wrongly.
func TestNewLibraryRefuses(t *testing.T) {
	type valid struct {
		Cwd string `lua:"cwd" doc:"where"`
	}
	field := func(name, typ string) script.Module {
		return script.Module{Name: "bank", Doc: "doc", Fields: []script.Field{{Name: name, Type: typ, Doc: "doc"}}}
	}
	for name, tt := range map[string]struct {
		err  error
		want string
	}{
		"valid":     {declared[valid](field("all", "account[]")), ""},
		"no struct": {declared[int](), "f is declared wrongly: int is not a struct"},
		"no tag":    {declared[struct{ X string }](), "X has no lua tag"},
		"no doc": {declared[struct {
			X string `lua:"x"`
		}](), "X has no doc tag"},
		"word": {declared[struct {
			X string `lua:"x,opt" doc:"d"`
		}](), `X has the unknown word "opt" in its lua tag`},
		"rest": {declared[struct {
			X string `lua:"x,rest" doc:"d"`
		}](), "is for a positional argument of type Words"},
		"object": {declared[struct {
			X script.Callback `lua:"x,arg" doc:"d" passes:"host"`
		}](), `passes "host", which is not an object`},
		"nested": {declared[struct {
			X []struct {
				Y string `lua:"y"`
			} `lua:"x" doc:"d"`
		}](), "Y has no doc tag"},
		"type":   {declared[valid](field("all", "acount[]")), `bank.all: unknown type "acount"`},
		"twice":  {declared[valid](field("all", "any"), field("all", "any")), "bank.all is declared twice"},
		"module": {declared[valid](script.Module{Name: "bank"}), `module "bank" has no doc`},
		"no receiver": {declared[valid](script.Module{On: "host", Doc: "doc"}),
			`module "" is on "host", which is not an object`},
	} {
		if (tt.err == nil) != (tt.want == "") || tt.err != nil && !strings.Contains(tt.err.Error(), tt.want) {
			t.Errorf("%s: %v, want %s", name, tt.err, tt.want)
		}
	}
}
