package html

import (
	"slices"
	"strings"
	"time"

	"runbook/runtime/event"
)

// row holds what happened on one host.
type row struct {
	host   string
	result *event.Event // its row in the last table
	failed bool         // its function ended with an error
	spans  []*span
	open   []*span // without an end, in the order they began
}

// what is the kind of a span.
type what int

const (
	step    what = iota
	part         // a host's function in each; without a title it has no bar, only a background
	command      // a command outside of any step
	connect
	lock // a wait for another run's lock
)

// span is an activity on one host.
type span struct {
	what       what
	path       []string // titles, outermost first; the last is its own
	line       string
	begun, end time.Duration // since the run began
	ended      bool
	waits      bool // it waited for a condition
	error      string
	parent     *span
	group      *group // set by groups
	runs       []*run
	notes      []message
}

// run is a command.
type run struct {
	text, line string
	begun, end time.Duration
	code       *int
	error      string
	output     tail
}

func (s *span) title() string {
	if len(s.path) == 0 {
		return ""
	}
	return s.path[len(s.path)-1]
}

// drawn reports whether a span has a bar.
func (s *span) drawn() bool { return s.what != part || len(s.path) > 0 }

// aside reports whether a bar is not a step of the recipe.
func (s *span) aside() bool { return s.what == command || s.what == connect }

// lane returns in how many bars a bar is nested.
func (s *span) lane() int {
	n := 0
	for p := s.parent; p != nil; p = p.parent {
		if p.drawn() {
			n++
		}
	}
	return n
}

// onRow records an event in the row of its host.
func (r *Report) onRow(e event.Event) {
	at, row := r.since(e), r.row(e.Host)
	switch e.Kind {
	case event.HostBegun:
		row.begin(&span{what: part, path: e.Step, line: e.Line, begun: at})
	case event.HostEnded:
		row.failed = row.failed || e.Error != ""
		row.finish(part, e.Step, at, e.Error)
	case event.StepBegun:
		row.begin(&span{what: step, path: e.Step, line: e.Line, begun: at})
	case event.StepEnded:
		row.finish(step, e.Step, at, e.Error)
	case event.Connected:
		s := &span{what: connect, path: []string{"connect"}, line: e.Line, begun: max(0, at-duration(e.Seconds)),
			end: at, ended: true}
		s.notes = []message{{at: at, kind: e.Kind, text: e.Text}}
		row.spans = append(row.spans, s)
	case event.LockWaiting:
		if !slices.ContainsFunc(row.open, func(s *span) bool { return s.what == lock }) {
			row.begin(&span{what: lock, path: append(slices.Clone(e.Step), "wait for the lock"), line: e.Line,
				begun: at, waits: true})
		}
		row.note(e, at)
	case event.LockTaken:
		row.finish(lock, append(slices.Clone(e.Step), "wait for the lock"), at, "")
		row.note(e, at)
	case event.CommandBegun:
		r.commands++
		row.command(e, at)
	case event.Output:
		if c := row.running(e); c != nil {
			c.output.add(e.Text)
		}
	case event.CommandEnded:
		row.commandEnded(e, at)
	default:
		row.note(e, at)
	}
}

func (r *row) begin(s *span) {
	s.parent = r.innermost(s.path)
	if s.what == part && s.parent != nil {
		s.what = step // nested each: the row has a background already
	}
	r.spans, r.open = append(r.spans, s), append(r.open, s)
}

// innermost returns the innermost open span that contains this step path, or nil.
func (r *row) innermost(path []string) *span {
	for _, s := range slices.Backward(r.open) {
		if s.what != lock && s.what != command && len(s.path) <= len(path) && slices.Equal(s.path, path[:len(s.path)]) {
			return s
		}
	}
	return nil
}

// finish ends the last open span of a path, and all open spans within it.
func (r *row) finish(w what, path []string, at time.Duration, failure string) {
	for i, s := range slices.Backward(r.open) {
		if s.what != w || !slices.Equal(s.path, path) {
			continue
		}
		s.error = failure
		for _, inner := range r.open[i:] {
			inner.end, inner.ended = at, true
		}
		r.open = r.open[:i]
		return
	}
}

// command begins a command in its step, or as its own bar outside of steps.
func (r *row) command(e event.Event, at time.Duration) {
	s := r.innermost(e.Step)
	if s == nil || !s.drawn() {
		first, _, _ := strings.Cut(strings.TrimSpace(e.Text), "\n")
		alone := &span{what: command, path: append(slices.Clone(e.Step), first), line: e.Line, begun: at, parent: s}
		r.spans, r.open = append(r.spans, alone), append(r.open, alone)
		s = alone
	}
	// A step that polls a condition sleeps between its checks.
	s.waits = s.waits || strings.HasPrefix(e.Text, "sleep ")
	s.runs = append(s.runs, &run{text: e.Text, line: e.Line, begun: at, end: -1})
}

// running returns the running command that e is about, or nil.
func (r *row) running(e event.Event) *run {
	for _, s := range slices.Backward(r.open) {
		for _, c := range slices.Backward(s.runs) {
			if c.end < 0 && (e.Kind == event.Output && c.line == e.Line || c.text == e.Text) {
				return c
			}
		}
	}
	return nil
}

func (r *row) commandEnded(e event.Event, at time.Duration) {
	c := r.running(e)
	if c == nil {
		return
	}
	c.end, c.code, c.error = at, e.Code, e.Error
	for i, s := range r.open {
		if s.what == command && slices.Contains(s.runs, c) {
			s.end, s.ended, s.error = at, true, e.Error
			if e.Code != nil && *e.Code != 0 {
				s.error = exitStatus(*e.Code)
			}
			r.open = slices.Delete(r.open, i, i+1)
			return
		}
	}
}

// note keeps an event of a step other than its commands.
func (r *row) note(e event.Event, at time.Duration) {
	s := r.innermost(e.Step)
	text := e.Text
	if text == "" {
		text = e.Error
	}
	if s == nil || text == "" {
		return
	}
	s.notes = append(s.notes, message{at: at, kind: e.Kind, text: text})
}
