package run

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"runbook/runtime/script"
	"runbook/runtime/ssh"
)

// callText is a call as a recipe would write it, without what was left at its default, but for a command, which reads
// as one would type it:
//
//	host.fs:symlink("/srv/app/releases/x", "/srv/app/current")
//	rm -rf /srv/app/x { cwd = "/srv" }
//
// Secrets stay out of it: hide is given every text before it is cut, since half a secret is not known for what it is.
func callText(call script.Call, hide func(string) string) string {
	args := reflect.ValueOf(call.Args)
	var positional, named []string
	command := ""
	for i := range args.NumField() {
		f, v := args.Type().Field(i), args.Field(i)
		words := strings.Split(f.Tag.Get("lua"), ",")
		isDefault := v.IsZero() || fmt.Sprint(v) == f.Tag.Get("default")
		switch {
		case words[0] == "secret" || words[0] == "stdin": // what must not be shown, and what is too long to
		case f.Type == reflect.TypeFor[script.Callback]():
			if !v.IsZero() {
				positional = append(positional, "function")
			}
		case words[0] == "cmd" && v.Kind() == reflect.Struct:
			command = commandText(v, hide)
		case slices.Contains(words, "arg"):
			if !v.IsZero() || !slices.Contains(words, "optional") {
				positional = append(positional, luaText(v, hide))
			}
		case !isDefault:
			named = append(named, words[0]+" = "+luaText(v, hide))
		}
	}
	if len(named) > 0 {
		positional = append(positional, "{ "+strings.Join(named, ", ")+" }")
	}
	if command != "" {
		return strings.Join(append([]string{command}, positional...), " ")
	}
	return call.Name + "(" + strings.Join(positional, ", ") + ")"
}

// commandText is a command, a struct of a script or a list of words, as one would type it.
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
			text = ssh.Show(words, hide)
		}
	}
	line, _, more := strings.Cut(strings.TrimSpace(hide(text)), "\n")
	if more {
		line += " …"
	}
	return line
}

// luaText is a Go value as Lua would write it, in short.
func luaText(v reflect.Value, hide func(string) string) string {
	if !v.IsValid() {
		return "nil"
	}
	if v.CanInterface() { // the fields of a command are the ssh package's own
		switch x := v.Interface().(type) {
		case time.Duration:
			return strconv.Quote(x.String())
		case fmt.Stringer:
			return x.String()
		}
	}
	switch v.Kind() {
	case reflect.String:
		return strconv.Quote(shorten(hide(v.String())))
	case reflect.Slice:
		var items []string
		for i := range v.Len() {
			items = append(items, luaText(v.Index(i), hide))
		}
		return "{ " + strings.Join(items, ", ") + " }"
	case reflect.Map:
		var items []string
		for _, k := range v.MapKeys() {
			items = append(items, k.String()+" = "+luaText(v.MapIndex(k), hide))
		}
		slices.Sort(items)
		return "{ " + strings.Join(items, ", ") + " }"
	case reflect.Interface, reflect.Pointer:
		if v.IsNil() {
			return "nil"
		}
		return luaText(v.Elem(), hide)
	case reflect.Struct:
		return structText(v, hide)
	}
	return fmt.Sprint(v)
}

// structText is a table of the fields that are set.
func structText(v reflect.Value, hide func(string) string) string {
	var items []string
	for i := range v.NumField() {
		if name := strings.Split(v.Type().Field(i).Tag.Get("lua"), ",")[0]; name != "" && !v.Field(i).IsZero() {
			items = append(items, name+" = "+luaText(v.Field(i), hide))
		}
	}
	return "{ " + strings.Join(items, ", ") + " }"
}

// shorten keeps a file's content from filling the screen.
func shorten(text string) string {
	const most = 200
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}
