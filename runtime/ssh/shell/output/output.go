// Package output collects what a command on a host prints, shows it in the events, and limits it.
package output

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
	"runbook/runtime/ssh"
	"runbook/runtime/ssh/shell/tail"
)

const (
	// longestLine is the length in bytes at which an unfinished line is shown anyway, in pieces of
	// this length.
	longestLine = event.LongestLine
	// DefaultMax limits how many bytes of each stream a Result holds if Command.Max is not set.
	DefaultMax = 16 << 20
	// tailLines is how many of the last lines an error has.
	tailLines = 10
)

// Collector collects what one command prints.
type Collector struct {
	ctx       context.Context
	redactor  *event.Stream // knows the secrets to hide
	quiet     bool          // shows nothing
	unlimited bool

	mu      sync.Mutex
	stdout  stream
	stderr  stream
	touched time.Time // when something was printed last
}

// stream is stdout or stderr. A command that prints more than limit runs to its end, and its output
// still reaches the events. The result is an error, because partial output must not pass for all of
// it.
type stream struct {
	name  string
	kept  []byte
	last  []byte // the end of what was printed beyond kept
	line  []byte // the unfinished last line, which is not shown yet
	total int64
	limit int
}

// store keeps b up to the limit, and always its end.
func (s *stream) store(b []byte) {
	s.total += int64(len(b))
	if room := s.limit - len(s.kept); room > 0 {
		n := min(room, len(b))
		s.kept, b = append(s.kept, b[:n]...), b[n:]
	}
	if s.last = append(s.last, b...); len(s.last) > 2*longestLine {
		s.last = append(s.last[:0], s.last[len(s.last)-longestLine:]...)
	}
}

// end returns the last longestLine bytes.
func (s *stream) end() string {
	end := s.last
	if n := longestLine - len(end); n > 0 {
		end = append(bytes.Clone(s.kept[max(0, len(s.kept)-n):]), end...)
	}
	return string(end[max(0, len(end)-longestLine):])
}

// Options are options of New.
type Options struct {
	Max   int  // limits the bytes of each stream in Text; DefaultMax if 0
	Quiet bool // shows nothing in the events
	// ShowOnly sends output to the events alone: Text has none of it, and no limit applies.
	ShowOnly bool
}

// New returns a collector for a command that runs under ctx. redactor knows the secrets to hide.
func New(ctx context.Context, redactor *event.Stream, o Options) *Collector {
	limit := cmp.Or(o.Max, DefaultMax)
	if o.ShowOnly {
		limit = 0
	}
	return &Collector{ctx: ctx, redactor: redactor, quiet: o.Quiet, unlimited: o.ShowOnly, touched: time.Now(),
		stdout: stream{name: "stdout", limit: limit}, stderr: stream{name: "stderr", limit: limit}}
}

// Stdout takes bytes of stdout.
func (o *Collector) Stdout(b []byte) error { return o.take(&o.stdout, b) }

// Stderr takes bytes of stderr.
func (o *Collector) Stderr(b []byte) error { return o.take(&o.stderr, b) }

// take stores and shows the bytes of one stream.
func (o *Collector) take(s *stream, b []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.touched = time.Now()
	s.store(b)
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
	o.show(s, o.showable(s, end))
	return nil
}

// PassThrough returns the function that writes bytes to w instead.
func (o *Collector) PassThrough(w io.Writer) func([]byte) error {
	return func(b []byte) error {
		_, _ = w.Write(b) // Command.Output documents that its errors are ignored
		o.mu.Lock()
		defer o.mu.Unlock()
		o.touched = time.Now()
		return nil
	}
}

// showable returns how many of the first n bytes can be shown. The beginning of a secret cannot,
// nor the line that it is in.
func (o *Collector) showable(s *stream, n int) int {
	if n == 0 {
		return 0
	}
	open := o.redactor.Pending(string(s.line[:n]))
	if open == 0 || open > longestLine {
		return n
	}
	n -= open
	if end := bytes.LastIndexByte(s.line[:n], '\n') + 1; end > 0 || len(s.line) <= longestLine {
		n = end
	}
	return n
}

func (o *Collector) show(s *stream, n int) {
	if n == 0 {
		return
	}
	event.Emit(o.ctx, event.Event{Kind: event.Output, Stream: s.name, Text: string(s.line[:n])})
	s.line = append(s.line[:0], s.line[n:]...)
}

// Flush shows the unfinished lines at the end of the command.
func (o *Collector) Flush() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.show(&o.stdout, len(o.stdout.line))
	o.show(&o.stderr, len(o.stderr.line))
}

// Idle returns how long ago something was last printed.
func (o *Collector) Idle() time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	return time.Since(o.touched)
}

// Text returns what was printed so far.
func (o *Collector) Text() (stdout, stderr string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(o.stdout.kept), string(o.stderr.kept)
}

// CheckLimits returns an error if a stream was longer than its limit.
func (o *Collector) CheckLimits() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, s := range []*stream{&o.stdout, &o.stderr} {
		if s.total > int64(s.limit) && !o.unlimited {
			err := fmt.Errorf("it printed %d bytes: %w", s.total, &ssh.TooLongError{What: s.name, Most: int64(s.limit)})
			return event.WithHint(err, "raise the limit with { max = BYTES }, "+
				"or send the output to a file on the host and read what you need of it")
		}
	}
	return nil
}

// Tail returns the last lines of stderr, where reasons are, or else of stdout.
func (o *Collector) Tail() string {
	o.mu.Lock()
	ends := []string{o.stderr.end(), o.stdout.end()}
	o.mu.Unlock()
	for _, text := range ends {
		// Secrets are hidden before lines are cut: half a secret is not recognized.
		if text = LastLines(o.redactor.Redact(text)); text != "" {
			return text
		}
	}
	return ""
}

// LastLines returns the last lines of a command's output, as many as an error shows.
func LastLines(text string) string {
	text = strings.TrimRight(text, " \t\r\n")
	return tail.Lines(text[max(0, len(text)-longestLine):], tailLines)
}
