package ssh

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"runbook/runtime/event"
)

// The limits of what is shown of a command's output.
const (
	// longestLine is the length in bytes at which an unfinished line is shown nevertheless, by so much at a time.
	longestLine = event.LongestLine
	// tailLines is how many last lines an error holds.
	tailLines = 10
)

// output takes what one command prints.
type output struct {
	ctx    context.Context
	quiet  bool
	enough bool // nothing is too much

	mu      sync.Mutex
	stdout  stream
	stderr  stream
	touched time.Time
}

// stream is stdout or stderr. A command that prints more than limit runs to its end, and its output still reaches the events, but the
// result is an error: half an output must not pass for the whole.
type stream struct {
	name  string
	kept  []byte
	last  []byte // the end of what was printed, once that is not in kept
	line  []byte // the unfinished last line, not yet shown
	total int64
	limit int
}

// keep keeps what a stream brings.
func (s *stream) keep(b []byte) {
	s.total += int64(len(b))
	if room := s.limit - len(s.kept); room > 0 {
		n := min(room, len(b))
		s.kept, b = append(s.kept, b[:n]...), b[n:]
	}
	if s.last = append(s.last, b...); len(s.last) > 2*longestLine {
		s.last = append(s.last[:0], s.last[len(s.last)-longestLine:]...)
	}
}

// end is the last longestLine bytes.
func (s *stream) end() string {
	end := s.last
	if n := longestLine - len(end); n > 0 {
		end = append(bytes.Clone(s.kept[max(0, len(s.kept)-n):]), end...)
	}
	return string(end[max(0, len(end)-longestLine):])
}

func newOutput(ctx context.Context, c Command) *output {
	limit := cmp.Or(c.Max, DefaultMax)
	if c.ShowOnly {
		limit = 0
	}
	return &output{ctx: ctx, quiet: c.Quiet, enough: c.ShowOnly, touched: time.Now(),
		stdout: stream{name: "stdout", limit: limit}, stderr: stream{name: "stderr", limit: limit}}
}

// to is the function that takes the bytes of one stream.
func (o *output) to(s *stream) func([]byte) error {
	return func(b []byte) error {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.touched = time.Now()
		s.keep(b)
		if o.quiet {
			return nil
		}
		s.line = append(s.line, b...)
		end := bytes.LastIndexByte(s.line, '\n') + 1
		if end == 0 && len(s.line) > longestLine {
			end = longestLine
			for end > longestLine-utf8.UTFMax && !utf8.RuneStart(s.line[end]) {
				end--
			}
		}
		o.show(s, o.settled(s, end))
		return nil
	}
}

// through is the function that passes bytes on to w.
func (o *output) through(w io.Writer) func([]byte) error {
	return func(b []byte) error {
		_, _ = w.Write(b) // who takes them knows what went wrong
		o.mu.Lock()
		defer o.mu.Unlock()
		o.touched = time.Now()
		return nil
	}
}

// settled is how much of the first n bytes can be shown by now: not what may turn out to be the beginning of a secret,
// nor the line that it stands in.
func (o *output) settled(s *stream, n int) int {
	if n == 0 {
		return 0
	}
	open := event.Open(o.ctx, string(s.line[:n]))
	if open == 0 || open > longestLine {
		return n
	}
	n -= open
	if end := bytes.LastIndexByte(s.line[:n], '\n') + 1; end > 0 || len(s.line) <= longestLine {
		n = end
	}
	return n
}

func (o *output) show(s *stream, n int) {
	if n == 0 {
		return
	}
	event.Emit(o.ctx, event.Event{Kind: event.Output, Stream: s.name, Text: string(s.line[:n])})
	s.line = append(s.line[:0], s.line[n:]...)
}

// flush shows unfinished lines: nothing follows.
func (o *output) flush() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.show(&o.stdout, len(o.stdout.line))
	o.show(&o.stderr, len(o.stderr.line))
}

// idle is how long nothing has been printed.
func (o *output) idle() time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	return time.Since(o.touched)
}

// text is what was printed so far.
func (o *output) text() (stdout, stderr string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(o.stdout.kept), string(o.stderr.kept)
}

// overflow is the error of a stream that was longer than can be kept.
func (o *output) overflow() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, s := range []*stream{&o.stdout, &o.stderr} {
		if s.total > int64(s.limit) && !o.enough {
			err := fmt.Errorf("it printed %d bytes: %w", s.total, &TooLongError{What: s.name, Most: size(int64(s.limit))})
			return event.WithHint(err, "raise the limit with { max = BYTES }, or send the output to a file on the host and read what you need of it")
		}
	}
	return nil
}

// tail is the last lines of what was printed: of stderr when there are any, since that is where reasons stand, else of
// stdout.
func (o *output) tail() string {
	o.mu.Lock()
	ends := []string{o.stderr.end(), o.stdout.end()}
	o.mu.Unlock()
	for _, text := range ends {
		// Secrets go before lines do: of one that is cut in two, neither part is known for what it is.
		if text = LastLines(event.Redact(o.ctx, text)); text != "" {
			return text
		}
	}
	return ""
}

// LastLines is the end of what a command printed, as much of it as an error has room for.
func LastLines(text string) string {
	text = strings.TrimRight(text, " \t\r\n")
	lines := strings.Split(text[max(0, len(text)-longestLine):], "\n")
	return strings.Join(lines[max(0, len(lines)-tailLines):], "\n")
}
