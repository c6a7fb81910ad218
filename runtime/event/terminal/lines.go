package terminal

import (
	"fmt"
	"strings"
	"time"

	"runbook/runtime/event"
)

// progress shows what Normal shows. What the screen shows while it goes on needs no line of its own.
func (s *Sink) progress(e event.Event) {
	drawn := s.live != nil
	switch e.Kind {
	case event.Connected:
		if !drawn {
			s.line(e, 0, s.style.faint("connected to "+e.Text+", "+Seconds(e.Seconds)))
		}
	case event.Disconnected:
		if e.Error != "" {
			s.line(e, 0, s.style.warning("connection lost: ")+e.Error)
		}
	case event.StepBegun:
		if !drawn {
			s.step(e, "", plainStyles().done)
		}
	case event.StepEnded:
		if e.Error != "" {
			s.step(e, ": failed after "+Seconds(e.Seconds), s.style.failure)
		} else {
			s.step(e, ": done, "+Seconds(e.Seconds), s.style.done)
		}
	case event.CommandBegun:
		// A recipe without steps would say nothing for as long as its commands take.
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
	case event.WouldChange:
		s.line(e, 1, s.style.would("would ")+e.Text)
	case event.Assumed:
		s.line(e, 1, s.style.would("assumed ")+e.Text)
	case event.KeyRefused:
		s.line(e, 0, s.style.warning("key refused: ")+e.Text)
	case event.LockWaiting:
		s.line(e, 0, "waiting for the lock: "+e.Text)
	case event.Info:
		s.line(e, 1, e.Text)
	}
}

// onFailure is how a hook event names what host:on_failure left.
const onFailure = "on_failure"

// detail shows what Verbose adds.
func (s *Sink) detail(e event.Event) {
	switch e.Kind {
	case event.CommandBegun:
		s.line(e, 1, s.style.faint("$ "+strings.ReplaceAll(e.Text, "\n", "\n  ")))
	case event.Output:
		s.line(e, 2, strings.TrimSuffix(e.Text, "\n"))
	case event.CommandEnded:
		switch {
		case e.Code != nil && *e.Code != 0:
			s.line(e, 2, s.style.faint(fmt.Sprintf("exit status %d, %s", *e.Code, Seconds(e.Seconds))))
		case e.Error != "":
			s.line(e, 2, s.style.failure(e.Error))
		}
	case event.Changed:
		s.line(e, 1, s.style.faint(e.Text))
	case event.KeyUsed:
		s.line(e, 1, s.style.faint("key used: "+e.Text))
	case event.LockTaken:
		s.line(e, 1, s.style.faint("lock taken: "+e.Text))
	}
}

// separator stands between the titles of steps within each other.
const separator = " > "

// step writes one line about a step itself. In lines for grep the whole path is there, on a screen it is drawn as a tree.
func (s *Sink) step(e event.Event, suffix string, style func(string) string) {
	if s.opts.Screen == nil {
		s.prefixed(e, style(strings.Join(e.Step, separator)+suffix))
		return
	}
	s.prefixed(e, strings.Repeat("  ", max(0, len(e.Step)-1))+style(last(e.Step)+suffix))
}

// line writes lines about something within a step: depth is how far it stands in, on a screen.
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

// prefixed writes lines behind the name of the host that they are about, and behind the time when they may be read later.
// A dash is no host: so every line has the same fields.
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
