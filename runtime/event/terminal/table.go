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

// align lays a table out, two spaces between its columns. An empty cell is a dash, so that a row can be cut by words.
//
// A table that is wider than so many columns of a screen, 0 for any number, is folded: what has no room in a row's first line is
// in lines below it, each with its own part of the header, and a line in which a row has nothing is left out. The last column
// may have its cells wrapped instead.
func align(header []string, rows [][]string, columns int) string {
	return alignBy(cellText, header, rows, columns)
}

// alignTree is align for rows whose first cells are indented.
func alignTree(header []string, rows [][]string, columns int) string {
	return alignBy(func(cell string) string {
		text := strings.TrimLeft(cell, " ")
		return cell[:len(cell)-len(text)] + cellText(text)
	}, header, rows, columns)
}

func alignBy(cellText func(string) string, header []string, rows [][]string, columns int) string {
	var all [][]string
	if len(header) > 0 {
		all = append(all, header)
	}
	all = append(all, rows...)
	widths := widthsOf(cellText, all)
	parts := slices.DeleteFunc(fold(widths, columns), func(p part) bool { return p.from > 0 && p.empty(cellText, rows) })
	var b strings.Builder
	for i, row := range all {
		for _, p := range parts {
			if p.from == 0 || i == 0 && len(header) > 0 || !p.empty(cellText, [][]string{row}) {
				b.WriteString(p.line(cellText, row, widths, columns) + "\n")
			}
		}
	}
	return b.String()
}

func widthsOf(cellText func(string) string, rows [][]string) (widths []int) {
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], width(cellText(cell)))
		}
	}
	return widths
}

// part are the columns of a table that have a line of their own in each row.
type part struct{ from, to, indent int }

// fold divides a table into parts that are no wider than so many columns of a screen, as far as that can be.
func fold(widths []int, columns int) []part {
	parts := []part{{}}
	used := 0
	for i, w := range widths {
		p := &parts[len(parts)-1]
		wrapped := i == len(widths)-1 && used <= columns/2 // its cells have room enough below each other
		if columns > 0 && p.to > p.from && used+w > columns && !wrapped {
			parts = append(parts, part{i, i, 2})
			p, used = &parts[len(parts)-1], 2
		}
		p.to = i + 1
		used += w + 2
	}
	return parts
}

// empty tells whether nothing of rows is in this part.
func (p part) empty(cellText func(string) string, rows [][]string) bool {
	return !slices.ContainsFunc(rows, func(row []string) bool {
		return slices.ContainsFunc(row[min(p.from, len(row)):min(p.to, len(row))], func(cell string) bool { return cellText(cell) != "-" })
	})
}

// line is this part of a row.
func (p part) line(cellText func(string) string, row []string, widths []int, columns int) string {
	line := strings.Repeat(" ", p.indent)
	for i := p.from; i < p.to; i++ {
		cell := "-"
		if i < len(row) {
			cell = cellText(row[i])
		}
		if at := width(line); columns > 0 && i == p.to-1 && at+width(cell) > columns {
			cell = wrapLine(cell, columns, at, at)
		}
		line += pad(cell, widths[i]) + "  "
	}
	return strings.TrimRight(line, " ")
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
