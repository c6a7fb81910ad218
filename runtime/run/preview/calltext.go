package preview

import (
	"fmt"
	"reflect"
	"strings"

	"runbook/runtime/script"
	"runbook/runtime/script/types"
	"runbook/runtime/ssh/shell/typed"
)

// CallText writes a call as a recipe would write it, without arguments that have their defaults. A
// command is written as typed in a shell:
//
//	host.fs:symlink("/srv/app/releases/x", "/srv/app/current")
//	rm -rf /srv/app/x { cwd = "/srv" }
//
// hide replaces secrets before a text is cut: half a secret is not recognised.
func CallText(call script.Call, hide func(string) string) string {
	var args, options []string
	command := ""
	for _, a := range call.Arguments() {
		switch {
		case a.Name == "secret" || a.Name == "stdin": // not to be shown, or too long
		case call.Name == "host:file" && (a.Name == "text" || a.Name == "values"):
		case a.Name == "text" && call.Name == "host.fs:write": // may be private; the plan shows what may be shown
			args = append(args, fmt.Sprintf("%d bytes", len(a.Value.(string))))
		case a.Type.Kind == types.File:
			command = a.Value.(script.File).Name
		case a.Type.Kind == types.Words:
			command = typed.Line(append([]string{command}, a.Value.(script.Words)...), hide)
		case a.Command:
			command = commandText(reflect.ValueOf(a.Value), hide)
		case a.Positional:
			if !a.Omitted || !a.Optional && a.Type.Kind != types.Function {
				args = append(args, script.Short(a.Value, hide))
			}
		case !a.Omitted:
			options = append(options, a.Name+" = "+script.Short(a.Value, hide))
		}
	}
	if len(options) > 0 {
		args = append(args, "{ "+strings.Join(options, ", ")+" }")
	}
	if command != "" {
		return strings.Join(append([]string{command}, args...), " ")
	}
	return call.Name + "(" + strings.Join(args, ", ") + ")"
}

// commandText writes a command, which is a struct of a script or a list of words, as typed in a
// shell.
func commandText(v reflect.Value, hide func(string) string) string {
	var text string
	for i := range v.NumField() {
		switch f := v.Field(i); {
		case f.IsZero():
		case f.Kind() == reflect.String:
			text = f.String()
		case f.Kind() == reflect.Slice:
			words := make([]string, f.Len())
			for j := range words {
				words[j] = f.Index(j).String()
			}
			text = typed.Line(words, hide)
		}
	}
	line, _, more := strings.Cut(strings.TrimSpace(hide(text)), "\n")
	if more {
		line += " …"
	}
	return line
}
