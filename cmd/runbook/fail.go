package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"runbook/runtime/event/terminal"
	"runbook/runtime/run"
)

// words turns a failure into text.
type words struct {
	verbose bool                   // the output of every command was shown already
	terse   bool                   // that a line is to be looked at goes without saying
	typed   func(line string) bool // whether a line is before the admin's eyes; nil for never
	record  string                 // the run in the journal, or ""
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
	_, _ = fmt.Fprintln(p.err, terminal.Wrap(p.redact(text), terminal.Columns(screen(p.err))))
	return run.Status(err)
}

// redact is text as it may be shown, where no run does it.
func (p *program) redact(text string) string { return p.secrets.Redact(text) }

// redacted writes to standard output what may be shown of each piece that it gets.
type redacted struct{ program *program }

func (r redacted) Write(text []byte) (int, error) {
	if _, err := io.WriteString(r.program.out, r.program.redact(string(text))); err != nil {
		return 0, err
	}
	return len(text), nil
}

// explain is p.words at the moment of the failure.
func (p *program) explain(err error) (text, hint string) { return p.words.explain(err) }

// explain puts a failure into the words that an admin needs: where (host, step, recipe line), what (the call or the
// command, its exit status, the last lines it printed), and what to do next. With several failures each has its own hint in
// the text, and a place in the recipe is shown once. What would be longer than a message may be is left to the journal.
func (w words) explain(err error) (text, hint string) {
	groups := w.alike(run.Faults(err))
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
	source bool // the recipe around its line, and the call beside the command
	tail   int  // how many of the last lines that the command printed
}

// parts are the failures one by one, and what to do about a single one.
func (w words) parts(groups []group, d detail) (parts []string, hint string) {
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

func (w words) fault(g group, d detail) string {
	var b strings.Builder
	f := g.Fault
	if w.typed != nil && w.typed(f.Line) {
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
	fmt.Fprintf(&b, "\n  command: %s", script(f.Command))
	if f.Code != nil {
		fmt.Fprintf(&b, "\n  exit status %d", *f.Code)
	}
	b.WriteString("\n  " + g.lastLines(d.tail))
	return b.String()
}

// excerpt is the recipe around the line that failed, which is marked.
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

// script is a command as a message shows it: of one with many lines the first.
func script(command string) string {
	const most = 3
	lines := strings.Split(strings.TrimSpace(command), "\n")
	if n := len(lines) - most; n > 1 {
		lines = append(lines[:most], fmt.Sprintf("… and %d more lines", n))
	}
	return shortLines(strings.Join(lines, "\n    "))
}

// lastLines are at most so many of those that the command printed, of the first host where there are several.
func (g group) lastLines(most int) string {
	lines := strings.Split(strings.TrimRight(g.Tail, "\n"), "\n")
	if lines[len(lines)-1] == "" {
		return "it printed nothing"
	}
	on := ""
	if g.differ {
		on = " on " + g.Host
	}
	return "the last lines it printed" + on + ":\n    " + shortLines(strings.Join(lines[max(0, len(lines)-most):], "\n    "))
}

// hint is what to do next, in general where nobody who knows more has said it.
func (w words) hint(f run.Fault) string {
	switch {
	case f.Hint != "":
		return f.Hint
	case f.Code != nil && f.Tail != "" && !w.verbose:
		if w.record != "" {
			return "runbook log " + w.record + " --grep . shows all that it printed"
		}
		return "run again with -v to see all that it printed"
	case f.Line != "" && (f.Code == nil || f.Tail == "") && !f.Stated && !w.terse:
		return "look at " + f.Line
	}
	return ""
}
