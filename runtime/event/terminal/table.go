package terminal

import (
	"slices"
	"strings"

	"charm.land/lipgloss/v2"

	"runbook/runtime/event"
)

// hostTable gathers what the last table says of each host. A later word on a host replaces an earlier one.
type hostTable struct {
	hosts []event.Event
}

// firstColumns come before all other columns, in this order.
var firstColumns = []string{"release", "revision", "previous"}

func (t *hostTable) add(e event.Event) {
	i := slices.IndexFunc(t.hosts, func(h event.Event) bool { return h.Host == e.Host })
	if i < 0 {
		t.hosts = append(t.hosts, e)
		return
	}
	t.hosts[i] = e
}

func (t *hostTable) empty() bool { return len(t.hosts) == 0 }

// columns tells whether a recipe has said something of a host.
func (t *hostTable) columns() bool {
	return slices.ContainsFunc(t.hosts, func(e event.Event) bool { return len(e.Columns) > 0 })
}

// cells is the table: host, state, the columns that any host has, and the time.
func (t *hostTable) cells() (header []string, rows [][]string) {
	var first, others []string
	for _, name := range firstColumns {
		if slices.ContainsFunc(t.hosts, func(e event.Event) bool { _, ok := e.Columns[name]; return ok }) {
			first = append(first, name)
		}
	}
	for _, e := range t.hosts {
		for name := range e.Columns {
			if !slices.Contains(first, name) && !slices.Contains(others, name) {
				others = append(others, name)
			}
		}
	}
	slices.Sort(others)
	names := append(first, others...)
	header = append(append([]string{"host", "state"}, names...), "time")
	for _, e := range t.hosts {
		row := []string{e.Host, e.State}
		for _, name := range names {
			row = append(row, e.Columns[name])
		}
		rows = append(rows, append(row, Seconds(e.Seconds)))
	}
	return header, rows
}

// align lays a table out in columns, two spaces apart. An empty cell is a dash, so that a row can be cut by
// words.
func align(header []string, rows [][]string) string { return alignBy(cellText, header, rows) }

// alignTree is align for rows whose first cells stand in.
func alignTree(header []string, rows [][]string) string {
	return alignBy(func(cell string) string {
		text := strings.TrimLeft(cell, " ")
		return cell[:len(cell)-len(text)] + cellText(text)
	}, header, rows)
}

func alignBy(cellText func(string) string, header []string, rows [][]string) string {
	all := rows
	if len(header) > 0 {
		all = append([][]string{header}, rows...)
	}
	var widths []int
	for _, row := range all {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], width(cellText(cell)))
		}
	}
	var b strings.Builder
	for _, row := range all {
		var line strings.Builder
		for i, w := range widths {
			cell := "-"
			if i < len(row) {
				cell = cellText(row[i])
			}
			line.WriteString(pad(cell, w) + "  ")
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	return b.String()
}

func cellText(cell string) string {
	if cell = strings.Join(strings.Fields(cell), " "); cell == "" {
		return "-"
	}
	return cell
}

// width is the number of columns that text takes on a terminal.
func width(text string) int { return lipgloss.Width(text) }

func pad(text string, to int) string {
	return text + strings.Repeat(" ", max(0, to-width(text)))
}
