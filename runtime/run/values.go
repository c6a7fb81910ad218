package run

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"runbook/runtime/event"
	"runbook/runtime/inventory"
	"runbook/runtime/script"
)

// values holds every option's value for a run: the same for all hosts, but for what a host's vars override.
type values struct {
	options []Option
	common  map[string]any
	hosts   map[string]map[string]any // host name → option name → value
}

// newValues reads the flags as given (option name → one string, or for a list one a time) and the hosts' vars.
// Vars that are no option are the recipe's own business. warnings name each flag that a host's vars overrule.
func newValues(options []Option, given map[string][]string, hosts []inventory.Host) (v values, warnings []string, err error) {
	v = values{options: options, common: map[string]any{}, hosts: map[string]map[string]any{}}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if _, ok := v.option(name); !ok {
			return v, nil, fmt.Errorf("the recipe has no option %q%s", name, script.DidYouMean(name, v.names()))
		}
	}
	for _, o := range options {
		v.common[o.Name] = o.Default
		raw, isGiven := given[o.Name]
		if isGiven {
			if v.common[o.Name], err = o.Parse(raw); err != nil {
				return v, nil, fmt.Errorf("--%s: %w", o.Flag(), err)
			}
		}
		missing, overruled := len(hosts) == 0, ""
		for _, h := range hosts {
			inVars, ok := h.Vars[o.Name]
			if !ok {
				missing = true
				continue
			}
			value, err := o.accept(inVars)
			if err != nil {
				return v, nil, fmt.Errorf("host %s (%s): vars.%s: %w", h.Name, h.Source, o.Name, err)
			}
			if v.hosts[h.Name] == nil {
				v.hosts[h.Name] = map[string]any{}
			}
			v.hosts[h.Name][o.Name] = value
			if isGiven && !reflect.DeepEqual(value, v.common[o.Name]) {
				overruled += " " + h.Name + " (" + o.Text(value) + ")"
			}
		}
		if o.Required && !isGiven && missing {
			return v, nil, fmt.Errorf("--%s is required: %s", o.Flag(), o.Help)
		}
		if overruled != "" {
			warnings = append(warnings, fmt.Sprintf("--%s %s is overruled by the vars of%s", o.Flag(), o.Text(v.common[o.Name]), overruled))
		}
	}
	return v, warnings, nil
}

func (v values) option(name string) (Option, bool) {
	i := slices.IndexFunc(v.options, func(o Option) bool { return o.Name == name })
	if i < 0 {
		return Option{}, false
	}
	return v.options[i], true
}

func (v values) names() []string {
	var names []string
	for _, o := range v.options {
		names = append(names, o.Name)
	}
	return names
}

// get is an option's value on the host that ctx is about.
func (v values) get(ctx context.Context, name string) (any, error) {
	if _, ok := v.option(name); !ok {
		return nil, fmt.Errorf("the recipe declares no option %q%s", name, script.DidYouMean(name, v.names()))
	}
	if value, ok := v.hosts[event.Host(ctx)][name]; ok {
		return value, nil
	}
	return v.common[name], nil
}
