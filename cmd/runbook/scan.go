package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"runbook/runtime/script/spell"
)

// line is a command line split into options and arguments, in any order. urfave/cli stops at the
// first argument, so this comes before it.
type line struct {
	options []typedOption
	args    []string
	help    bool           // --help was typed; after an unknown option it may be a value
	ended   bool           // the next word is an argument, even if it begins with a dash
	open    *typedOption   // the last option, when its value is missing
	unknown *unknownOption // the first undeclared option, or nil; the rest is split as if it took no value
}

// typedOption is an option as it was typed: "--hosts" and "web1", or "--hosts=web1".
type typedOption struct {
	*flagSpec
	words []string
}

// text returns the value as it was typed. For a switch without a value it returns true.
func (o typedOption) text() string {
	if len(o.words) > 1 {
		return o.words[1]
	}
	if _, text, ok := strings.Cut(o.words[0], "="); ok {
		return text
	}
	return "true"
}

// isSecret reports whether the option's value must not be shown.
func (o typedOption) isSecret() bool { return o.option != nil && o.option.Secret }

// unknownOption is an option that no flag declares. It may be the recipe's own.
type unknownOption struct {
	word string
	rest []string // the words from the option on
	seen line     // the words before it
}

// scan splits the words after a command's name. Every word after "--" is an argument; with
// argumentEnds, so is every word after the first argument.
func scan(flags []flagSpec, argumentEnds bool, words []string) line {
	var l line
	known := byName(flags)
	for i := 0; i < len(words); i++ {
		word := words[i]
		if word == "--" {
			l.args, l.ended = append(l.args, words[i+1:]...), true
			break
		}
		if !isOption(word) {
			l.args = append(l.args, word)
			if argumentEnds {
				l.args, l.ended = append(l.args, words[i+1:]...), true
				break
			}
			continue
		}
		name, _, hasValue := strings.Cut(strings.TrimLeft(word, "-"), "=")
		f, ok := known[name]
		switch {
		case name == "help" || name == "h":
			l.help = true
		case !ok && l.unknown == nil:
			l.unknown = &unknownOption{word, words[i:], l}
		case !ok:
		case hasValue || !f.takesValue():
			l.options = append(l.options, typedOption{f, words[i : i+1]})
		case i+1 < len(words):
			l.options = append(l.options, typedOption{f, words[i : i+2]})
			i++
		default:
			l.open = &typedOption{f, words[i:]}
		}
	}
	return l
}

// resume splits a line again from its first unknown option on, now that more flags are known.
func (l line) resume(flags []flagSpec) line {
	if l.unknown == nil {
		return l
	}
	seen := l.unknown.seen
	rest := scan(flags, false, l.unknown.rest)
	rest.options = slices.Concat(seen.options, rest.options)
	rest.args = slices.Concat(seen.args, rest.args)
	rest.help = seen.help || rest.help
	return rest
}

// validate returns an error for an option that flags do not declare, with the nearest one that they
// do, and for a missing value.
func (l line) validate(flags []flagSpec) error {
	switch {
	case l.unknown == nil && l.open == nil:
		return nil
	case l.unknown == nil:
		return fmt.Errorf("%s needs a value", l.open.words[0])
	}
	names := []string{"help"}
	for _, f := range flags {
		names = append(names, f.name)
	}
	shown, _, _ := strings.Cut(l.unknown.word, "=")
	text := "unknown option " + shown
	if near := spell.Nearest(strings.TrimLeft(shown, "-"), names); near != "" {
		text += fmt.Sprintf(" (did you mean --%s?)", near)
	}
	return errors.New(text)
}

// has reports whether an option was typed.
func (l line) has(name string) bool {
	return slices.ContainsFunc(l.options, func(o typedOption) bool { return o.name == name })
}

// isOption reports whether a word is an option. A lone dash is an argument.
func isOption(word string) bool { return strings.HasPrefix(word, "-") && word != "-" }
