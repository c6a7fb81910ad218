package terminal

import (
	"slices"
	"strings"
	"time"

	"runbook/runtime/event"
)

// state is the current state of the run.
type state struct {
	recipe      string
	began       time.Time
	hosts       []*hostState
	byName      map[string]*hostState
	outer       []openStep // open steps outside of any host
	steps       bool       // the recipe has steps
	most        int        // the maximum of ended steps of any host
	interrupted bool
}

// hostState is the current state of a host.
type hostState struct {
	name      string
	connected bool
	begun     bool       // each has begun its function
	working   bool       // its function is running
	open      []openStep // innermost last
	done      int        // how many steps have ended
	command   string     // the running command, or ""
	since     time.Time  // when the command, or an activity outside of steps, began
	output    string     // the last line of the command's output
	transfer  event.Event
	waiting   string // the holder of the lock that it waits for
	hook      string // the running hook
	rest      string // its state at the end of its function, such as prepared
	doneIn    string // the step outside of any host that contained its function
	failed    string // the first line of its error
}

// openStep is a step that has begun and not ended.
type openStep struct {
	titles []string // outermost first
	since  time.Time
}

func newState(hosts []string) state {
	s := state{byName: map[string]*hostState{}}
	for _, name := range hosts {
		s.add(name)
	}
	return s
}

func (s *state) add(name string) *hostState {
	h := &hostState{name: name}
	s.hosts = append(s.hosts, h)
	s.byName[name] = h
	return h
}

// host returns the host with this name, or nil.
func (s *state) host(name string) *hostState { return s.byName[name] }

// track updates the state by an event.
func (s *state) track(e event.Event) {
	switch e.Kind {
	case event.RunBegun:
		s.recipe, s.began = e.Text, e.Time
	case event.StepBegun:
		s.steps = true
	case event.Interrupted:
		s.interrupted = true
	}
	if e.Host == "" {
		s.outer = trackSteps(s.outer, e)
		return
	}
	h := s.byName[e.Host]
	if h == nil { // this machine, or a name that the recipe made up
		h = s.add(e.Host)
		h.connected = true
	}
	h.track(e)
	s.most = max(s.most, h.done)
}

func trackSteps(open []openStep, e event.Event) []openStep {
	switch e.Kind {
	case event.StepBegun:
		return append(open, openStep{e.Step, e.Time})
	case event.StepEnded:
		i := slices.IndexFunc(open, func(o openStep) bool { return slices.Equal(o.titles, e.Step) })
		if i >= 0 {
			return slices.Delete(open, i, i+1)
		}
	}
	return open
}

func (h *hostState) track(e event.Event) {
	h.open = trackSteps(h.open, e)
	switch e.Kind {
	case event.Connected:
		h.connected = true
	case event.HostBegun:
		h.begun, h.working, h.since, h.rest = true, true, e.Time, ""
	case event.HostEnded:
		h.connected = true // or skipped
		h.working, h.rest, h.command, h.output, h.waiting = false, e.State, "", "", ""
		h.open, h.doneIn = nil, strings.Join(e.Step, separator)
		if e.Error != "" {
			h.failed = firstLine(e.Error)
		}
	case event.StepBegun:
		h.waiting = ""
	case event.StepEnded:
		h.done++
		h.transfer = event.Event{}
	case event.CommandBegun:
		h.command, h.since, h.output, h.waiting, h.transfer = firstLine(e.Text), e.Time, "", "", event.Event{}
	case event.CommandEnded:
		h.command, h.output = "", ""
	case event.Output:
		text := strings.TrimRight(e.Text, "\n")
		if line := strings.TrimSpace(text[strings.LastIndexByte(text, '\n')+1:]); line != "" {
			h.output = line
		}
	case event.Transferring:
		h.transfer = e
	case event.Changed:
		h.transfer = event.Event{}
	case event.LockWaiting:
		h.waiting = e.Text
	case event.LockTaken:
		h.waiting = ""
	case event.HookBegun:
		h.hook, h.since = e.Text, e.Time
	case event.HookEnded:
		h.hook = ""
	}
}

// busy reports whether the host has a current activity.
func (h *hostState) busy() bool {
	return h.working || h.hook != "" || len(h.open) > 0 || h.command != ""
}
