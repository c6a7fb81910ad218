// Package terminal shows a run to a person.
//
// Its one rule: results go to standard output, progress and errors to standard error, and every line about a
// host begins with the host's name.
//
// On a terminal what goes on now is drawn below what has been; elsewhere each line says when, where and in which step, so
// that it can be found by grep.
package terminal

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

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
	// Heartbeat is how long a step may print nothing before a line says that it is still running; 0 for never. The live
	// view needs none.
	Heartbeat time.Duration
	// Screen is the terminal to draw what goes on now on, which Err writes to too. Nil is for lines alone.
	Screen *os.File
	// OutOnScreen says that Out writes to the same terminal.
	OutOnScreen bool
	// RawOut and RawErr say that what hosts print goes to Out or Err as it is, since no terminal sees it. Only Outputs asks.
	RawOut, RawErr bool
	// Steps is how many steps a host is known to take, from an earlier run; 0 for unknown.
	Steps int
}

// Sink is the terminal view.
type Sink struct {
	opts  Options
	style styles
	width int
	live  *live // nil without a screen
	lines bool  // nothing is drawn any more

	mu     sync.Mutex
	now    state
	times  stepTimes
	hosts  hostTable
	output bool                 // the event that is shown is a command's output
	shown  bool                 // a recipe has shown a table of its own
	said   map[string]time.Time // when the last line about a host was written
	err    error                // the first failure to write; what follows is tried all the same

	quit, done chan struct{} // of the heartbeat
}

// New returns the terminal view of a run.
func New(opts Options) *Sink {
	s := &Sink{opts: opts, style: plainStyles(), now: newState(opts.Hosts), said: map[string]time.Time{}}
	if opts.Colour {
		s.style = colourStyles()
	}
	for _, h := range opts.Hosts {
		s.width = max(s.width, width(h))
	}
	switch {
	case opts.Screen != nil && opts.Level >= Normal:
		s.live = newLive(opts.Screen, s.frame)
	case opts.Heartbeat > 0 && opts.Level >= Normal:
		s.startHeartbeat(opts.Heartbeat)
	}
	return s
}

// Pause takes what goes on now off the screen until resume is called, as for a question. Lines wait meanwhile. Pauses may
// overlap, and one after the run's end does nothing.
func (s *Sink) Pause() (resume func()) {
	if s.live == nil {
		return func() {}
	}
	s.live.hold()
	return s.live.release
}

// Close returns the first failure to write, such as a reader that went away.
func (s *Sink) Close() error {
	s.stopHeartbeat()
	s.endLive()
	return s.err
}

// endLive goes back to lines alone.
func (s *Sink) endLive() {
	if s.live == nil || s.lines {
		return
	}
	s.live.hold()
	s.live.writeRest()
	if err := s.live.failed(); err != nil && s.err == nil {
		s.err = err
	}
	s.lines = true
}

// Event shows e, where the level asks for it.
func (s *Sink) Event(e event.Event) {
	if e.Kind == event.RunEnded {
		s.endLive() // before the lock: drawing needs it too
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.output = e.Kind == event.Output
	s.now.track(e)
	s.times.track(e)
	switch e.Kind {
	case event.RunBegun:
		if s.live != nil {
			s.live.begin()
		}
	case event.Printed:
		s.write(s.opts.Out, e.Text+"\n")
	case event.Table:
		s.shown = true
		s.write(s.opts.Out, align(e.Header, e.Rows, s.columns()))
	case event.Result:
		s.hosts.add(e)
	case event.Warning:
		s.line(e, 0, s.style.warning("warning: ")+e.Text)
		s.hint(e)
	case event.Skipped:
		s.line(e, 0, s.style.warning("skipped: ")+e.Text)
	case event.Interrupted:
		s.write(s.opts.Err, s.style.warning("runbook: ")+e.Text+"\n")
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

// ended shows the times of the steps, the last table, and then a failure: its reason is the last thing to read.
func (s *Sink) ended(e event.Event) {
	own := s.shown && e.Error == "" && !s.hosts.columns() // a recipe whose result is a table of its own needs no other
	if times := s.times.text(s.opts.Hosts, s.columns()); times != "" && s.opts.Level >= Normal && !own {
		s.write(s.opts.Out, times+"\n")
	}
	if !s.hosts.empty() && !own {
		header, rows := s.hosts.cells()
		s.write(s.opts.Out, align(header, rows, s.columns()))
	}
	if e.Error != "" {
		s.write(s.opts.Err, s.style.failure(firstLine(e.Error))+rest(e.Error)+"\n")
	}
	if !own {
		s.hint(e)
	}
}

// columns is how wide the screen is that results are on; 0 for any width.
func (s *Sink) columns() int {
	if !s.opts.OutOnScreen {
		return 0
	}
	return Columns(s.opts.Screen)
}

func (s *Sink) hint(e event.Event) {
	if e.Hint != "" {
		s.write(s.opts.Err, "next: "+e.Hint+"\n")
	}
}

// write writes to w, or above what is drawn when w is the same terminal.
func (s *Sink) write(w io.Writer, text string) {
	if text == "" {
		return
	}
	if s.live != nil && !s.lines && (w == s.opts.Err || s.opts.OutOnScreen) {
		s.live.above(w, text, s.output)
		return
	}
	if w == s.opts.Err || s.opts.OutOnScreen {
		text = Wrap(text, Columns(s.opts.Screen))
	}
	if _, err := io.WriteString(w, text); err != nil && s.err == nil {
		s.err = err
	}
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
