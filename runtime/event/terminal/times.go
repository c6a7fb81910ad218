package terminal

import (
	"fmt"
	"slices"
	"strings"

	"runbook/runtime/event"
)

// stepTimes is how long each step took on each host.
type stepTimes struct {
	paths []string // in the order in which they began, as keys
	rows  map[string]*stepRow
}

// stepRow is one step: the hosts that took it may call it by other names, so a name is all that makes it the same.
type stepRow struct {
	titles []string
	hosts  []string // those that have ended it
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

// mostColumns is up to how many hosts each has a column of its own.
const mostColumns = 4

// text is a table of the steps, each below the one that it belongs to, and a line that names the slowest. With many hosts,
// or where the screen is too narrow, it has the median and the longest instead of a column for each. hosts is the order of the
// columns, screen how wide it is; 0 for any width.
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

// table has a row for each step that has ended.
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
			cells = append(cells, Seconds(row.median()), Seconds(row.took[i]), place(row.hosts[i]))
		} else {
			cells = append(cells, row.byHost(columns)...)
		}
		rows = append(rows, cells)
	}
	return header, rows
}

// columns are the hosts that have ended a step, or one column for a run whose steps are no host's.
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

// ordered are the steps with those within a step behind it, whichever host began them first.
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
			if h == host || h == "" { // a step of the run as a whole took every host that long
				sum, found = sum+r.took[j], true
			}
		}
		if found {
			cells[i] = Seconds(sum)
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

// slowest names the step that took longest, of those that no other step explains.
func (t *stepTimes) slowest(ended []string) string {
	var slowest *stepRow
	for _, key := range ended {
		inner := slices.ContainsFunc(ended, func(other string) bool { return strings.HasPrefix(other, key+"\x00") })
		if row := t.rows[key]; !inner && (slowest == nil || row.took[row.longest()] > slowest.took[slowest.longest()]) {
			slowest = row
		}
	}
	i := slowest.longest()
	return fmt.Sprintf("slowest step: %s on %s, %s", strings.Join(slowest.titles, separator), place(slowest.hosts[i]), Seconds(slowest.took[i]))
}

// place is a host, or the run as a whole.
func place(host string) string {
	if host == "" {
		return "all hosts"
	}
	return host
}
