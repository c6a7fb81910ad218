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
	Options map[string]optionDeclared `lua:"options" doc:"the recipe's options, each NAME = { DEFAULT, \"help\", type =, choices =, min =, max =, required = }, which becomes a flag"`
}

// optionDeclared is NAME = { DEFAULT, "help", … } within the options of recipe{ … } and within what validate(…) takes.
type optionDeclared struct {
	Default  any             `lua:"[1]" doc:"the default, which also states the type: a string, a number, true or false, or a list of strings"`
	Help     string          `lua:"[2]" doc:"what the option is for, in a line"`
	Type     string          `lua:"type" doc:"the type, where the default doesn't state it: one or several of Kind, as integer|percent"`
	Choices  []any           `lua:"choices" doc:"the only values that are right; of a list the only items, of a table the only names"`
	Min      *float64        `lua:"min" doc:"the least number that is right"`
	Max      *float64        `lua:"max" doc:"the greatest number that is right"`
	Required bool            `lua:"required" doc:"must be given: an option on the command line or in every host's vars, a setting in its table"`
	Check    script.Callback `lua:"check" doc:"for validate: function(value, all) is called with a value of the right type and returns what is wrong with it, or nil"`
}

var optionName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// options checks what a recipe declares and returns it sorted by name, never nil.
func (a recipeArgs) options() ([]Option, error) {
	opts, err := declaredOptions(a.Options)
	if err != nil {
		return nil, err
	}
	for _, o := range opts {
		switch {
		case !slices.ContainsFunc(o.Kinds, Kind.typed):
			return nil, fmt.Errorf("option %s: a flag can't be %s", o.Name, o.words(nil))
		case !a.Options[o.Name].Check.IsZero():
			return nil, fmt.Errorf("option %s: check is for validate", o.Name)
		}
	}
	return opts, nil
}

// declaredOptions checks declarations and returns them sorted by name, never nil.
func declaredOptions(declared map[string]optionDeclared) ([]Option, error) {
	opts := []Option{}
	for name, d := range declared {
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
	var err error
	if o.Kinds, err = d.kinds(); err != nil {
		return o, err
	}
	if (o.Min != nil || o.Max != nil) && !o.Is(Integer) && !o.Is(Number) {
		return o, fmt.Errorf("min and max are for numbers, and this is %s", o.words(nil))
	}
	// An empty default stands for "not given", which no choice needs to allow.
	if d.Default == nil || d.Default == "" || o.Required {
		o.Default = d.Default
		return o, nil
	}
	if o.Default, err = o.accept(d.Default); err != nil {
		return o, fmt.Errorf("default: %w", err)
	}
	return o, nil
}

// kinds are those that the type states, or else the default.
func (d optionDeclared) kinds() ([]Kind, error) {
	if d.Type != "" {
		return parseKinds(d.Type)
	}
	switch v := d.Default.(type) {
	case nil, string:
		return []Kind{String}, nil
	case bool:
		return []Kind{Boolean}, nil
	case float64:
		if v == math.Trunc(v) {
			return []Kind{Integer}, nil
		}
		return []Kind{Number}, nil
	case script.Table:
		return []Kind{List}, nil
	}
	return nil, fmt.Errorf("a default is a string, a number, true or false, or a list of strings; type states another")
}
