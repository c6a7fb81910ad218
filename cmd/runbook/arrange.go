package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"runbook/runtime/run"
)

// arranged are the arguments of a command, told apart: urfave/cli stops to look for options at the first
// argument that is none.
type arranged struct {
	flags []string
	args  []string
	help  bool
}

// arrange tells options and arguments apart, wherever they stand. An option that is not among flags is an error
// with the nearest one that is. Everything after "--" is an argument, and with wordsFollow everything after the
// first argument.
func arrange(flags []cli.Flag, args []string, wordsFollow bool) (arranged, error) {
	var out arranged
	known := flagsByName(flags)
	for i := 0; i < len(args); i++ {
		arg := args[i]
		switch {
		case arg == "--":
			out.args = append(out.args, args[i+1:]...)
			return out, nil
		case !isOption(arg):
			if out.args = append(out.args, arg); wordsFollow {
				out.args = append(out.args, args[i+1:]...)
				return out, nil
			}
			continue
		}
		name, _, hasValue := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		if name == "help" || name == "h" {
			out.help = true
			continue
		}
		f, ok := known[name]
		if !ok {
			return out, unknownOption(arg, name, flags)
		}
		out.flags = append(out.flags, arg)
		if hasValue || !takesValue(f) {
			continue
		}
		if i++; i == len(args) {
			return out, fmt.Errorf("%s needs a value", arg)
		}
		out.flags = append(out.flags, args[i])
	}
	return out, nil
}

// arguments returns what may be an argument when only some of the flags are known: every word that is neither an
// option nor the value of a known one.
func arguments(flags []cli.Flag, args []string) []string {
	known := flagsByName(flags)
	var out []string
	for i := 0; i < len(args); i++ {
		if args[i] == "--" {
			return append(out, args[i+1:]...)
		}
		if !isOption(args[i]) {
			out = append(out, args[i])
			continue
		}
		name, _, hasValue := strings.Cut(strings.TrimLeft(args[i], "-"), "=")
		if f, ok := known[name]; ok && !hasValue && takesValue(f) {
			i++
		}
	}
	return out
}

// asksForHelp reports whether the words ask for help. It runs before the recipe's own options are known.
func asksForHelp(args []string) bool {
	for _, arg := range args {
		switch {
		case arg == "--":
			return false
		case isOption(arg) && slices.Contains([]string{"help", "h"}, strings.TrimLeft(arg, "-")):
			return true
		}
	}
	return false
}

// isOption tells an option from an argument. A lone dash is an argument.
func isOption(arg string) bool { return strings.HasPrefix(arg, "-") && arg != "-" }

func flagsByName(flags []cli.Flag) map[string]cli.Flag {
	known := map[string]cli.Flag{}
	for _, f := range flags {
		for _, name := range f.Names() {
			known[name] = f
		}
	}
	return known
}

func takesValue(f cli.Flag) bool {
	if g, ok := f.(*cli.GenericFlag); ok {
		if v, ok := g.Value.(*recipeValue); ok {
			return !v.IsBoolFlag()
		}
	}
	d, ok := f.(cli.DocGenerationFlag)
	return ok && d.TakesValue()
}

func unknownOption(arg, name string, flags []cli.Flag) error {
	names := []string{"help"}
	for _, f := range flags {
		names = append(names, f.Names()[0])
	}
	shown, _, _ := strings.Cut(arg, "=")
	text := "unknown option " + shown
	if near := run.Nearest(name, names); near != "" {
		text += fmt.Sprintf(" (did you mean --%s?)", near)
	}
	return errors.New(text)
}
