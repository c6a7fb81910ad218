//go:build unix

package terminal

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	uv "github.com/charmbracelet/ultraviolet"
	"github.com/charmbracelet/x/vt"
	"github.com/creack/pty"

	"runbook/runtime/event"
)

// at returns the time so many seconds after the run began.
func at(seconds float64) time.Time {
	return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).Add(time.Duration(seconds * float64(time.Second)))
}

// screenTest shows a run on a virtual terminal.
type screenTest struct {
	t    *testing.T
	sink *Sink
	pty  *os.File

	mu   sync.Mutex // the emulator returns pointers to its cells
	term *vt.Emulator
}

func newScreen(t *testing.T, columns, rows int, o Options) *screenTest {
	t.Helper()
	ours, theirs, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	s := &screenTest{t: t, pty: ours, term: vt.NewEmulator(columns, rows)}
	s.term.SetScrollbackSize(100_000)
	s.resize(columns, rows)
	var reading sync.WaitGroup
	reading.Go(func() {
		buffer := make([]byte, 1<<16)
		for {
			n, err := ours.Read(buffer)
			s.mu.Lock()
			_, failed := s.term.Write(buffer[:n])
			s.mu.Unlock()
			if failed != nil {
				t.Error(failed)
			}
			if err != nil { // the other side is closed
				return
			}
		}
	})
	o.Out, o.Err, o.Screen, o.OutOnScreen = theirs, theirs, theirs, true
	s.sink = New(o)
	if s.sink.live != nil {
		s.sink.live.clock = func() time.Time { return at(75) }
	}
	t.Cleanup(func() {
		if err := s.sink.Close(); err != nil {
			t.Error(err)
		}
		if err := theirs.Close(); err != nil {
			t.Error(err)
		}
		reading.Wait()
		if err := ours.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func (s *screenTest) resize(columns, rows int) {
	s.t.Helper()
	s.mu.Lock()
	s.term.Resize(columns, rows)
	s.mu.Unlock()
	if err := pty.Setsize(s.pty, &pty.Winsize{Cols: uint16(columns), Rows: uint16(rows)}); err != nil {
		s.t.Fatal(err)
	}
}

func (s *screenTest) events(events ...event.Event) {
	for _, e := range events {
		s.sink.Event(e)
	}
}

// text returns the text on the screen, without empty lines at the end.
func (s *screenTest) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lines(s.term.Height(), s.term.CellAt)
}

// all returns the scrolled-off lines and the screen.
func (s *screenTest) all() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lines(s.term.ScrollbackLen(), s.term.ScrollbackCellAt) + s.lines(s.term.Height(), s.term.CellAt)
}

func (s *screenTest) lines(rows int, cell func(x, y int) *uv.Cell) string {
	var b strings.Builder
	for y := range rows {
		var line strings.Builder
		for x := range s.term.Width() {
			if c := cell(x, y); c != nil {
				line.WriteString(c.Content)
			}
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

// until waits until the screen satisfies a condition.
func (s *screenTest) until(what string, right func() bool) {
	s.t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(20 * time.Second)
	for !right() {
		select {
		case <-tick.C:
		case <-deadline:
			s.t.Fatalf("%s: never; the screen is\n%s", what, s.text())
		}
	}
}

// shows waits until the screen equals the golden file.
func (s *screenTest) shows(name, last string) {
	s.t.Helper()
	path := filepath.Join("testdata", "screen-"+name+".golden")
	if flag.Lookup("update").Value.String() == "true" {
		before, same := "", 0
		s.until(last, func() bool { // and nothing follows
			if now := s.text(); now != before || !strings.Contains(now, last) {
				before, same = now, 0
			}
			same++
			return same > 50
		})
		if err := os.WriteFile(path, []byte(s.text()), 0o644); err != nil {
			s.t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		s.t.Fatal(err)
	}
	s.until(path+":\n"+string(want), func() bool { return s.text() == string(want) })
}

func names(n int) []string {
	var out []string
	for i := range n {
		out = append(out, fmt.Sprintf("web%d", i+1))
	}
	return out
}

// build brings the hosts to the middle of a release: most are busy, some wait, one failed.
func build(hosts []string) []event.Event {
	events := []event.Event{{Kind: event.RunBegun, Time: at(0), Text: "recipes/release.lua"}}
	step := []string{"make the virtualenv"}
	for i, h := range hosts {
		events = append(events, event.Event{Kind: event.Connected, Time: at(1), Host: h})
		if i >= 50 {
			continue
		}
		events = append(events,
			event.Event{Kind: event.HostBegun, Time: at(2), Host: h},
			event.Event{Kind: event.StepBegun, Time: at(2), Host: h, Step: []string{"clone 0123456789"}},
			event.Event{Kind: event.StepEnded, Time: at(3), Host: h, Step: []string{"clone 0123456789"}, Seconds: 1},
			event.Event{Kind: event.StepBegun, Time: at(4 + float64(i)), Host: h, Step: step},
			event.Event{Kind: event.CommandBegun, Time: at(4), Host: h, Step: step,
				Text: "venv/bin/python -m pip install -r requirements.txt"},
		)
		switch i {
		case 0:
			events = append(events, event.Event{Kind: event.Output, Host: h, Step: step,
				Text: "Collecting flask\n" +
					"Collecting\tgrößenwahn==1.2.3 from a very long address that no terminal has room for\n"})
		case 7:
			events = append(events,
				event.Event{Kind: event.StepEnded, Host: h, Step: step, Seconds: 61,
					Error: "pip install: exit status 1"},
				event.Event{Kind: event.HostEnded, Host: h, Error: "pip install: exit status 1"})
		case 8:
			events = append(events, event.Event{Kind: event.Transferring, Host: h, Step: step, Text: "app.tar.gz",
				Bytes: 12_300_000, Total: 40_000_000})
		case 9:
			events = append(events, event.Event{Kind: event.LockWaiting, Host: h, Step: step,
				Text: "ann from laptop since 03:04"})
		case 10:
			events = append(events, event.Event{Kind: event.StepEnded, Host: h, Step: step, Seconds: 2},
				event.Event{Kind: event.HostEnded, Host: h, State: "prepared"})
		}
	}
	return events
}

func TestScreens(t *testing.T) {
	for _, tt := range []struct{ columns, rows, hosts int }{
		{60, 24, 2}, {60, 24, 200}, {100, 30, 2}, {100, 30, 200}, {200, 50, 200},
	} {
		name := fmt.Sprintf("%d-columns-%d-hosts", tt.columns, tt.hosts)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScreen(t, tt.columns, tt.rows, Options{Hosts: names(tt.hosts), Steps: 9})
			s.events(build(names(tt.hosts))...)
			s.shows(name, "release.lua  1m15s")
		})
	}
}

// An interrupt's rollback is on the screen at once. At the end nothing of the live view is left.
func TestInterruptedScreen(t *testing.T) {
	t.Parallel()
	hosts := names(2)
	s := newScreen(t, 80, 24, Options{Hosts: hosts})
	s.events(build(hosts)...)
	step, back := []string{"make the virtualenv"}, []string{"go back to r1"}
	s.events(
		event.Event{Kind: event.Interrupted,
			Text: "interrupted: ending what is under way, then what the recipe left for its end; once more skips that"},
		event.Event{Kind: event.CommandEnded, Host: "web1", Step: step, Error: "interrupted"},
		event.Event{Kind: event.StepEnded, Host: "web1", Step: step, Seconds: 70, Error: "interrupted"},
		event.Event{Kind: event.HookBegun, Time: at(73), Host: "web1", Line: "recipes/lib/activate.lua:64",
			Text: "on_failure"},
		event.Event{Kind: event.StepBegun, Time: at(74), Host: "web1", Step: back})
	s.shows("interrupted", "Ctrl-C once more")
	s.resize(50, 12)
	s.until("narrower", func() bool { return strings.Contains(s.text(), "putting back: go back to r1") })
	one := 130
	s.events(
		event.Event{Kind: event.StepEnded, Host: "web1", Step: back, Seconds: 1},
		event.Event{Kind: event.HookEnded, Host: "web1", Line: "recipes/lib/activate.lua:64", Text: "on_failure"},
		event.Event{Kind: event.HostEnded, Host: "web1", Error: "interrupted"},
		event.Event{Kind: event.Result, Host: "web1", State: "restored", Seconds: 75,
			Columns: map[string]string{"release": "r1"}},
		event.Event{Kind: event.RunEnded, Code: &one, Error: "web1: interrupted", Hint: "release again"})
	s.until("the end", func() bool { return strings.HasSuffix(s.text(), "web1: interrupted\nnext: release again\n") })
	if strings.Contains(s.text(), "once more skips what") {
		t.Errorf("something of the view is left:\n%s", s.text())
	}
}

// A question replaces the live view, and lines wait until it is answered.
func TestPause(t *testing.T) {
	t.Parallel()
	hosts := names(2)
	s := newScreen(t, 80, 24, Options{Hosts: hosts})
	s.events(build(hosts)...)
	s.until("drawn", func() bool { return strings.Contains(s.text(), "release.lua  1m15s") })
	resume := s.sink.Pause()
	s.events(event.Event{Kind: event.Info, Host: "web1", Text: "while it asks"})
	if _, err := s.sink.opts.Err.Write([]byte("sure? yes\n")); err != nil {
		t.Fatal(err)
	}
	s.until("the question alone", func() bool { return strings.HasSuffix(s.text(), "done, 1.0 s\nsure? yes\n") })
	resume()
	s.until("drawn again", func() bool {
		want := regexp.MustCompile(`sure\? yes\nweb1 \| while it asks\n(.*\n)+recipes/release.lua  1m15s\n$`)
		return want.MatchString(s.text())
	})
}

// Fifty hosts write concurrently, and every line is complete and in order.
func TestNoTornLines(t *testing.T) {
	t.Parallel()
	const lines = 40
	hosts := names(50)
	s := newScreen(t, 60, 24, Options{Hosts: hosts, Level: Verbose})
	stream := event.NewStream(s.sink)
	ctx := event.WithStream(t.Context(), stream)
	event.Emit(ctx, event.Event{Kind: event.RunBegun, Text: "r.lua"})
	var writing sync.WaitGroup
	for _, h := range hosts {
		writing.Go(func() {
			ctx := event.WithHost(ctx, h)
			event.Emit(ctx, event.Event{Kind: event.HostBegun})
			for i := range lines {
				event.Emit(ctx, event.Event{Kind: event.Output, Stream: "stdout",
					Text: fmt.Sprintf("line %d begins and ends.\n", i)})
			}
		})
	}
	writing.Wait()
	s.until("the last line", func() bool { return strings.Count(s.all(), "ends.\n") >= 50*lines })
	code := 0
	event.Emit(ctx, event.Event{Kind: event.RunEnded, Code: &code})
	s.until("the picture gone", func() bool { return !strings.Contains(s.all(), " s  line ") })
	whole := regexp.MustCompile(`^web\d+ *\|   line \d+ begins and ends\.$`)
	seen := map[string]bool{}
	for _, line := range strings.Split(strings.TrimSpace(s.all()), "\n") {
		if !whole.MatchString(line) {
			t.Errorf("a torn line: %q", line)
		}
		seen[line] = true
	}
	if len(seen) != 50*lines {
		t.Errorf("%d lines, want %d", len(seen), 50*lines)
	}
}

// If the last table is wider than the screen, each host has two or three lines.
func TestNarrowEnd(t *testing.T) {
	t.Parallel()
	hosts := names(2)
	s := newScreen(t, 60, 24, Options{Hosts: hosts})
	code := 0
	s.events(event.Event{Kind: event.RunBegun, Text: "r.lua", Order: []string{"release", "revision"}},
		event.Event{Kind: event.Result, Host: "web1", State: "released", Seconds: 2,
			Columns: map[string]string{"release": "20260105-120000", "revision": "abcdef123456",
				"previous": "20260101-120000"}},
		event.Event{Kind: event.Result, Host: "web2", State: "not touched"},
		event.Event{Kind: event.RunEnded, Code: &code})
	const want = `host  state        release          revision
  previous         time
web1  released     20260105-120000  abcdef123456
  20260101-120000  2.0 s
web2  not touched  -                -
  -                0.0 s
`
	s.until(want, func() bool { return s.text() == want })
}

// Hosts that have finished one part of the run wait for the next.
func TestWaitingForTheNextPart(t *testing.T) {
	t.Parallel()
	hosts := names(3)
	s := newScreen(t, 80, 24, Options{Hosts: hosts})
	look, prepare := []string{"look"}, []string{"prepare"}
	s.events(event.Event{Kind: event.RunBegun, Time: at(0), Text: "r.lua"},
		event.Event{Kind: event.StepBegun, Time: at(0), Step: look})
	for _, h := range hosts {
		s.events(event.Event{Kind: event.Connected, Host: h}, event.Event{Kind: event.HostBegun, Host: h, Step: look},
			event.Event{Kind: event.HostEnded, Host: h, Step: look, State: "done"})
	}
	s.until("all done with the first", func() bool { return strings.Contains(s.text(), "3 done so far\n") })
	s.events(event.Event{Kind: event.StepEnded, Step: look}, event.Event{Kind: event.StepBegun, Step: prepare},
		event.Event{Kind: event.HostBegun, Host: "web1", Step: prepare},
		event.Event{Kind: event.HostEnded, Host: "web1", Step: prepare, State: "done"})
	s.until("one done with the second", func() bool { return strings.Contains(s.text(), "1 done so far, 2 waiting\n") })
}
