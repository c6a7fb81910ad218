package ci

import (
	"errors"
	"fmt"
	"html"
	"os"
	"strings"

	"runbook/runtime/event"
	"runbook/runtime/event/terminal"
)

// mostPlan limits the plan in a summary, in bytes. A service limits the whole summary.
const mostPlan = 64 << 10

// summary appends the result of the run to a file, as Markdown.
type summary struct {
	path    string
	recipe  string
	order   []string // of the table's columns
	hosts   []event.Event
	slowest event.Event     // the slowest step without steps of its own
	outer   map[string]bool // steps that contain others, by host and path
	plan    *event.Plan     // of a dry run
	ended   event.Event
}

// NewSummary returns a sink that writes the result of the run, or the plan of a dry run, to a file
// as Markdown when the run has ended. The file is created, or emptied, at once.
func NewSummary(path string) (event.Sink, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, event.WithHint(err, "name a file in a folder that exists and is yours")
	}
	return &summary{path: path}, f.Close()
}

// Event collects the content of the summary.
func (s *summary) Event(e event.Event) {
	switch e.Kind {
	case event.RunBegun:
		s.recipe, s.order = e.Text, e.Order
		if e.DryRun {
			s.recipe += " --dry-run"
		}
	case event.StepEnded:
		s.stepEnded(e)
	case event.PlanMade:
		s.plan = e.Plan
	case event.Result:
		s.hosts = append(s.hosts, e)
	case event.RunEnded:
		s.ended = e
	}
}

// stepEnded keeps the slowest step. Inner steps end before the step that contains them; a step
// outside of any host contains those of the hosts.
func (s *summary) stepEnded(e event.Event) {
	key := func(host string, titles []string) string { return host + "\x00" + strings.Join(titles, "\x00") }
	if s.outer == nil {
		s.outer = map[string]bool{}
	}
	for n := range e.Step {
		s.outer[key(e.Host, e.Step[:n])], s.outer[key("", e.Step[:n])] = true, true
	}
	if e.Seconds > s.slowest.Seconds && !s.outer[key(e.Host, e.Step)] {
		s.slowest = e
	}
}

// Close writes the summary, unless no run began.
func (s *summary) Close() error {
	if s.recipe == "" {
		return nil
	}
	f, err := os.OpenFile(s.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = f.WriteString(s.text())
	return errors.Join(err, f.Close())
}

func (s *summary) text() string {
	var b strings.Builder
	result := "done"
	if s.ended.Error != "" {
		result = "failed"
	}
	fmt.Fprintf(&b, "### %s: %s after %.1f s\n\n", cell("runbook run "+s.recipe), result, s.ended.Seconds)
	if s.plan != nil {
		text := terminal.PlanText(s.plan, 0)
		if len(text) > mostPlan {
			text = strings.ToValidUTF8(text[:mostPlan], "") + "\n… (the report has the rest)\n"
		}
		fmt.Fprintf(&b, "<pre>%s</pre>\n\n", html.EscapeString(text))
	}
	if len(s.hosts) > 0 {
		header, rows := s.table()
		fmt.Fprintf(&b, "| %s |\n|%s\n", strings.Join(header, " | "), strings.Repeat("---|", len(header)))
		for _, row := range rows {
			fmt.Fprintf(&b, "| %s |\n", strings.Join(row, " | "))
		}
		b.WriteString("\n")
	}
	if len(s.slowest.Step) > 0 {
		where := ""
		if s.slowest.Host != "" {
			where = " on " + s.slowest.Host
		}
		fmt.Fprintf(&b, "Slowest step: %s, %.1f s\n\n", cell(strings.Join(s.slowest.Step, " > ")+where),
			s.slowest.Seconds)
	}
	if s.ended.Error != "" || len(s.ended.Hosts) > 0 {
		text := s.ended.Error
		if s.ended.Hint != "" {
			text += "\nnext: " + s.ended.Hint
		}
		// As HTML, because what a host printed may hold the end of a block of Markdown.
		fmt.Fprintf(&b, "<pre>%s</pre>\n\n", html.EscapeString(strings.TrimPrefix(text, "\n")))
	}
	return b.String()
}

// table has a row per host.
func (s *summary) table() (header []string, rows [][]string) {
	names := event.ColumnNames(s.order, s.hosts)
	header = append([]string{"host", "state"}, names...)
	for i, name := range header {
		header[i] = cell(name)
	}
	for _, h := range s.hosts {
		row := []string{cell(h.Host), cell(h.State)}
		for _, name := range names {
			row = append(row, cell(h.Columns[name]))
		}
		rows = append(rows, append(row, fmt.Sprintf("%.1f s", h.Seconds)))
	}
	return append(header, "time"), rows
}

// cell escapes text for a Markdown table.
func cell(text string) string {
	text = html.EscapeString(strings.Join(strings.Fields(text), " "))
	var b strings.Builder
	for _, r := range text {
		if strings.ContainsRune("\\`*_[]|~#", r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}
