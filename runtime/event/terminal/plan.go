package terminal

import (
	"fmt"
	"slices"
	"strings"

	"runbook/runtime/event"
)

// PlanText formats a plan for a screen of so many columns; 0 for any width.
func PlanText(p *event.Plan, columns int) string {
	return planText{style: plainStyles(), columns: columns}.format(p)
}

type planText struct {
	style   styles
	columns int
}

// The widths of a plan: titles have a column of their own where the screen is wide enough.
const (
	planTitle  = 14 // the longest title in that column
	planNarrow = 80 // narrower screens have the titles above their texts
	manyRows   = 3  // as many rows are repeated for another group of hosts
)

func (t planText) format(p *event.Plan) string {
	var b strings.Builder
	for i, group := range p.Groups {
		b.WriteString(t.style.host("plan for "+strings.Join(group.Hosts, " ")) + "\n")
		for _, part := range group.Parts {
			b.WriteString(t.part(part, sameAs(p.Groups[:i], part)))
		}
	}
	if len(p.Calls) > 0 {
		head := "calls"
		if len(p.Groups) > 0 {
			head = "further calls"
		}
		b.WriteString(t.style.host(head) + "\n")
		for _, call := range p.Calls {
			b.WriteString(t.call(call))
		}
	}
	if p.Omitted > 0 {
		fmt.Fprintf(&b, "  … and %d more\n", p.Omitted)
	}
	if p.Empty() {
		return "nothing would change\n"
	}
	return b.String() + "time: " + p.Time() + "\n\n"
}

// sameAs returns the first hosts of the group that has this long part already, or "".
func sameAs(groups []event.PlanGroup, part event.PlanPart) string {
	if len(part.Rows) <= manyRows && part.Diff == "" {
		return ""
	}
	for _, group := range groups {
		if slices.ContainsFunc(group.Parts, part.Equal) {
			return group.Hosts[0]
		}
	}
	return ""
}

// part formats one subject: its title, and its texts beside or below.
func (t planText) part(part event.PlanPart, as string) string {
	room := 0
	if t.columns > 0 {
		room = max(20, t.columns-4)
	}
	wide := (t.columns == 0 || t.columns >= planNarrow) && width(part.Title) <= planTitle
	if wide && t.columns > 0 {
		room = t.columns - planTitle - 4
	}
	lines := t.lines(part, as, room)
	if wide {
		return indented(lines, "  "+pad(part.Title, planTitle)+"  ", strings.Repeat(" ", planTitle+4))
	}
	return "  " + part.Title + "\n" + indented(lines, "    ", "    ")
}

func (t planText) lines(part event.PlanPart, as string, room int) []string {
	var lines []string
	add := func(text string, style func(string) string) {
		for _, line := range strings.Split(strings.TrimRight(Wrap(text, room), "\n"), "\n") {
			lines = append(lines, style(line))
		}
	}
	plain := func(text string) string { return text }
	if part.Warning != "" {
		add("warning: "+part.Warning, t.style.warning)
	}
	if part.Text != "" {
		add(part.Text, plain)
	}
	if as != "" {
		return append(lines, "as on "+as)
	}
	if len(part.Rows) > 0 {
		add(align(nil, part.Rows, room), plain)
	}
	if part.Omitted > 0 {
		add(fmt.Sprintf("… and %d more", part.Omitted), t.style.faint)
	}
	lines = append(lines, t.diff(part.Diff)...)
	if len(lines) == 0 {
		lines = []string{"-"}
	}
	return lines
}

// diff formats a unified diff. Its lines stay whole.
func (t planText) diff(text string) []string {
	if text == "" {
		return nil
	}
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	for i, line := range lines {
		switch {
		case strings.HasPrefix(line, "+"):
			lines[i] = t.style.done(line)
		case strings.HasPrefix(line, "-"):
			lines[i] = t.style.failure(line)
		case strings.HasPrefix(line, "@@"):
			lines[i] = t.style.faint(line)
		}
	}
	return lines
}

// call formats one call, after the hosts that have it.
func (t planText) call(call event.PlanCall) string {
	text := call.Text
	if call.Times > 1 {
		text += fmt.Sprintf(" (%d times)", call.Times)
	}
	if title := last(call.Step); title != "" {
		text = title + ": " + text
	}
	if call.Note != "" {
		text += "\n" + call.Note
	}
	return t.part(event.PlanPart{Title: placeOf(call.Hosts), Text: text, Diff: call.Diff}, "")
}

// placeOf names the hosts of a call, or this machine.
func placeOf(hosts []string) string {
	if len(hosts) == 0 {
		return "-"
	}
	return strings.Join(hosts, " ")
}

// indented joins lines, the first after first and the others after rest.
func indented(lines []string, first, rest string) string {
	var b strings.Builder
	for i, line := range lines {
		before := rest
		if i == 0 {
			before = first
		}
		b.WriteString(strings.TrimRight(before+line, " ") + "\n")
	}
	return b.String()
}
