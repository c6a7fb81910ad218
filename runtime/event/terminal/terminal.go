// Package terminal shows a run to a person.
//
// Its one rule: results go to standard output, progress and errors to standard error, and every line about a
// host begins with the host's name.
package terminal

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
	"unicode"

	"runbook/runtime/event"
)

// Level is how much is shown.
type Level int

// The levels, from little to much.
const (
	Quiet   Level = iota - 1 // failures, results and the last table
	Normal                   // steps with their durations; the commands of a recipe that has no steps
	Verbose                  // every command and what it prints
)

// Options says where and how a run is shown.
type Options struct {
	Out    io.Writer // results: what recipes print, their tables, the last table
	Err    io.Writer // progress and errors
	Level  Level
	Colour bool     // whether Err is a terminal that shows colours
	Hosts  []string // the hosts' names, to line the prefixes up
	// Heartbeat is how long a step may print nothing before a line says that it is still running; 0 for never.
	Heartbeat time.Duration
}

// Sink is the terminal view.
type Sink struct {
	opts  Options
	style styles
	width int

	mu    sync.Mutex
	hosts hostTable
	shown bool                  // a recipe has shown a table of its own
	steps bool                  // the recipe says what it does by steps
	begun map[string]bool       // hosts that an each has begun
	open  map[string][]openStep // by host, innermost last
	said  map[string]time.Time  // when the last line about a host was written
	err   error                 // the first failure to write; what follows is tried all the same

	quit, done chan struct{} // of the heartbeat
}

// New returns the terminal view of a run.
func New(opts Options) *Sink {
	s := &Sink{opts: opts, style: plainStyles(), begun: map[string]bool{}, open: map[string][]openStep{}, said: map[string]time.Time{}}
	if opts.Colour {
		s.style = colourStyles()
	}
	for _, h := range opts.Hosts {
		s.width = max(s.width, width(h))
	}
	if opts.Heartbeat > 0 && opts.Level >= Normal {
		s.startHeartbeat(opts.Heartbeat)
	}
	return s
}

// Close returns the first failure to write, such as a reader that went away.
func (s *Sink) Close() error {
	s.stopHeartbeat()
	return s.err
}

// Event shows e, where the level asks for it.
func (s *Sink) Event(e event.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e.Text, e.Error = printable(e.Text), printable(e.Error)
	s.track(e)
	switch e.Kind {
	case event.StepBegun:
		s.steps = true
	case event.HostBegun:
		s.begun[e.Host] = true
	}
	switch e.Kind {
	case event.Printed:
		s.write(s.opts.Out, e.Text+"\n")
	case event.Table:
		s.shown = true
		s.write(s.opts.Out, align(e.Header, e.Rows))
	case event.Result:
		s.hosts.add(e)
	case event.Warning:
		s.line(e, s.style.warning("warning: ")+e.Text)
		s.hint(e)
	case event.Skipped:
		s.line(e, s.style.warning("skipped: ")+e.Text)
	case event.RunEnded:
		s.ended(e)
	default:
		if s.opts.Level >= Normal {
			s.progress(e)
		}
		if s.opts.Level >= Verbose {
			s.detail(e)
		}
	}
}

// progress shows what Normal shows.
func (s *Sink) progress(e event.Event) {
	indent, inner := strings.Repeat("  ", max(0, len(e.Step)-1)), strings.Repeat("  ", len(e.Step))
	switch e.Kind {
	case event.Connected:
		s.line(e, s.style.faint("connected to "+e.Text+", "+Seconds(e.Seconds)))
	case event.Disconnected:
		if e.Error != "" {
			s.line(e, s.style.warning("connection lost: ")+e.Error)
		}
	case event.StepBegun:
		s.line(e, indent+last(e.Step))
	case event.StepEnded:
		if e.Error != "" {
			s.line(e, indent+s.style.failure(last(e.Step)+": failed after "+Seconds(e.Seconds)))
		} else {
			s.line(e, indent+s.style.done(last(e.Step)+": done, "+Seconds(e.Seconds)))
		}
	case event.CommandBegun:
		// A recipe without steps would say nothing for as long as its commands take.
		if !s.steps && s.begun[e.Host] && s.opts.Level == Normal {
			s.line(e, "$ "+firstLine(e.Text))
		}
	case event.HostEnded:
		if e.Error != "" {
			s.line(e, s.style.failure(e.Error))
		}
	case event.WouldChange:
		s.line(e, inner+s.style.would("would ")+e.Text)
	case event.Assumed:
		s.line(e, inner+s.style.would("assumed ")+e.Text)
	case event.KeyRefused:
		s.line(e, s.style.warning("key refused: ")+e.Text)
	case event.LockWaiting:
		s.line(e, "waiting for the lock: "+e.Text)
	case event.Info:
		s.line(e, inner+strings.ReplaceAll(e.Text, "\n", "\n"+inner))
	}
}

