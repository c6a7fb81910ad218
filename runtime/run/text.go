package run

import (
	"context"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"runbook/runtime/script"
	"runbook/runtime/ssh"
)

type templateArgs struct {
	Text   string         `lua:"text,arg" doc:"text with {{name}} in it"`
	Values map[string]any `lua:"values,arg" doc:"what to put for each name: a string, a number, true or false"`
}

var placeholder = regexp.MustCompile(`\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}`)

// templatePrimitive is template(text, values).
func templatePrimitive() script.Primitive {
	return script.Func("template", script.Pure, "Returns text with every {{name}} replaced by its value. A name that is not in values is an error.",
		func(_ context.Context, _ script.None, a templateArgs) (string, error) {
			var failed error
			text := placeholder.ReplaceAllStringFunc(a.Text, func(match string) string {
				name := placeholder.FindStringSubmatch(match)[1]
				v, ok := a.Values[name]
				if !ok && failed == nil {
					failed = fmt.Errorf("there is no value for {{%s}}%s", name, script.DidYouMean(name, slices.Sorted(maps.Keys(a.Values))))
				}
				value, err := cell(v)
				if err != nil && failed == nil {
					failed = fmt.Errorf("%s: %w", name, err)
				}
				return value
			})
			return text, failed
		}).With(`template("Listen {{port}}\n", { port = options.port })`)
}

type quoteArgs struct {
	Value string `lua:"value,arg" doc:"any text without a NUL byte"`
}

// quotePrimitive is quote(value).
func quotePrimitive() script.Primitive {
	return script.Func("quote", script.Pure, "Returns a value as one word for /bin/sh. A command that is a list needs no quoting.",
		func(_ context.Context, _ script.None, a quoteArgs) (string, error) { return ssh.Quote(a.Value) }).
		With(`host:run("wc -l " .. quote(path) .. " | tee lines")`)
}

type envArgs struct {
	Name    string  `lua:"name,arg" doc:"the environment variable"`
	Default *string `lua:"default,arg,optional" doc:"what to return when it is not set; nil without"`
}

// envPrimitive is env(name, default).
func (r *runner) envPrimitive() script.Primitive {
	return script.Func("env", script.Pure, "Returns an environment variable of runbook's own, or the default when it is not set. For check, --help and completion none is read, as if it were not set.",
		func(_ context.Context, _ script.None, a envArgs) (*string, error) {
			lookup := os.LookupEnv
			if r.placeholders != nil {
				lookup = r.placeholders.env
			}
			value, ok := lookup(a.Name)
			if ok && (r.placeholders == nil || a.Default == nil) {
				return &value, nil
			}
			return a.Default, nil
		}).With(`local editor = env("EDITOR", "vi")`)
}

type clockUTCArgs struct {
	Format string `lua:"format,arg,optional" doc:"%Y %m %d %H %M %S %j %y %b %a %% and any other text" default:"%Y-%m-%dT%H:%M:%SZ"`
}

type noArgs struct{}

// clockModule is clock.utc and clock.now.
func clockModule() script.Module {
	return script.Module{Name: "clock", Doc: "the time on this machine", Primitives: []script.Primitive{
		script.Func("utc", script.Pure, "Returns the time in UTC, by a format such as strftime's. An unknown letter is an error.",
			func(_ context.Context, _ script.None, a clockUTCArgs) (string, error) {
				return strftime(time.Now().UTC(), a.Format)
			}).With(`local release = clock.utc("%Y%m%d-%H%M%S")`),
		script.Func("now", script.Pure, "Returns the seconds since 1970, as a number with a fraction.",
			func(context.Context, script.None, noArgs) (float64, error) {
				return float64(time.Now().UnixMicro()) / 1e6, nil
			}).With(`local began = clock.now()`),
	}}
}

// strftime knows the letters that a folder's name or a log line needs.
func strftime(t time.Time, format string) (string, error) {
	layouts := map[byte]string{'Y': "2006", 'm': "01", 'd': "02", 'H': "15", 'M': "04", 'S': "05", 'j': "002", 'y': "06", 'b': "Jan", 'a': "Mon"}
	var out strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			out.WriteByte(format[i])
			continue
		}
		i++
		switch {
		case i == len(format):
			return "", fmt.Errorf("format %q ends in %%; write %%%% for the character itself", format)
		case format[i] == '%':
			out.WriteByte('%')
		case layouts[format[i]] == "":
			return "", fmt.Errorf("format %q: unknown %%%c; known are %%Y %%m %%d %%H %%M %%S %%j %%y %%b %%a %%%%", format, format[i])
		default:
			out.WriteString(t.Format(layouts[format[i]]))
		}
	}
	return out.String(), nil
}
