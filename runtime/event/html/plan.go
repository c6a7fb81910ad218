package html

import (
	"fmt"
	"strings"

	"runbook/runtime/event"
)

// planView is the plan of a dry run.
type planView struct {
	Groups []planGroup
	Time   string
	Empty  bool
}

// planGroup is a group of hosts, or the calls that belong to no part.
type planGroup struct {
	Title string
	Parts []planPart
}

type planPart struct {
	Title, Warning, Text, More string
	Table                      table
	Diff                       []diffLine
}

// diffLine is a line of a diff with its class: add, del, at or "".
type diffLine struct{ Class, Text string }

// planOf returns the view of a plan, nil for none.
func planOf(p *event.Plan) *planView {
	if p == nil {
		return nil
	}
	v := &planView{Time: p.Time(), Empty: p.Empty()}
	for _, g := range p.Groups {
		group := planGroup{Title: strings.Join(g.Hosts, ", ")}
		for _, part := range g.Parts {
			out := planPart{Title: part.Title, Warning: part.Warning, Text: part.Text, Diff: diffLines(part.Diff)}
			out.Table = shown(event.Event{Rows: part.Rows})
			if part.Omitted > 0 {
				out.More = grouped(part.Omitted)
			}
			group.Parts = append(group.Parts, out)
		}
		v.Groups = append(v.Groups, group)
	}
	if len(p.Calls) > 0 {
		calls := planGroup{Title: "Further calls"}
		for _, c := range p.Calls {
			text := c.Text
			if len(c.Step) > 0 {
				text = c.Step[len(c.Step)-1] + ": " + text
			}
			if c.Times > 1 {
				text += fmt.Sprintf(" (%d times)", c.Times)
			}
			if c.Note != "" {
				text += "\n" + c.Note
			}
			calls.Parts = append(calls.Parts, planPart{Title: strings.Join(c.Hosts, ", "), Text: text,
				Diff: diffLines(c.Diff)})
		}
		if p.Omitted > 0 {
			calls.Parts = append(calls.Parts, planPart{More: grouped(p.Omitted)})
		}
		v.Groups = append(v.Groups, calls)
	}
	return v
}

func diffLines(text string) []diffLine {
	var lines []diffLine
	for line := range strings.Lines(text) {
		class := ""
		switch line[0] {
		case '+':
			class = "add"
		case '-':
			class = "del"
		case '@':
			class = "at"
		}
		lines = append(lines, diffLine{class, line})
	}
	return lines
}
