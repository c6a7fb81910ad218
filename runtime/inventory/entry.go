package inventory

import (
	"fmt"
	"maps"

	"runbook/runtime/event"
	"runbook/runtime/script"
)

// entry is a host as it was written. Zero values are what wasn't stated.
type entry struct {
	name       string
	address    string
	port       int
	user       string
	identities []string
	jump       string
	foreign    bool // named by ssh_config alone: the defaults of the hosts file aren't about it
	tags       []string
	vars       map[string]any
	hostKey    string
	knownHosts []string
	sudo       string
	source     string // see Host.Source
	place      string // where it stands among the others, for errors: "line 3", "host 2"
	label      string // what errors about it begin with: "hosts.txt:3", "hosts.lua:7: host 2 (web2)"
}

// list is everything that one source says.
type list struct {
	source   string
	defaults entry // what a hosts file states for all
	entries  []entry
}

// with fills in what e doesn't state itself.
func (e entry) with(defaults entry) entry {
	if e.port == 0 {
		e.port = defaults.port
	}
	if e.user == "" {
		e.user = defaults.user
	}
	if e.identities == nil {
		e.identities = defaults.identities
	}
	// A bastion that is a host of the file and also the default way to all of them is reached directly.
	if e.jump == "" && !namesJump(defaults.jump, e.name) {
		e.jump = defaults.jump
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
	if len(l.entries) == 0 {
		return fmt.Errorf("%s: there is no host in it", l.source)
	}
	first := map[string]entry{}
	for _, e := range l.entries {
		if other, ok := first[e.name]; ok {
			err := fmt.Errorf("%s: the name %q is taken by %s", e.label, e.name, other.place)
			return event.WithHint(err, "every host needs a name of its own; in a hosts file: { name = \"…\", address = \"…\" }")
		}
		first[e.name] = e
	}
	return nil
}

// find returns the host of that name.
func (l list) find(name string) (entry, bool) {
	for _, e := range l.entries {
		if e.name == name {
			return e, true
		}
	}
	return entry{}, false
}

func names(entries []entry) []string {
	var all []string
	for _, e := range entries {
		all = append(all, e.name)
	}
	return all
}

// plainVars turns the vars of a host into plain Go values.
func plainVars(vars map[string]any) (map[string]any, error) {
	plain := make(map[string]any, len(vars))
	for name, v := range vars {
		p, ok := plainVar(v)
		if !ok {
			return nil, fmt.Errorf("vars: %s: want a string, a number, true, false or a list of these", name)
		}
		plain[name] = p
	}
	return plain, nil
}

func plainVar(v any) (any, bool) {
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
