// Package terminal shows a run to a person.
//
// Its one rule: results go to standard output, progress and errors to standard error, and every
// line about a host begins with the host's name.
//
// On a terminal the current state is drawn below the permanent lines. Elsewhere each line has the
// time, the host and the step, for grep.
package terminal

import (
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

// Options configures a Sink.
type Options struct {
	Out    io.Writer // results: what recipes print, their tables, the last table
	Err    io.Writer // progress and errors
	Level  Level
	Colour bool     // whether Err is a terminal that shows colours
	Hosts  []string // the hosts' names, to align the prefixes
	// Heartbeat is how long a step may print nothing before a line reports that it is still
	// running; 0 for never. The live view needs none.
	Heartbeat time.Duration
	// Screen is the terminal for the live view, to which Err writes too. Nil shows lines only.
	Screen *os.File
	// OutOnScreen is true if Out writes to the same terminal.
	OutOnScreen bool
	// RawOut and RawErr write the hosts' output to Out or Err unchanged, since it does not reach a
	// terminal. Only for Outputs.
	RawOut, RawErr bool
	// Steps is the expected number of steps per host, from an earlier run; 0 for unknown.
	Steps int
}

// Sink is the terminal view.
type Sink struct {
	opts  Options
	style styles
	width int
	live  *live // nil without a screen
	lines bool  // drawing has ended

	mu     sync.Mutex
	now    state
	times  stepTimes
	hosts  hostTable
	output bool                 // the current event is output of a command
	shown  bool                 // the recipe has shown its own table
	dry    bool                 // the run changes nothing
	said   map[string]time.Time // when the last line about a host was written
	err    error                // the first failure to write; later writes are still tried

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

// Pause clears the live view until resume is called, for example for a question. Lines wait
// meanwhile. Pauses may overlap. After the end of the run Pause does nothing.
func (s *Sink) Pause() (resume func()) {
	if s.live == nil {
		return func() {}
	}
	s.live.hold()
	return s.live.release
}

// Close returns the first failure to write, such as a closed pipe.
func (s *Sink) Close() error {
	s.stopHeartbeat()
	s.endLive()
	return s.err
}

// endLive ends the live view; from then on only lines are written.
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

// Event shows e if the level includes it.
func (s *Sink) Event(e event.Event) {
	if e.Kind == event.RunEnded {
		s.endLive() // before the lock, which drawing needs too
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.output = e.Kind == event.Output
	s.now.track(e)
	s.times.track(e)
	switch e.Kind {
	case event.RunBegun:
		s.hosts.order, s.dry = e.Order, e.DryRun
		if s.live != nil {
			s.live.begin()
		}
	case event.Printed:
		s.write(s.opts.Out, e.Text+"\n")
	case event.Table:
		s.shown = true
		s.write(s.opts.Out, align(e.Header, e.Rows, s.columns()))
	case event.PlanMade:
		if e.Plan != nil {
			style := plainStyles()
			if s.opts.OutOnScreen {
				style = s.style
			}
			s.write(s.opts.Out, planText{style, s.columns()}.format(e.Plan))
		}
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

// ended shows the times of the steps, the last table, and finally a failure, so that its reason is
// the last thing on the screen.
func (s *Sink) ended(e event.Event) {
	// A recipe that shows its own table needs no other, unless hosts were skipped.
	own := s.shown && e.Error == "" && !s.hosts.columns() && len(e.Hosts) == 0
	if times := s.times.text(s.opts.Hosts, s.columns()); times != "" && s.opts.Level >= s.calls() && !own {
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

// calls returns the level that shows the steps of hosts and their calls. In a dry run they are not
// done, and the plan has what they would change.
func (s *Sink) calls() Level {
	if s.dry {
		return Verbose
	}
	return Normal
}

// columns returns the width of the screen for results; 0 for any width.
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

// write writes to w, or above the live view if w is the same terminal.
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

// firstLine returns the first line, so that a long script does not fill the screen.
func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimLeft(text, "\n"), "\n")
	return line
}

// rest returns the text after firstLine, with the line break.
func rest(text string) string {
	text = strings.TrimLeft(text, "\n")
	return strings.TrimRight(text[len(firstLine(text)):], "\n")
}
