package main

import (
	"errors"
	"fmt"
	"strings"

	"runbook/runtime/run"
)

// words turns a failure into text.
type words struct {
	verbose bool                   // the output of every command was shown already
	terse   bool                   // that a line is to be looked at goes without saying
	typed   func(line string) bool // whether a line is before the admin's eyes; nil for never
}

// report tells the admin what went wrong, unless the run has, and returns the exit status.
func (p *program) report(err error) int {
	p.annotate(err)
	var t told
	if err == nil || errors.As(err, &t) {
		return run.Status(err)
	}
	text, hint := p.words.explain(err)
	if hint != "" {
		text += "\nnext: " + hint
	}
	// If standard error is gone, the status still tells.
	_, _ = fmt.Fprintln(p.err, p.redact(text))
	return run.Status(err)
}

// redact is text as it may be shown, where no run does it.
func (p *program) redact(text string) string {
	if p.secrets == nil {
		return text
	}
	return p.secrets.Redact(text)
}

// explain is a failure as an admin needs it: where (host, step, recipe line), what (the call, the command, its exit
// status, the last lines it printed), and what to do next. With several failures each has its own hint in the text, and a
// place in the recipe is shown once.
func (w words) explain(err error) (text, hint string) {
	faults := w.alike(run.Faults(err))
	if len(faults) == 1 {
		return w.fault(faults[0]), w.hint(faults[0])
	}
	var parts []string
	shown := map[string]bool{}
	for _, f := range faults {
		if shown[f.Line] {
			f.Source = nil
		}
		shown[f.Line] = true
		part := w.fault(f)
		if hint := w.hint(f); hint != "" {
			part += "\n  next: " + hint
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, "\n"), ""
}

// mostAlike is up to how many hosts each have their own words when they failed alike.
const mostAlike = 3

// alike puts hosts that failed alike together, where they are so many that the same words over and over would be all to be
// seen.
func (w words) alike(faults []run.Fault) []run.Fault {
	hosts := map[string][]string{}
	words := func(f run.Fault) string {
		f.Host = ""
		return w.fault(f) + w.hint(f)
	}
	for _, f := range faults {
		hosts[words(f)] = append(hosts[words(f)], f.Host)
	}
	var out []run.Fault
	for _, f := range faults {
		switch same := hosts[words(f)]; {
		case len(same) <= mostAlike:
		case same[0] != f.Host:
			continue
		default:
			f.Host = strings.Join(same, ", ")
		}
		out = append(out, f)
	}
	return out
}

func (w words) fault(f run.Fault) string {
	var b strings.Builder
	if w.typed != nil && w.typed(f.Line) {
		f.Line, f.Call = "", ""
	}
	where := append([]string{}, f.Step...)
	if f.Host != "" {
		where = append([]string{f.Host}, where...)
	}
	if len(where) == 0 {
		where = []string{"runbook"}
	}
	b.WriteString(strings.Join(where, ": ") + ": " + f.Message)
	if f.Line != "" {
		fmt.Fprintf(&b, "\n  at %s", f.Line)
		if len(f.Chain) > 0 {
			fmt.Fprintf(&b, " (called from %s)", strings.Join(f.Chain, ", "))
		}
		b.WriteString(excerpt(f))
	}
	if f.Call != "" {
		fmt.Fprintf(&b, "\n  call: %s", f.Call)
	}
	if f.Command != "" {
		fmt.Fprintf(&b, "\n  command: %s", strings.ReplaceAll(strings.TrimSpace(f.Command), "\n", "\n    "))
	}
	if f.Code != nil {
		fmt.Fprintf(&b, "\n  exit status %d", *f.Code)
	}
	if f.Command != "" {
		b.WriteString("\n  " + lastLines(f.Tail))
	}
	return b.String()
}

// excerpt is the recipe around the line that failed, which is marked.
func excerpt(f run.Fault) string {
	const longest = 110
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

func lastLines(tail string) string {
	if tail = strings.TrimRight(tail, "\n"); tail == "" {
		return "it printed nothing"
	}
	return "the last lines it printed:\n    " + strings.ReplaceAll(tail, "\n", "\n    ")
}

// hint is what to do next, in general where nobody who knows more has said it.
func (w words) hint(f run.Fault) string {
	switch {
	case f.Hint != "":
		return f.Hint
	case f.Code != nil && !w.verbose:
		return "run again with -v to see all that it printed"
	case f.Line != "" && f.Code == nil && !f.Stated && !w.terse:
		return "look at " + f.Line
	}
	return ""
}
