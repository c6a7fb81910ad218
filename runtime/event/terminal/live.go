package terminal

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	tea "charm.land/bubbletea/v2"
)

// drawEvery is the interval between frames: short enough to look alive, and long enough to cost
// nothing with hundreds of hosts.
const drawEvery = 100 * time.Millisecond

// live draws the current state below the permanent lines, by a bubbletea program that reads no
// input. The terminal keeps its mode, so that Ctrl-C is a signal and questions can be asked. Other
// goroutines only queue text; the program's own goroutines write it.
type live struct {
	screen *os.File
	frame  func(now time.Time, columns, rows int) string
	clock  func() time.Time

	mu      sync.Mutex
	waiting []aboveText // to write above the frame, in order
	bytes   int         // their length
	left    int         // bytes of output that were omitted since
	err     error       // why drawing ended early

	drawing sync.Mutex // held while drawing starts or stops
	begun   bool
	holds   int // how many callers have paused drawing
	quit    chan struct{}
	ended   sync.WaitGroup
}

// aboveText is permanent text above the frame.
type aboveText struct {
	w    io.Writer
	text string
}

func newLive(screen *os.File, frame func(time.Time, int, int) string) *live {
	return &live{screen: screen, frame: frame, clock: time.Now}
}

// mostWaiting limits the queued bytes. Output beyond it is omitted: a host prints faster than a
// screen shows it.
const mostWaiting = 1 << 20

// above queues whole lines to write above the frame, or to w when drawing has ended. A command's
// output is omitted if too much is queued.
func (l *live) above(w io.Writer, text string, output bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if output && l.bytes+len(text) > mostWaiting {
		l.left += len(text)
		return
	}
	l.waiting, l.bytes = append(l.waiting, aboveText{w, text}), l.bytes+len(text)
}

func (l *live) take() []aboveText {
	l.mu.Lock()
	defer l.mu.Unlock()
	taken := l.waiting
	if l.left > 0 {
		taken = append(taken, aboveText{l.screen,
			fmt.Sprintf("… (%d bytes of output omitted: the hosts printed faster than the screen can show)\n", l.left)})
	}
	l.waiting, l.bytes, l.left = nil, 0, 0
	return taken
}

// writeRest writes the rest of the queue after drawing has ended.
func (l *live) writeRest() {
	for _, a := range l.take() {
		if _, err := io.WriteString(a.w, a.text); err != nil {
			l.fail(err)
		}
	}
}

func (l *live) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil && l.err == nil {
		l.err = err
	}
}

func (l *live) failed() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

// begin starts drawing.
func (l *live) begin() {
	l.drawing.Lock()
	defer l.drawing.Unlock()
	l.begun = true
	if l.holds == 0 {
		l.start()
	}
}

// hold clears the frame until release has been called as often as hold.
func (l *live) hold() {
	l.drawing.Lock()
	defer l.drawing.Unlock()
	if l.holds++; l.begun && l.holds == 1 {
		close(l.quit)
		l.ended.Wait()
	}
}

func (l *live) release() {
	l.drawing.Lock()
	defer l.drawing.Unlock()
	if l.holds--; l.begun && l.holds == 0 {
		l.start()
	}
}

func (l *live) start() {
	quit := make(chan struct{})
	l.quit = quit
	l.ended.Go(func() { l.show(quit) })
}

// show draws until quit is closed.
func (l *live) show(quit <-chan struct{}) {
	ticker := time.NewTicker(drawEvery)
	defer ticker.Stop()
	for !inForeground(l.screen) { // a frame would damage the screen of another program
		l.writeRest()
		select {
		case <-quit:
			return
		case <-ticker.C:
		}
	}
	out := &firstWrite{File: l.screen, written: make(chan struct{})}
	m := &model{live: l}
	program := tea.NewProgram(m, tea.WithInput(nil), tea.WithOutput(out), tea.WithoutSignalHandler())
	over := make(chan struct{})
	go func() {
		defer close(over)
		_, err := program.Run()
		l.fail(err)
	}()
	// Text can be written above the frame only after the first frame.
	select {
	case <-out.written:
		l.draw(program, m, ticker, quit, over)
	case <-over:
	}
	<-over
}

// draw writes the queued text and a new frame at each tick.
func (l *live) draw(program *tea.Program, m *model, ticker *time.Ticker, quit, over <-chan struct{}) {
	for {
		select {
		case <-over:
			return
		case <-quit:
			l.push(program, m)
			m.closing.Store(true)
			program.Quit()
			return
		case <-ticker.C:
		}
		l.push(program, m)
		program.Send(redraw{})
	}
}

// push writes the queued text above the frame, as many lines at a time as fit on the screen.
func (l *live) push(program *tea.Program, m *model) {
	columns, rows := m.size()
	if columns == 0 { // unknown so far
		return
	}
	var text strings.Builder
	for _, a := range l.take() {
		text.WriteString(a.text)
	}
	if text.Len() == 0 {
		return
	}
	// Lines are wrapped here, one column early, because terminals disagree about when a full line
	// wraps.
	whole := strings.TrimSuffix(text.String(), "\n")
	lines := strings.Split(Wrap(strings.ReplaceAll(whole, "\t", "    "), max(1, columns-1)), "\n")
	// bubbletea loses its place when lines and frame together are taller than the screen.
	for room := max(1, rows-maxRows(rows)-1); len(lines) > 0; {
		n, taken := 0, 0
		for n < len(lines) && (n == 0 || taken+height(lines[n], columns) <= room) {
			taken += height(lines[n], columns)
			n++
		}
		program.Send(tea.Println(strings.Join(lines[:n], "\n"))())
		lines = lines[n:]
	}
}

// height returns how many rows a line takes: a word may be wider than the screen.
func height(line string, columns int) int {
	if len(line) < columns { // nearly all lines; a character has at least as many bytes as columns
		return 1
	}
	return 1 + width(line)/columns
}

// firstWrite is a terminal that signals the first write.
type firstWrite struct {
	*os.File
	once    sync.Once
	written chan struct{}
}

// Write writes to the terminal.
func (f *firstWrite) Write(b []byte) (int, error) {
	defer f.once.Do(func() { close(f.written) })
	return f.File.Write(b)
}
