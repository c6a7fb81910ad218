// Package explain puts failures into words: where it happened, what was wrong, and what to do next.
//
// A message is at most 40 lines. What does not fit is in the journal.
package explain

import (
	"fmt"
	"strings"

	"runbook/runtime/run"
)

// Words selects what a message can leave out. The zero value leaves out nothing.
type Words struct {
	Verbose bool                   // the output of every command has been shown
	Terse   bool                   // no hint to look at the line that failed
	Typed   func(line string) bool // reports whether a line is what the admin has just typed; nil for never
	Record  string                 // the name of the run in the journal, or ""
}

// Explain returns the message for a failure: where (host, step, recipe line), what (the call or the
// command, its exit status, the last lines that it printed), and as hint what to do next. With
// several failures, the text has the hint of each, and each place in the recipe is shown once.
func (w Words) Explain(err error) (text, hint string) {
	groups := w.group(run.Faults(err))
	for i, d := range []detail{{source: true, tail: mostLines}, {tail: mostLines}, {tail: 3}, {tail: 1}} {
		parts, hint := w.parts(groups, d)
		more := ""
		if i > 0 {
			more = w.rest()
		}
		if text := strings.Join(parts, "\n") + more; height(text)+height(hint) <= room {
			return text, hint
		}
	}
	parts, hint := w.parts(groups, detail{tail: 1})
	return cut(groups, parts, room-height(hint)-height(strings.TrimPrefix(w.rest(), "\n"))) + w.rest(), hint
}

// detail selects how much of each failure is shown.
type detail struct {
	source bool // the recipe around the line, and the call as well as the command
	tail   int  // how many of the last lines that the command printed
}

// parts returns one text per failure. The hint of a single failure is returned separately.
func (w Words) parts(groups []group, d detail) (parts []string, hint string) {
	if len(groups) == 1 {
		return []string{w.fault(groups[0], d)}, w.hint(groups[0].Fault)
	}
	shown := map[string]bool{}
	for _, g := range groups {
		if shown[g.Line] {
			g.Source = nil
		}
		shown[g.Line] = true
		part := w.fault(g, d)
		if hint := w.hint(g.Fault); hint != "" {
			part += "\n  next: " + hint
		}
		parts = append(parts, part)
	}
	return parts, ""
}

// fault puts one failure into words.
func (w Words) fault(g group, d detail) string {
	var b strings.Builder
	f := g.Fault
	if w.Typed != nil && w.Typed(f.Line) {
		f.Line, f.Call = "", ""
	}
	where, hosts := g.where()
	b.WriteString(strings.Join(append(where, shortLines(f.Message)), ": ") + hosts)
	if f.Line != "" {
		fmt.Fprintf(&b, "\n  at %s", f.Line)
		if len(f.Chain) > 0 {
			fmt.Fprintf(&b, " (called from %s)", strings.Join(f.Chain, ", "))
		}
		if d.source {
			b.WriteString(excerpt(f))
		}
	}
	if f.Call != "" && (d.source || f.Command == "") {
		fmt.Fprintf(&b, "\n  call: %s", f.Call)
	}
	if f.Command == "" {
		return b.String()
	}
	fmt.Fprintf(&b, "\n  command: %s", shortCommand(f.Command))
	if f.Code != nil {
		fmt.Fprintf(&b, "\n  exit status %d", *f.Code)
	}
	b.WriteString("\n  " + g.lastLines(d.tail))
	return b.String()
}

// excerpt returns the recipe around the line that failed, and marks that line.
func excerpt(f run.Fault) string {
	const longest = screenColumns - 14
	var b strings.Builder
	for _, line := range f.Source {
		mark := " "
		if strings.HasSuffix(f.Line, fmt.Sprintf(":%d", line.Number)) {
			mark = ">"
		}
		text := strings.ReplaceAll(strings.TrimRight(line.Text, " \t\r"), "\t", "  ")
		if len(text) > longest {
			text = strings.ToValidUTF8(text[:longest], "") + "…"
		}
		b.WriteString(strings.TrimRight(fmt.Sprintf("\n  %s %4d | %s", mark, line.Number, text), " "))
	}
	return b.String()
}

// shortCommand returns a command, or the first lines of a long script.
func shortCommand(command string) string {
	const most = 3
	lines := strings.Split(strings.TrimSpace(command), "\n")
	if n := len(lines) - most; n > 1 {
		lines = append(lines[:most], fmt.Sprintf("… and %d more lines", n))
	}
	return shortLines(strings.Join(lines, "\n    "))
}

// lastLines returns the last lines that the command printed, on the first host if there are
// several.
func (g group) lastLines(most int) string {
	lines := strings.Split(strings.TrimRight(g.Tail, "\n"), "\n")
	if lines[len(lines)-1] == "" {
		return "it printed nothing"
	}
	on := ""
	if g.differ {
		on = " on " + g.Host
	}
	return "the last lines it printed" + on + ":\n    " +
		shortLines(strings.Join(lines[max(0, len(lines)-most):], "\n    "))
}

// hint returns what to do next: the hint of the failure itself, or else general advice.
func (w Words) hint(f run.Fault) string {
	switch {
	case f.Hint != "":
		return f.Hint
	case f.Code != nil && f.Tail != "" && !w.Verbose:
		if w.Record != "" {
			return "runbook log " + w.Record + " --grep . shows everything it printed"
		}
		return "run again with -v to see everything it printed"
	case f.Line != "" && (f.Code == nil || f.Tail == "") && !f.Worded && !w.Terse:
		return "look at " + f.Line
	}
	return ""
}
