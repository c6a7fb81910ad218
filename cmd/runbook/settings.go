package main

import (
	"fmt"
	"strings"

	"runbook/cmd/runbook/hostlist"
	"runbook/runtime/event"
	"runbook/runtime/inventory"
	"runbook/runtime/run"
)

// showSettings shows the value of every option on each host and where it comes from. given has the
// sources of the options from the command line and the environment.
func (p *program) showSettings(plan *run.Plan, given map[string]string, asJSON bool) error {
	hosts := plan.Hosts
	if len(hosts) == 0 {
		hosts = []inventory.Host{{}}
	}
	var all []hostlist.HostSettings
	for _, h := range hosts {
		all = append(all, hostlist.HostSettings{Name: h.Name, Settings: plan.Values.On(h, given, plan.Recipe.Origins)})
	}
	if asJSON {
		return writeJSON(redacted{p}, hostlist.SettingLines(all))
	}
	for i, group := range hostlist.GroupSettings(all) {
		if title := strings.Join(group.Hosts, " "); title != "" {
			if i > 0 {
				title = "\n" + title
			}
			if _, err := fmt.Fprintln(p.out, title); err != nil {
				return ignoreClosedPipe(err)
			}
		}
		e := event.Event{Kind: event.Table, Header: []string{"option", "value", "from"}}
		for _, row := range group.Rows {
			e.Rows = append(e.Rows, []string{row[0], p.redact(row[1]), p.redact(row[2])})
		}
		if err := p.table(e); err != nil {
			return err
		}
	}
	return nil
}
