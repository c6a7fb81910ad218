// Package text provides text and time functions that need no host.
package text

import (
	"context"
	"time"

	"runbook/runtime/script"
	"runbook/runtime/script/stdlib"
	"runbook/runtime/script/template"
	"runbook/runtime/ssh"
)

// Primitives declares template, quote and here.
func Primitives() []script.Primitive {
	return []script.Primitive{templatePrimitive(), quotePrimitive(), herePrimitive()}
}

type templateArgs struct {
	Text   string         `lua:"text,arg" doc:"the text"`
	Values map[string]any `lua:"values,arg" doc:"the values by name: strings, numbers, true, false, and lists and tables of them"`
}

func templatePrimitive() script.Primitive {
	return script.Func("template", script.Pure, "Return text filled with values: {{ expression }}, {% if … %}, "+
		"{% elseif … %}, {% else %}, {% for x in list %}, {% for k, v in table %}, {% local x = … %}, {% end %} and "+
		"{# comment #}. Expressions are Lua's; a name that is not in values is an error. A statement that is alone on "+
		"its line leaves no line.",
		func(ctx context.Context, _ script.None, a templateArgs) (string, error) {
			t, err := template.Compile("template", a.Text)
			if err != nil {
				return "", err
			}
			return t.Fill(ctx, a.Values)
		}).With("template(\"{% for h in names %}\\nserver {{ h }}:{{ port }};\\n{% end %}\\n\", " +
		"{ names = { \"web1\" }, port = 8000 })")
}

type quoteArgs struct {
	Value string `lua:"value,arg" doc:"any text without a NUL byte"`
}

func quotePrimitive() script.Primitive {
	return script.Func("quote", script.Pure, "Return a value quoted as one word for /bin/sh. A command that is a "+
		"list needs no quoting.",
		func(_ context.Context, _ script.None, a quoteArgs) (string, error) { return ssh.Quote(a.Value) }).
		With(`host:run("wc -l " .. quote(path) .. " | tee lines")`)
}

type hereArgs struct {
	File script.File `lua:"name,arg" doc:"the file's name, such as \"look.sh\": a file beside the recipe or in its lib folder"`
}

func herePrimitive() script.Primitive {
	return script.Func("here", script.Pure, "Return the path on this machine of a file of the project, for "+
		"host:upload or localhost.fs:read.",
		func(_ context.Context, _ script.None, a hereArgs) (string, error) { return herePath(a.File) }).
		With(`host:upload(here("look.sh"), "/usr/local/bin/look", { mode = "0755" })`)
}

type clockUTCArgs struct {
	Format string `lua:"format,arg,optional" doc:"letters of C's strftime after %, such as %Y %m %d %H %M %S, and any other text" default:"%Y-%m-%dT%H:%M:%SZ"`
}

type noArgs struct{}

// ClockModule declares clock.utc and clock.now.
func ClockModule() script.Module {
	return script.Module{Name: "clock", Doc: "The time on this machine.", Primitives: []script.Primitive{
		script.Func("utc", script.Pure, "Return the time in UTC, formatted by strftime. An unknown letter is an error.",
			func(_ context.Context, _ script.None, a clockUTCArgs) (string, error) {
				return stdlib.FormatTime(time.Now().UTC(), a.Format)
			}).With(`local release = clock.utc("%Y%m%d-%H%M%S")`),
		script.Func("now", script.Pure, "Return the seconds since 1970, with a fraction.",
			func(context.Context, script.None, noArgs) (float64, error) {
				return float64(time.Now().UnixMicro()) / 1e6, nil
			}).With(`local began = clock.now()`),
	}}
}
