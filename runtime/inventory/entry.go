package inventory

import (
	"fmt"
	"maps"
	"slices"

	"runbook/runtime/event"
	"runbook/runtime/inventory/selection"
	"runbook/runtime/script"
)

// entry is a host as written. Zero values were not given.
type entry struct {
	name       string
	address    string
	port       int
	user       string
	identities []string
	jump       string
	proxy      *command
	foreign    bool   // named by ssh_config only: the defaults of the hosts file do not apply
	defaults   *entry // of the hosts file that it is in; nil without one
	tags       []string
	vars       map[string]any
	secrets    []string // the texts of secret vars
	hostKey    string
	knownHosts []string
	sudo       string
	source     string // see Host.Source
	place      string // its position, for errors: "line 3", "host 2"
	label      string // the beginning of errors about it: "hosts.txt:3", "hosts.lua:7: host 2 (web2)"
}

// list holds the hosts of one source.
type list struct {
	source   string
	defaults entry // a hosts file's settings for all hosts
	entries  []entry
}

// withDefaults returns e with defaults for what it leaves out.
func (e entry) withDefaults(defaults entry) entry {
	if e.port == 0 {
		e.port = defaults.port
	}
	if e.user == "" {
		e.user = defaults.user
	}
	if e.identities == nil {
		e.identities = defaults.identities
	}
	// A host of the file that is also the default jump is reached directly.
	if e.jump == "" && e.proxy == nil && !hasHop(defaults.jump, e.name) {
		e.jump, e.proxy = defaults.jump, defaults.proxy
	}
	if e.tags == nil {
		e.tags = defaults.tags
	}
	vars := map[string]any{}
	maps.Copy(vars, defaults.vars)
	maps.Copy(vars, e.vars)
	e.vars = vars
	if e.hostKey == "" {
		e.hostKey = defaults.hostKey
	}
	if e.knownHosts == nil {
		e.knownHosts = defaults.knownHosts
	}
	if e.sudo == "" {
		e.sudo = defaults.sudo
	}
	return e
}

func (l list) checkNames() error {
	first := map[string]entry{}
	for _, e := range l.entries {
		if other, ok := first[e.name]; ok {
			err := fmt.Errorf("%s: duplicate name %q, also used by %s", e.label, e.name, other.place)
			return event.WithHint(err,
				"give every host its own name; in a hosts file: { name = \"…\", address = \"…\" }")
		}
		first[e.name] = e
	}
	return nil
}

// find returns the host with this name.
func (l list) find(name string) (entry, bool) {
	for _, e := range l.entries {
		if e.name == name {
			return e, true
		}
	}
	return entry{}, false
}

// choose returns the entries that --only, --except and --shard select, in their own order.
func (l list) choose(o selection.Options) ([]entry, error) {
	hosts := make([]selection.Host, len(l.entries))
	for i, e := range l.entries {
		hosts[i] = selection.Host{Name: e.name, Tags: e.tags}
	}
	places, err := o.Choose(hosts)
	chosen := make([]entry, len(places))
	for i, place := range places {
		chosen[i] = l.entries[place]
	}
	return chosen, err
}

// convertVars converts the vars of a host to plain Go values. A var { VALUE, secret = true } is
// VALUE, whose texts are secrets.
func convertVars(vars map[string]any) (plain map[string]any, secrets []string, err error) {
	plain = make(map[string]any, len(vars))
	for name, v := range vars {
		inner, isSecret := secretVar(v)
		p, ok := convertVar(inner)
		if !ok {
			return nil, nil, fmt.Errorf("vars: %s: want a string, a number, true, false or a list of these; "+
				"or { VALUE, secret = true }", name)
		}
		plain[name] = p
		if isSecret {
			texts := textsIn(p)
			if slices.ContainsFunc(texts, func(text string) bool { return len(text) < event.ShortestSecret }) ||
				len(texts) == 0 {
				return nil, nil, fmt.Errorf("vars: %s: a secret is a string of at least %d bytes, "+
					"or a list of such strings", name, event.ShortestSecret)
			}
			secrets = append(secrets, texts...)
		}
	}
	return plain, secrets, nil
}

// secretVar returns VALUE of { VALUE, secret = true }, or else v itself.
func secretVar(v any) (value any, isSecret bool) {
	t, ok := v.(script.Table)
	if !ok || len(t.List) != 1 || len(t.Fields) != 1 {
		return v, false
	}
	marked, ok := t.Fields["secret"].(bool)
	if !ok {
		return v, false
	}
	return t.List[0], marked
}

// textsIn returns the strings in a var.
func textsIn(v any) (texts []string) {
	items, isList := v.([]any)
	if !isList {
		items = []any{v}
	}
	for _, item := range items {
		if text, ok := item.(string); ok {
			texts = append(texts, text)
		}
	}
	return texts
}

func convertVar(v any) (any, bool) {
	switch v := v.(type) {
	case string, float64, bool:
		return v, true
	case script.Table:
		if len(v.Fields) > 0 {
			return nil, false
		}
		items := make([]any, 0, len(v.List))
		for _, item := range v.List {
			switch item.(type) {
			case string, float64, bool:
				items = append(items, item)
			default:
				return nil, false
			}
		}
		return items, true
	}
	return nil, false
}
