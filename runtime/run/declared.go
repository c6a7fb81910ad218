package run

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"

	"runbook/runtime/script"
)

// recipeArgs is what recipe{ … } takes.
type recipeArgs struct {
	Summary string                    `lua:"summary" doc:"what the recipe does, in a line, for --help"`
	Hosts   string                    `lua:"hosts" doc:"the hosts file to use without --hosts: \"production\" is hosts/production.lua"`
	Options map[string]optionDeclared `lua:"options" doc:"the recipe's options by name; each becomes a flag"`
}

// optionDeclared is NAME = { DEFAULT, "help", … } within options.
type optionDeclared struct {
	Default  any      `lua:"[1]" doc:"the default, which also states the type: a string, a number, true or false, or a list of strings"`
	Help     string   `lua:"[2]" doc:"what the option is for, in a line"`
	Choices  []any    `lua:"choices" doc:"the only values that are right"`
	Min      *float64 `lua:"min" doc:"the least number that is right"`
	Max      *float64 `lua:"max" doc:"the greatest number that is right"`
	Required bool     `lua:"required" doc:"must be given on the command line or in every host's vars"`
}

var optionName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// options checks what a recipe declares and returns it sorted by name, never nil.
func (a recipeArgs) options() ([]Option, error) {
	opts := []Option{}
	for name, d := range a.Options {
		o, err := d.option(name)
		if err != nil {
			return nil, fmt.Errorf("option %s: %w", name, err)
		}
		opts = append(opts, o)
	}
	slices.SortFunc(opts, func(a, b Option) int { return strings.Compare(a.Name, b.Name) })
	return opts, nil
}

func (d optionDeclared) option(name string) (Option, error) {
	o := Option{Name: name, Help: d.Help, Min: d.Min, Max: d.Max, Required: d.Required}
	if !optionName.MatchString(name) {
		return o, fmt.Errorf("a name has small letters, digits and _, and begins with a letter")
	}
	for _, c := range d.Choices {
		switch c.(type) {
		case string, float64:
			o.Choices = append(o.Choices, o.Text(c))
		default:
			return o, fmt.Errorf("choices are strings or numbers, got %v", c)
		}
	}
	switch v := d.Default.(type) {
	case nil, string:
		o.Kind, o.Default = String, v
	case bool:
		o.Kind, o.Default = Boolean, v
	case float64:
		o.Kind, o.Default = Number, v
		if v == math.Trunc(v) {
			o.Kind = Integer
		}
	case script.Table:
		list := []string{}
		if err := script.Decode(v, &list); err != nil {
			return o, fmt.Errorf("a list as default holds strings: %w", err)
		}
		o.Kind, o.Default = List, list
	default:
		return o, fmt.Errorf("a default is a string, a number, true or false, or a list of strings")
	}
	if (o.Min != nil || o.Max != nil) && o.Kind != Integer && o.Kind != Number {
		return o, fmt.Errorf("min and max are for numbers; the default makes it %s", o.Kind.article())
	}
	// An empty default stands for "not given", which no choice needs to allow.
	if o.Required || o.Default == nil || o.Default == "" {
		return o, nil
	}
	if _, err := o.check(o.Default); err != nil {
		return o, fmt.Errorf("default: %w", err)
	}
	return o, nil
}
