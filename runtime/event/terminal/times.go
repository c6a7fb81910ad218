package terminal

import (
	"fmt"
	"slices"
	"strings"

	"runbook/runtime/event"
)

// stepTimes holds how long each step took on each host.
type stepTimes struct {
	paths []string // keys, in the order the steps began
	rows  map[string]*stepRow
}

// stepRow is one step on all hosts, identified by its titles.
type stepRow struct {
	titles []string
	hosts  []string // the hosts that have ended it
	took   []float64
}

func (t *stepTimes) track(e event.Event) {
	if e.Kind != event.StepBegun && e.Kind != event.StepEnded {
		return
	}
	key := strings.Join(e.Step, "\x00")
	if t.rows == nil {
		t.rows = map[string]*stepRow{}
	}
	row := t.rows[key]
	if row == nil {
		row = &stepRow{titles: e.Step}
		t.rows[key] = row
		t.paths = append(t.paths, key)
	}
	if e.Kind == event.StepEnded {
		row.hosts, row.took = append(row.hosts, e.Host), append(row.took, e.Seconds)
	}
}

// mostColumns is the maximum of hosts with a column each.
const mostColumns = 4

// text returns a table of the steps, each below the step that contains it, and a line about the
// slowest one. With many hosts, or on a narrow screen, the table has the median and the maximum
// instead of a column per host. hosts is the order of the columns, screen the width of the screen;
// 0 for any width.
func (t *stepTimes) text(hosts []string, screen int) string {
	var ended []string
	for _, key := range t.ordered() {
		if len(t.rows[key].took) > 0 {
			ended = append(ended, key)
		}
	}
	if len(ended) == 0 {
		return ""
	}
	columns := t.columns(hosts)
	header, rows := t.table(ended, columns, len(columns) > mostColumns)
	if screen > 0 && len(columns) > 1 && width(alignTree(header, rows, 0)) > screen {
		header, rows = t.table(ended, columns, true)
	}
	return alignTree(header, rows, screen) + t.slowest(ended) + "\n"
}

// table returns a row for each step that has ended.
func (t *stepTimes) table(ended, columns []string, many bool) (header []string, rows [][]string) {
	header = append([]string{"step"}, columns...)
	if many {
		header = []string{"step", "median", "longest", "on"}
	}
	for _, key := range ended {
		row := t.rows[key]
		cells := []string{strings.Repeat("  ", len(row.titles)-1) + last(row.titles)}
		if many {
			i := row.longest()
			cells = append(cells, event.Seconds(row.median()), event.Seconds(row.took[i]), place(row.hosts[i]))
		} else {
			cells = append(cells, row.byHost(columns)...)
		}
		rows = append(rows, cells)
	}
	return header, rows
}

// columns returns the hosts that have ended a step, or one column if all steps are outside of
// hosts.
func (t *stepTimes) columns(hosts []string) []string {
	var others []string
	ended := map[string]bool{}
	for _, key := range t.paths {
		for _, host := range t.rows[key].hosts {
			if host != "" && !ended[host] && !slices.Contains(hosts, host) {
				others = append(others, host)
			}
			ended[host] = true
		}
	}
	var columns []string
	for _, host := range append(slices.Clone(hosts), others...) {
		if ended[host] {
			columns = append(columns, host)
		}
	}
	if len(columns) == 0 {
		return []string{place("")}
	}
	return columns
}

// ordered returns the steps in order, each followed by the steps within it.
func (t *stepTimes) ordered() []string {
	var order []string
	var below func(parent string)
	below = func(parent string) {
		for _, key := range t.paths {
			if up, _ := cutLast(key); up == parent {
				order = append(order, key)
				below(key)
			}
		}
	}
	below("")
	return order
}

func cutLast(key string) (up, title string) {
	i := strings.LastIndex(key, "\x00")
	if i < 0 {
		return "", key
	}
	return key[:i], key[i+1:]
}

func (r *stepRow) byHost(hosts []string) []string {
	cells := make([]string, len(hosts))
	for i, host := range hosts {
		sum, found := 0.0, false
		for j, h := range r.hosts {
			if h == host || h == "" { // a step outside of any host counts for every host
				sum, found = sum+r.took[j], true
			}
		}
		if found {
			cells[i] = event.Seconds(sum)
		}
	}
	return cells
}

func (r *stepRow) longest() int {
	longest := 0
	for i, took := range r.took {
		if took > r.took[longest] {
			longest = i
		}
	}
	return longest
}

func (r *stepRow) median() float64 {
	sorted := slices.Sorted(slices.Values(r.took))
	return sorted[len(sorted)/2]
}

// slowest names the step that took longest, of those without steps within them.
func (t *stepTimes) slowest(ended []string) string {
	var slowest *stepRow
	for _, key := range ended {
		inner := slices.ContainsFunc(ended, func(other string) bool { return strings.HasPrefix(other, key+"\x00") })
		if row := t.rows[key]; !inner && (slowest == nil || row.took[row.longest()] > slowest.took[slowest.longest()]) {
			slowest = row
		}
	}
	i := slowest.longest()
	return fmt.Sprintf("slowest step: %s on %s, %s", strings.Join(slowest.titles, separator), place(slowest.hosts[i]),
		event.Seconds(slowest.took[i]))
}

// place returns a host's name, or "all hosts" for none.
func place(host string) string {
	if host == "" {
		return "all hosts"
	}
	return host
}
