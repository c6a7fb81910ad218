package recipe

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"runbook/runtime/event"
	"runbook/runtime/inventory"
	"runbook/runtime/script/spell"
)

// Values are the values of a recipe's options in a run. A value that was given, by a flag or an
// environment variable, applies to every host. Otherwise a host's vars override the default.
type Values struct {
	Common map[string]any // by option name

	options []Option
	hosts   map[string]map[string]any // host name → option name → value; not for options that were given
}

// NewValues parses the options as given (option name → one text, or for a list one per item) and
// the vars of the hosts. Vars that are no options are left to the recipe.
func NewValues(options []Option, given map[string][]string, hosts []inventory.Host) (v Values, err error) {
	v = Values{options: options, Common: map[string]any{}, hosts: map[string]map[string]any{}}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if _, ok := v.Option(name); !ok {
			return v, fmt.Errorf("the recipe has no option %q%s", name, spell.DidYouMean(name, v.Names()))
		}
	}
	for _, o := range options {
		v.Common[o.Name] = o.Default
		raw, isGiven := given[o.Name]
		if isGiven {
			if v.Common[o.Name], err = o.Parse(raw); err != nil {
				return v, fmt.Errorf("--%s: %w", o.Flag(), o.withoutValue(err))
			}
		}
		inAllVars, err := v.readVars(o, hosts)
		if err != nil {
			return v, err
		}
		if o.Required && !isGiven && !inAllVars {
			return v, fmt.Errorf("--%s is required: %s", o.Flag(), o.Help)
		}
		if isGiven {
			for _, values := range v.hosts {
				delete(values, o.Name)
			}
		}
	}
	return v, nil
}

// readVars reads an option from the vars of the hosts. all reports whether every host has it.
func (v Values) readVars(o Option, hosts []inventory.Host) (all bool, err error) {
	all = len(hosts) > 0
	for _, h := range hosts {
		inVars, ok := h.Vars[o.Name]
		if !ok {
			all = false
			continue
		}
		value, err := o.accept(inVars)
		if err != nil {
			return false, fmt.Errorf("host %s (%s): vars.%s: %w", h.Name, h.Source, o.Name, o.withoutValue(err))
		}
		if v.hosts[h.Name] == nil {
			v.hosts[h.Name] = map[string]any{}
		}
		v.hosts[h.Name][o.Name] = value
	}
	return all, nil
}

// Option returns the option of that name.
func (v Values) Option(name string) (Option, bool) {
	i := slices.IndexFunc(v.options, func(o Option) bool { return o.Name == name })
	if i < 0 {
		return Option{}, false
	}
	return v.options[i], true
}

// Names returns the names of all options.
func (v Values) Names() []string {
	var names []string
	for _, o := range v.options {
		names = append(names, o.Name)
	}
	return names
}

// Get returns an option's value on the host of ctx.
func (v Values) Get(ctx context.Context, name string) (any, error) {
	if _, ok := v.Option(name); !ok {
		return nil, fmt.Errorf("the recipe declares no option %q%s", name, spell.DidYouMean(name, v.Names()))
	}
	if value, ok := v.hosts[event.Host(ctx)][name]; ok {
		return value, nil
	}
	return v.Common[name], nil
}

// Setting is the value of an option on a host.
type Setting struct {
	Option
	Value any
	From  string // where the value comes from
}

// On returns every option's value on a host, sorted by name, and its source. given has the sources
// of the options that were given, and defaults those of options whose default is set in a file.
func (v Values) On(h inventory.Host, given map[string]string, defaults map[string]Origin) []Setting {
	settings := make([]Setting, len(v.options))
	for i, o := range v.options {
		s := Setting{o, v.Common[o.Name], "default"}
		own, inVars := v.hosts[h.Name][o.Name]
		origin, isSet := defaults[o.Name]
		switch {
		case given[o.Name] != "":
			s.From = given[o.Name]
		case inVars:
			s.Value, s.From = own, h.Source+", vars"
		case isSet && origin.Function:
			s.Value, s.From = "a function", origin.Place
		case isSet:
			s.From = origin.Place
		}
		if s.From == origin.Place && origin.Stage {
			s.From += ", stage"
		}
		s.Value = o.Shown(s.Value)
		settings[i] = s
	}
	return settings
}
