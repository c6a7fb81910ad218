package html

import (
	"slices"
	"strings"
	"time"

	"runbook/runtime/event"
)

// row is what happened on one host.
type row struct {
	host   string
	result *event.Event // what the last table says of it
	failed bool         // its function ended in an error
	spans  []*span
	open   []*span // those without an end, in the order in which they began
}

// what says what a span is.
type what int

const (
	step    what = iota
	part         // a host's function of an each; without a title of its own it is only the ground that bars stand on
	command      // one that belongs to no step
	connect
	lock // a wait for another run's lock
)

// span is something that took time on one host.
type span struct {
	what       what
	path       []string // titles, outermost first; the last is its own
	line       string
	begun, end time.Duration // since the run began
	ended      bool
	waits      bool // it waited for something to become true, instead of doing something
	error      string
	parent     *span
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

// drawn tells whether a span has a bar.
func (s *span) drawn() bool { return s.what != part || len(s.path) > 0 }

// aside tells whether a bar is none of the recipe's steps.
func (s *span) aside() bool { return s.what == command || s.what == connect }

// lane is on how many bars a bar hangs.
func (s *span) lane() int {
	n := 0
	for p := s.parent; p != nil; p = p.parent {
		if p.drawn() {
			n++
		}
	}
	return n
}

// onRow takes in what happened on a host, or outside of any.
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
		s := &span{what: connect, path: []string{"connect"}, line: e.Line, begun: max(0, at-duration(e.Seconds)), end: at, ended: true}
		s.notes = []message{{at: at, kind: e.Kind, text: e.Text}}
		row.spans = append(row.spans, s)
	case event.LockWaiting:
		if !slices.ContainsFunc(row.open, func(s *span) bool { return s.what == lock }) {
			row.begin(&span{what: lock, path: append(slices.Clone(e.Step), "wait for the lock"), line: e.Line, begun: at, waits: true})
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
		s.what = step // an each within an each: the ground is there already
	}
	r.spans, r.open = append(r.spans, s), append(r.open, s)
}

// innermost is the open span that something with the given step path happens in, or nil.
func (r *row) innermost(path []string) *span {
	for _, s := range slices.Backward(r.open) {
		if s.what != lock && s.what != command && len(s.path) <= len(path) && slices.Equal(s.path, path[:len(s.path)]) {
			return s
		}
	}
	return nil
}

// finish ends the youngest open span of a path, and whatever was still open in it.
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

// command begins a command in its step, or as a bar of its own where there is none.
func (r *row) command(e event.Event, at time.Duration) {
	s := r.innermost(e.Step)
	if s == nil || !s.drawn() {
		first, _, _ := strings.Cut(strings.TrimSpace(e.Text), "\n")
		alone := &span{what: command, path: append(slices.Clone(e.Step), first), line: e.Line, begun: at, parent: s}
		r.spans, r.open = append(r.spans, alone), append(r.open, alone)
		s = alone
	}
	// Who looks again and again whether something has come true sleeps in between.
	s.waits = s.waits || strings.HasPrefix(e.Text, "sleep ")
	s.runs = append(s.runs, &run{text: e.Text, line: e.Line, begun: at, end: -1})
}

// running is the command that e is about.
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

// note keeps what happened beside the commands of a step.
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
