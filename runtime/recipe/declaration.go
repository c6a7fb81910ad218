package recipe

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"

	"runbook/runtime/script"
)

// Declaration is the argument of recipe{ … }.
type Declaration struct {
	Summary string                       `lua:"summary" doc:"what the recipe does, in a line, for --help"`
	Hosts   string                       `lua:"hosts" doc:"the hosts file without --hosts: \"production\" is hosts/production.lua"`
	Runbook *string                      `lua:"runbook" doc:"the versions of runbook that can run the recipe, such as \">= 1.2\" or \">= 1.2, < 2\"; a development build, which has no version, can run any"`
	Options map[string]OptionDeclaration `lua:"options" doc:"the recipe's options, each NAME = { DEFAULT, \"help\", type =, choices =, min =, max =, required =, secret =, complete =, lab = }, which becomes a flag"`
	Columns []string                     `lua:"columns" doc:"the columns of host:result that come first in the last table; runbook log shows them for the run"`
}

// OptionDeclaration is NAME = { DEFAULT, "help", … } in the options of recipe{ … }, or in the
// argument of validate(…).
type OptionDeclaration struct {
	Default  any             `lua:"[1]" doc:"the default, which also gives the type: a string, a number, true or false, or a list of strings"`
	Help     string          `lua:"[2]" doc:"what the option is for, in a line"`
	Type     string          `lua:"type" doc:"the type, where the default doesn't give it: one or several, as integer|percent"`
	Choices  []any           `lua:"choices" doc:"the only valid values; of a list the only valid items, of a table the only valid names"`
	Min      *float64        `lua:"min" doc:"the least valid number"`
	Max      *float64        `lua:"max" doc:"the greatest valid number"`
	Required bool            `lua:"required" doc:"must be given: an option on the command line or in every host's vars, a setting in its table"`
	Secret   bool            `lua:"secret" doc:"the value, a text or a list of texts, is hidden in everything that shows or records a run, and in the commands that it prints; of an option it is best given by its variable"`
	Complete []string        `lua:"complete" doc:"the columns of host:result whose values in past runs the shell completes, such as { \"release\" }"`
	Lab      any             `lua:"lab" doc:"the value in tests of recipes that leave the option out; {repo}, {branch}, {key}, {wsgi}, {requirements}, {wheels}, {python} and {mod_wsgi_express} are those of the lab"`
	Check    script.Callback `lua:"check" doc:"for validate: function(value, all) gets a value of a valid type and returns what is wrong with it, or nil"`
}

var optionName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// Parse validates the declared options and returns them sorted by name, never nil.
func (d Declaration) Parse() ([]Option, error) {
	opts, err := parseOptions(d.Options)
	if err != nil {
		return nil, err
	}
	for _, o := range opts {
		switch {
		case !slices.ContainsFunc(o.Kinds, Kind.isFlag):
			return nil, fmt.Errorf("option %s: a flag can't be %s", o.Name, o.kindWords(nil))
		case !d.Options[o.Name].Check.IsZero():
			return nil, fmt.Errorf("option %s: check is for validate", o.Name)
		}
	}
	return opts, nil
}

// parseOptions validates declarations and returns them sorted by name, never nil.
func parseOptions(declared map[string]OptionDeclaration) ([]Option, error) {
	opts := []Option{}
	for name, d := range declared {
		o, err := d.parse(name)
		if err != nil {
			return nil, fmt.Errorf("option %s: %w", name, err)
		}
		opts = append(opts, o)
	}
	slices.SortFunc(opts, func(a, b Option) int { return strings.Compare(a.Name, b.Name) })
	return opts, nil
}

func (d OptionDeclaration) parse(name string) (Option, error) {
	o := Option{Name: name, Help: d.Help, Min: d.Min, Max: d.Max, Required: d.Required, Secret: d.Secret,
		Complete: d.Complete}
	if !optionName.MatchString(name) {
		return o, errors.New("a name has small letters, digits and _, and begins with a letter")
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
	if d.Lab != nil {
		if o.Lab, err = labTexts(d.Lab); err != nil {
			return o, fmt.Errorf("lab: %w", err)
		}
	}
	if o.Secret && (len(o.Complete) > 0 || len(o.Choices) > 0 || !o.Is(String) && !o.Is(List)) {
		return o, errors.New("secret is for a string or a list of strings without choices and complete")
	}
	if len(o.Complete) > 0 && (len(o.Choices) > 0 || o.Is(Boolean)) {
		return o, errors.New("complete is for an option without choices: the shell completes those")
	}
	if (o.Min != nil || o.Max != nil) && !o.Is(Integer) && !o.Is(Number) {
		return o, fmt.Errorf("min and max are for numbers, and this is %s", o.kindWords(nil))
	}
	// An empty default means "not given"; the choices need not include it.
	if d.Default == nil || d.Default == "" || o.Required {
		o.Default = d.Default
		return o, nil
	}
	if o.Default, err = o.accept(d.Default); err != nil {
		return o, fmt.Errorf("default: %w", err)
	}
	return o, nil
}

// labTexts returns a value for tests as texts of the command line, one per item of a list.
func labTexts(value any) ([]string, error) {
	table, isList := value.(script.Table)
	if !isList {
		table.List = []any{value}
	}
	texts := []string{}
	for _, item := range table.List {
		switch item := item.(type) {
		case string, float64, bool:
			texts = append(texts, Option{}.Text(item))
		default:
			return nil, fmt.Errorf("want a string, a number, true or false, or a list of strings, got %s",
				script.Describe(item))
		}
	}
	return texts, nil
}

// kinds returns the kinds in type, or else the default's.
func (d OptionDeclaration) kinds() ([]Kind, error) {
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
	return nil, errors.New("a default is a string, a number, true or false, or a list of strings; for another, give " +
		"its type")
}