// detail shows what Verbose adds.
func (s *Sink) detail(e event.Event) {
	indent := strings.Repeat("  ", len(e.Step))
	switch e.Kind {
	case event.CommandBegun:
		s.line(e, indent+s.style.faint("$ "+strings.ReplaceAll(e.Text, "\n", "\n"+indent+"  ")))
	case event.Output:
		for _, l := range strings.Split(strings.TrimSuffix(e.Text, "\n"), "\n") {
			s.line(e, indent+"  "+l)
		}
	case event.CommandEnded:
		switch {
		case e.Code != nil && *e.Code != 0:
			s.line(e, indent+s.style.faint(fmt.Sprintf("  exit status %d, %s", *e.Code, Seconds(e.Seconds))))
		case e.Error != "":
			s.line(e, indent+s.style.failure("  "+e.Error))
		}
	case event.Changed:
		s.line(e, indent+s.style.faint(e.Text))
	case event.KeyUsed:
		s.line(e, indent+s.style.faint("key used: "+e.Text))
	case event.LockTaken:
		s.line(e, indent+s.style.faint("lock taken: "+e.Text))
	}
}

// ended shows the failure, then the last table: what state each host is in is the last thing to read.
func (s *Sink) ended(e event.Event) {
	if e.Error != "" {
		s.write(s.opts.Err, s.style.failure(firstLine(e.Error))+rest(e.Error)+"\n")
		s.hint(e)
	}
	// A recipe whose result is a table of its own needs no second one, unless something is to be said of a host.
	if s.hosts.empty() || s.shown && e.Error == "" && !s.hosts.columns() {
		return
	}
	header, rows := s.hosts.cells()
	s.write(s.opts.Out, align(header, rows))
	if e.Error == "" {
		s.hint(e)
	}
}

func (s *Sink) hint(e event.Event) {
	if e.Hint != "" {
		s.write(s.opts.Err, "next: "+e.Hint+"\n")
	}
}

// line writes one line of progress, behind the name of the host that it is about.
func (s *Sink) line(e event.Event, text string) {
	s.said[e.Host] = time.Now()
	prefix := ""
	if e.Host != "" {
		prefix = s.style.host(pad(e.Host, s.width)) + " | "
	}
	var b strings.Builder
	for _, l := range strings.Split(text, "\n") {
		b.WriteString(strings.TrimRight(prefix+l, " ") + "\n")
	}
	s.write(s.opts.Err, b.String())
}

func (s *Sink) write(w io.Writer, text string) {
	if _, err := io.WriteString(w, text); err != nil && s.err == nil {
		s.err = err
	}
}

// printable leaves out what a terminal would act on: what a server prints must not move the cursor or rename the window.
func printable(text string) string {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || !unicode.IsControl(r) {
			return r
		}
		return -1
	}, text)
}

func last(titles []string) string {
	if len(titles) == 0 {
		return ""
	}
	return titles[len(titles)-1]
}

// firstLine keeps a script of many lines from filling the screen.
func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimLeft(text, "\n"), "\n")
	return line
}

// rest is what firstLine leaves out, from its line break on.
func rest(text string) string {
	text = strings.TrimLeft(text, "\n")
	return strings.TrimRight(text[len(firstLine(text)):], "\n")
}

// Seconds is a duration as a person reads it: 0.3 s, 42.0 s, 3m07s.
func Seconds(s float64) string {
	if s < 60 {
		return fmt.Sprintf("%.1f s", s)
	}
	return fmt.Sprintf("%dm%02ds", int(s)/60, int(s)%60)
}
