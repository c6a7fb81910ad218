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

// drawEvery is how often the screen is drawn anew: often enough to look alive, so seldom that a run with hundreds of hosts
// spends nothing on it.
const drawEvery = 100 * time.Millisecond

// live draws what goes on now below the lines that stay, by a bubbletea program that reads no input: the terminal stays as it
// is, so that Ctrl-C is a signal and questions can be asked. Whoever has something to say only leaves it here; the
// program's own goroutines write it.
type live struct {
	screen *os.File
	frame  func(now time.Time, columns, rows int) string
	clock  func() time.Time

	mu      sync.Mutex
	waiting []aboveText // what is to be written above, in order
	bytes   int         // of these
	left    int         // bytes of output that were left out since
	err     error       // why drawing ended early

	drawing sync.Mutex // held by who starts or stops
	begun   bool
	holds   int // how many want nothing drawn now
	quit    chan struct{}
	ended   sync.WaitGroup
}

// aboveText is what stays above what is drawn.
type aboveText struct {
	w    io.Writer
	text string
}

func newLive(screen *os.File, frame func(time.Time, int, int) string) *live {
	return &live{screen: screen, frame: frame, clock: time.Now}
}

// mostWaiting is how many bytes wait before output is left out: a host prints faster than a screen shows it.
const mostWaiting = 1 << 20

// above leaves text, whole lines, for above what is drawn. w is where to write it once nothing is drawn any more. Of a command's output there
// may be too much to wait.
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
		taken = append(taken, aboveText{l.screen, fmt.Sprintf("… (%d bytes of output left out: they came faster than they could be shown)\n", l.left)})
	}
	l.waiting, l.bytes, l.left = nil, 0, 0
	return taken
}

// writeRest writes what is left, when nothing is drawn any more.
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

// begin draws from now on.
func (l *live) begin() {
	l.drawing.Lock()
	defer l.drawing.Unlock()
	l.begun = true
	if l.holds == 0 {
		l.start()
	}
}

// hold takes what is drawn off the screen until as many have called release; for good when nobody does.
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
	for !inForeground(l.screen) { // what is drawn would tear what another program shows
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
	// Nothing can be put above what is not there yet.
	select {
	case <-out.written:
		l.draw(program, m, ticker, quit, over)
	case <-over:
	}
	<-over
}

// draw hands over what is to stand above, and then what goes on now, from time to time.
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

// push writes what waits above what is drawn, by so many lines at a time as there is room for.
func (l *live) push(program *tea.Program, m *model) {
	columns, rows := m.size()
	if columns == 0 { // not known yet
		return
	}
	var text strings.Builder
	for _, a := range l.take() {
		text.WriteString(a.text)
	}
	if text.Len() == 0 {
		return
	}
	// Lines are cut here, one column short, because terminals disagree about when a full line wraps.
	whole := strings.TrimSuffix(text.String(), "\n")
	lines := strings.Split(Wrap(strings.ReplaceAll(whole, "\t", "    "), max(1, columns-1)), "\n")
	// bubbletea loses its place when lines and frame together are taller than the screen.
	for room := max(1, rows-tallest(rows)-1); len(lines) > 0; {
		n, taken := 0, 0
		for n < len(lines) && (n == 0 || taken+1+width(lines[n])/columns <= room) {
			taken += 1 + width(lines[n])/columns // a word that is wider than the screen
			n++
		}
		program.Send(tea.Println(strings.Join(lines[:n], "\n"))())
		lines = lines[n:]
	}
}

// firstWrite is a terminal that tells when something has been written to it.
type firstWrite struct {
	*os.File
	once    sync.Once
	written chan struct{}
}

// Write passes on.
func (f *firstWrite) Write(b []byte) (int, error) {
	defer f.once.Do(func() { close(f.written) })
	return f.File.Write(b)
}
