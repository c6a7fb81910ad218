package event

import (
	"fmt"
	"slices"
)

// Plan describes what a run would do, found by a dry run.
type Plan struct {
	Groups []PlanGroup `json:"groups"` // hosts for which the recipe stated the same, with host:plan
	// calls that would change something and that nothing stated covers, in their order
	Calls   []PlanCall `json:"calls,omitempty"`
	Omitted int        `json:"omitted,omitempty"` // how many further calls were left out
	Seconds float64    `json:"seconds,omitempty"` // the median duration of the last runs of the recipe on these hosts
	Runs    int        `json:"runs,omitempty"`    // the number of these runs
}

// PlanGroup is a group of hosts with the same plan.
type PlanGroup struct {
	Hosts []string   `json:"hosts"` // their names
	Parts []PlanPart `json:"parts"` // in the order in which the recipe stated them
}

// PlanPart is one subject of a plan, such as the commits.
type PlanPart struct {
	Title   string     `json:"title"`             // the subject
	Warning string     `json:"warning,omitempty"` // what the admin should look at first
	Text    string     `json:"text,omitempty"`    // lines
	Rows    [][]string `json:"rows,omitempty"`    // cells, such as those of a commit: hash, date, author, subject
	Omitted int        `json:"omitted,omitempty"` // how many further rows were left out
	Diff    string     `json:"diff,omitempty"`    // a unified diff
}

// PlanCall is a call that would change something, on all hosts where it is the same.
type PlanCall struct {
	Hosts []string `json:"hosts"`           // their names
	Step  []string `json:"step,omitempty"`  // titles, outermost first
	Line  string   `json:"line,omitempty"`  // the line of the recipe, FILE:LINE
	Text  string   `json:"text"`            // the call as a recipe writes it, a command as it would be typed
	Times int      `json:"times,omitempty"` // how often a host repeats it, if more than once
	Note  string   `json:"note,omitempty"`  // what is known of a file that it writes
	// the file that it writes, as a unified diff, or a line for each path of a folder
	Diff string `json:"diff,omitempty"`
}

// Empty reports whether nothing would change.
func (p *Plan) Empty() bool { return len(p.Groups) == 0 && len(p.Calls) == 0 }

// Time returns the expected duration in words.
func (p *Plan) Time() string {
	switch p.Runs {
	case 0:
		return "not known: the journal has no run of this recipe on these hosts"
	case 1:
		return "about " + Seconds(p.Seconds) + ", as the last run"
	}
	return fmt.Sprintf("about %s, the median of the last %d runs", Seconds(p.Seconds), p.Runs)
}

// plan cleans a plan.
func (c cleaner) plan(p *Plan) *Plan {
	if p == nil {
		return nil
	}
	out := *p
	out.Groups, out.Calls = slices.Clone(p.Groups), slices.Clone(p.Calls)
	for i, group := range out.Groups {
		group.Hosts, group.Parts = c.lines(group.Hosts), slices.Clone(group.Parts)
		for j := range group.Parts {
			part := &group.Parts[j]
			part.Title, part.Warning, part.Text, part.Diff = c.line(part.Title), c.text(part.Warning),
				c.text(part.Text), c.text(part.Diff)
			part.Rows = c.rows(part.Rows)
		}
		out.Groups[i] = group
	}
	for i := range out.Calls {
		call := &out.Calls[i]
		call.Hosts, call.Step, call.Line = c.lines(call.Hosts), c.lines(call.Step), c.line(call.Line)
		call.Text, call.Note, call.Diff = c.text(call.Text), c.text(call.Note), c.text(call.Diff)
	}
	return &out
}

// Equal reports whether two parts say the same.
func (p PlanPart) Equal(q PlanPart) bool {
	return p.Title == q.Title && p.Warning == q.Warning && p.Text == q.Text && p.Omitted == q.Omitted &&
		p.Diff == q.Diff &&
		slices.EqualFunc(p.Rows, q.Rows, slices.Equal)
}
