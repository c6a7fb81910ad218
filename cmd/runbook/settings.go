package main

import (
	"fmt"
	"slices"
	"strings"

	"runbook/runtime/event"
	"runbook/runtime/inventory"
	"runbook/runtime/recipe"
	"runbook/runtime/run"
)

// settingLine is a line of run --settings --json.
type settingLine struct {
	Host   string `json:"host"` // "" for a recipe without hosts
	Option string `json:"option"`
	Value  any    `json:"value"`
	From   string `json:"from"`
}

// hostSettings are the settings of a host, in the order of the options.
type hostSettings struct {
	name     string
	settings []recipe.Setting
}

// showSettings shows the value of every option on each host and where it comes from. given says that for the options of
// the command line and the environment.
func (p *program) showSettings(plan *run.Plan, given map[string]string, asJSON bool) error {
	hosts := plan.Hosts
	if len(hosts) == 0 {
		hosts = []inventory.Host{{}}
	}
	var all []hostSettings
	for _, h := range hosts {
		all = append(all, hostSettings{h.Name, plan.Settings(h, given)})
	}
	if asJSON {
		var lines []settingLine
		for _, h := range all {
			for _, s := range h.settings {
				lines = append(lines, settingLine{h.name, s.Name, s.Value, s.From})
			}
		}
		return writeJSON(redacted{p}, lines)
	}
	for i, group := range groupSettings(all) {
		if title := strings.Join(group.hosts, " "); title != "" {
			if i > 0 {
				title = "\n" + title
			}
			if _, err := fmt.Fprintln(p.out, title); err != nil {
				return ignoreClosedPipe(err)
			}
		}
		e := event.Event{Kind: event.Table, Header: []string{"option", "value", "from"}}
		for _, row := range group.rows {
			e.Rows = append(e.Rows, []string{row[0], p.redact(row[1]), p.redact(row[2])})
		}
		if err := p.table(e); err != nil {
			return err
		}
	}
	return nil
}

// settingsGroup are rows of option, value and source that are the same on some hosts.
type settingsGroup struct {
	hosts []string
	rows  [][]string
}

// groupSettings returns first what is equal on all hosts, and then the rest, for hosts with equal values together.
func groupSettings(all []hostSettings) []settingsGroup {
	var common, different []int // the places of the options
	for i := range all[0].settings {
		differs := func(h hostSettings) bool { return settingText(h.settings[i]) != settingText(all[0].settings[i]) }
		if slices.ContainsFunc(all, differs) {
			different = append(different, i)
		} else {
			common = append(common, i)
		}
	}
	groups := []settingsGroup{newSettingsGroup(all, common)}
	if len(different) == 0 {
		return groups
	}
	equal := map[string][]hostSettings{}
	var keys []string // in the order of the hosts
	for _, h := range all {
		var values []string
		for _, i := range different {
			values = append(values, settingText(h.settings[i]))
		}
		key := strings.Join(values, "\x00")
		if equal[key] == nil {
			keys = append(keys, key)
		}
		equal[key] = append(equal[key], h)
	}
	for _, key := range keys {
		groups = append(groups, newSettingsGroup(equal[key], different))
	}
	return groups
}

// newSettingsGroup returns the options at these places of hosts with equal values.
func newSettingsGroup(hosts []hostSettings, places []int) settingsGroup {
	var g settingsGroup
	for _, h := range hosts {
		g.hosts = append(g.hosts, h.name)
	}
	for _, i := range places {
		var sources []string
		for _, h := range hosts {
			if from := h.settings[i].From; !slices.Contains(sources, from) {
				sources = append(sources, from)
			}
		}
		const most = 3
		if len(sources) > most {
			sources = append(sources[:most], fmt.Sprintf("and %d more", len(sources)-most))
		}
		s := hosts[0].settings[i]
		g.rows = append(g.rows, []string{s.Name, settingText(s), strings.Join(sources, "; ")})
	}
	return g
}

// settingText formats a value. One that is empty can be seen.
func settingText(s recipe.Setting) string {
	switch v := s.Value.(type) {
	case string:
		if v == "" {
			return `""`
		}
	case []string:
		if len(v) == 0 {
			return "{}"
		}
	}
	return s.Text(s.Value)
}
