package terminal

import (
	"fmt"
	"strings"
	"time"

	"runbook/runtime/event"
)

// progress shows the events of level Normal. An activity that is drawn on the screen needs no line
// when it begins.
func (s *Sink) progress(e event.Event) {
	drawn := s.live != nil
	switch e.Kind {
	case event.Connected:
		if !drawn {
			s.line(e, 0, s.style.faint("connected to "+e.Text+", "+event.Seconds(e.Seconds)))
		}
	case event.Disconnected:
		if e.Error != "" {
			s.line(e, 0, s.style.warning("connection lost: ")+e.Error)
		}
	case event.StepBegun:
		if !drawn && (e.Host == "" || s.opts.Level >= s.calls()) {
			s.step(e, "", plainStyles().done)
		}
	case event.StepEnded:
		if e.Error != "" {
			s.step(e, ": failed after "+event.Seconds(e.Seconds), s.style.failure)
		} else if e.Host == "" || s.opts.Level >= s.calls() {
			s.step(e, ": done, "+event.Seconds(e.Seconds), s.style.done)
		}
	case event.CommandBegun:
		// A recipe without steps would otherwise print nothing while its commands run.
		if h := s.now.host(e.Host); !drawn && !s.now.steps && h != nil && h.begun && s.opts.Level == Normal {
			s.line(e, 0, "$ "+firstLine(e.Text))
		}
	case event.HostEnded:
		if e.Error != "" {
			s.line(e, 0, s.style.failure(e.Error))
		}
	case event.HookBegun:
		if e.Text == onFailure {
			s.line(e, 0, s.style.warning("putting back: ")+e.Text+" of "+e.Line)
		} else if s.now.interrupted && !drawn {
			s.line(e, 0, s.style.faint("cleaning up: "+e.Text+" of "+e.Line))
		}
	case event.KeyRefused:
		s.line(e, 0, s.style.warning("key refused: ")+e.Text)
	case event.LockWaiting:
		s.line(e, 0, "waiting for the lock: "+e.Text)
	case event.Info:
		s.line(e, 1, e.Text)
	}
}

// onFailure is the text of a hook event of host:on_failure.
const onFailure = "on_failure"

// detail shows the events that level Verbose adds.
func (s *Sink) detail(e event.Event) {
	switch e.Kind {
	case event.CommandBegun:
		s.line(e, 1, s.style.faint("$ "+strings.ReplaceAll(e.Text, "\n", "\n  ")))
	case event.Output:
		s.line(e, 2, strings.TrimSuffix(e.Text, "\n"))
	case event.CommandEnded:
		switch {
		case e.Code != nil && *e.Code != 0:
			s.line(e, 2, s.style.faint(fmt.Sprintf("exit status %d, %s", *e.Code, event.Seconds(e.Seconds))))
		case e.Error != "":
			s.line(e, 2, s.style.failure(e.Error))
		}
	case event.Changed:
		s.line(e, 1, s.style.faint(e.Text))
	case event.WouldChange:
		s.line(e, 1, s.style.would("would ")+e.Text)
	case event.Assumed:
		s.line(e, 1, s.style.would("assumed ")+e.Text)
	case event.KeyUsed:
		s.line(e, 1, s.style.faint("key used: "+e.Text))
	case event.LockTaken:
		s.line(e, 1, s.style.faint("lock taken: "+e.Text))
	}
}

// separator separates the titles of nested steps.
const separator = " > "

// step writes one line about a step itself: with its whole path for grep, or as a tree on a screen.
func (s *Sink) step(e event.Event, suffix string, style func(string) string) {
	if s.opts.Screen == nil {
		s.prefixed(e, style(strings.Join(e.Step, separator)+suffix))
		return
	}
	s.prefixed(e, strings.Repeat("  ", max(0, len(e.Step)-1))+style(last(e.Step)+suffix))
}

// line writes lines about something within a step. depth is the additional indentation on a screen.
func (s *Sink) line(e event.Event, depth int, text string) {
	before := ""
	switch {
	case s.opts.Screen == nil && len(e.Step) > 0:
		before = strings.Join(e.Step, separator) + ": "
	case s.opts.Screen != nil && depth > 0:
		before = strings.Repeat("  ", len(e.Step)+depth-1)
	}
	s.prefixed(e, before+strings.ReplaceAll(text, "\n", "\n"+before))
}

// prefixed writes lines with the name of their host before them, and with the time if they may be
// read later. The name is a dash for no host, so that every line has the same fields.
func (s *Sink) prefixed(e event.Event, text string) {
	s.said[e.Host] = time.Now()
	prefix := ""
	switch {
	case e.Host != "":
		prefix = s.style.host(pad(e.Host, s.width)) + " | "
	case s.opts.Screen == nil:
		prefix = pad("-", s.width) + " | "
	}
	if s.opts.Screen == nil {
		prefix += s.style.faint(e.Time.UTC().Format(time.RFC3339)) + " "
	}
	var b strings.Builder
	for _, l := range strings.Split(text, "\n") {
		b.WriteString(strings.TrimRight(prefix+l, " ") + "\n")
	}
	s.write(s.opts.Err, b.String())
}
