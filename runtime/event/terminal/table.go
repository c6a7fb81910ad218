package terminal

import (
	"slices"
	"strings"

	"charm.land/lipgloss/v2"

	"runbook/runtime/event"
)

// hostTable collects the rows of the last table. A later result of a host replaces an earlier one.
type hostTable struct {
	order []string // of its columns
	hosts []event.Event
}

func (t *hostTable) add(e event.Event) {
	for i := range t.hosts { // by index: a copy of each event would take longer than the rest
		if t.hosts[i].Host == e.Host {
			t.hosts[i] = e
			return
		}
	}
	t.hosts = append(t.hosts, e)
}

func (t *hostTable) empty() bool { return len(t.hosts) == 0 }

// columns reports whether a recipe has set a column.
func (t *hostTable) columns() bool {
	return slices.ContainsFunc(t.hosts, func(e event.Event) bool { return len(e.Columns) > 0 })
}

// cells returns the table: host, state, the columns of the recipe, and the time.
func (t *hostTable) cells() (header []string, rows [][]string) {
	names := event.ColumnNames(t.order, t.hosts)
	header = append(append([]string{"host", "state"}, names...), "time")
	for _, e := range t.hosts {
		row := []string{e.Host, e.State}
		for _, name := range names {
			row = append(row, e.Columns[name])
		}
		rows = append(rows, append(row, event.Seconds(e.Seconds)))
	}
	return header, rows
}

// align formats a table with two spaces between columns. An empty cell becomes a dash, so that
// scripts can split a row at spaces.
//
// columns is the width of the screen; 0 for any width. A wider table is folded: columns that do not
// fit move to further lines of the row, each with its own part of the header. A line without values
// is omitted. The cells of the last column may be wrapped instead.
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
	parts := slices.DeleteFunc(fold(widths, columns),
		func(p part) bool { return p.from > 0 && p.empty(cellText, rows) })
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

// part is a range of a table's columns that has its own line in each row.
type part struct{ from, to, indent int }

// fold divides a table into parts that fit the screen, as far as possible.
func fold(widths []int, columns int) []part {
	parts := []part{{}}
	used := 0
	for i, w := range widths {
		p := &parts[len(parts)-1]
		wrapped := i == len(widths)-1 && used <= columns/2 // its cells have enough room to wrap
		if columns > 0 && p.to > p.from && used+w > columns && !wrapped {
			parts = append(parts, part{i, i, 2})
			p, used = &parts[len(parts)-1], 2
		}
		p.to = i + 1
		used += w + 2
	}
	return parts
}

// empty reports whether this part has no values in rows.
func (p part) empty(cellText func(string) string, rows [][]string) bool {
	return !slices.ContainsFunc(rows, func(row []string) bool {
		return slices.ContainsFunc(row[min(p.from, len(row)):min(p.to, len(row))],
			func(cell string) bool { return cellText(cell) != "-" })
	})
}

// line formats this part of a row.
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

// width returns how many columns text takes on a terminal.
func width(text string) int {
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return lipgloss.Width(text)
		}
	}
	return len(text) // nearly all text
}

func pad(text string, to int) string {
	return text + strings.Repeat(" ", max(0, to-width(text)))
}
