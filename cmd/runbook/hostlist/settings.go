package hostlist

import (
	"fmt"
	"slices"
	"strings"

	"runbook/runtime/recipe"
)

// HostSettings are the settings of a host, in the order of the options.
type HostSettings struct {
	Name     string
	Settings []recipe.Setting
}

// SettingsGroup are rows of option, value and source that are the same on some hosts.
type SettingsGroup struct {
	Hosts []string
	Rows  [][]string
}

// GroupSettings returns first the settings that are equal on all hosts, and then the others,
// grouped by hosts with equal values.
func GroupSettings(all []HostSettings) []SettingsGroup {
	var common, different []int // indexes of options
	for i := range all[0].Settings {
		differs := func(h HostSettings) bool { return settingText(h.Settings[i]) != settingText(all[0].Settings[i]) }
		if slices.ContainsFunc(all, differs) {
			different = append(different, i)
		} else {
			common = append(common, i)
		}
	}
	groups := []SettingsGroup{newSettingsGroup(all, common)}
	if len(different) == 0 {
		return groups
	}
	equal := map[string][]HostSettings{}
	var keys []string // in the order of the hosts
	for _, h := range all {
		var values []string
		for _, i := range different {
			values = append(values, settingText(h.Settings[i]))
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

// newSettingsGroup returns the options with these indexes, for hosts with equal values.
func newSettingsGroup(hosts []HostSettings, places []int) SettingsGroup {
	var g SettingsGroup
	for _, h := range hosts {
		g.Hosts = append(g.Hosts, h.Name)
	}
	for _, i := range places {
		var sources []string
		for _, h := range hosts {
			if from := h.Settings[i].From; !slices.Contains(sources, from) {
				sources = append(sources, from)
			}
		}
		const most = 3
		if len(sources) > most {
			sources = append(sources[:most], fmt.Sprintf("and %d more", len(sources)-most))
		}
		s := hosts[0].Settings[i]
		g.Rows = append(g.Rows, []string{s.Name, settingText(s), strings.Join(sources, "; ")})
	}
	return g
}

// settingText formats a value, so that an empty one is visible.
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

// SettingLine is a line of run --settings --json.
type SettingLine struct {
	Host   string `json:"host"` // "" for a recipe without hosts
	Option string `json:"option"`
	Value  any    `json:"value"`
	From   string `json:"from"`
}

// SettingLines returns a line for each setting of each host.
func SettingLines(all []HostSettings) []SettingLine {
	var lines []SettingLine
	for _, h := range all {
		for _, s := range h.Settings {
			lines = append(lines, SettingLine{h.Name, s.Name, s.Value, s.From})
		}
	}
	return lines
}
