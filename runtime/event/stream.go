package event

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// Stream carries the events of one run to its sinks. It is safe for concurrent use.
type Stream struct {
	mu      sync.Mutex
	sinks   []Sink
	secrets Redactor
	now     func() time.Time
}

// NewStream returns a stream to the given sinks.
func NewStream(sinks ...Sink) *Stream {
	return &Stream{sinks: sinks, now: time.Now}
}

// To returns a stream to the given sinks that knows the secrets of s from the beginning.
func (s *Stream) To(sinks ...Sink) *Stream {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := NewStream(sinks...)
	next.secrets = s.secrets.clone()
	return next
}

// StreamTo returns a stream to the given sinks that knows the secrets of ctx's own.
func StreamTo(ctx context.Context, sinks ...Sink) *Stream {
	if s := from(ctx).stream; s != nil {
		return s.To(sinks...)
	}
	return NewStream(sinks...)
}

// AddSecret makes the stream replace value wherever an event would show it.
func (s *Stream) AddSecret(value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.secrets.Add(value)
}

// Redact returns text as an event would show it: cleaned, with secrets replaced.
func (s *Stream) Redact(text string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cleaner().text(text)
}

// Hide returns text with secrets replaced and all else as it is: for what is passed on to a program.
func (s *Stream) Hide(text string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.secrets.Replace(text)
}

func (s *Stream) cleaner() cleaner { return cleaner{&s.secrets} }

// Open is how many bytes at the end of text may be the beginning of a secret that goes on in what follows.
func (s *Stream) Open(text string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.secrets.Open(text)
}

// Close closes every sink and returns their errors. No event may follow.
func (s *Stream) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, sink := range s.sinks {
		errs = append(errs, sink.Close())
	}
	return errors.Join(errs...)
}

func (s *Stream) emit(e Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e.Time = s.now().UTC()
	e = s.cleaner().event(e)
	for _, sink := range s.sinks {
		sink.Event(e)
	}
}

// scope is what a context knows of where in the run it is.
type scope struct {
	stream *Stream
	host   string
	step   []string
	line   string
}

type scopeKey struct{}

func from(ctx context.Context) scope {
	sc, _ := ctx.Value(scopeKey{}).(scope)
	return sc
}

// WithStream returns a context whose events go to s.
func WithStream(ctx context.Context, s *Stream) context.Context {
	sc := from(ctx)
	sc.stream = s
	return context.WithValue(ctx, scopeKey{}, sc)
}

// WithHost returns a context whose events are about the named host.
func WithHost(ctx context.Context, name string) context.Context {
	sc := from(ctx)
	sc.host = name
	return context.WithValue(ctx, scopeKey{}, sc)
}

// WithStep returns a context whose events belong to a step within the present one.
func WithStep(ctx context.Context, title string) context.Context {
	sc := from(ctx)
	sc.step = append(slices.Clone(sc.step), title)
	return context.WithValue(ctx, scopeKey{}, sc)
}

// WithLine returns a context whose events come from a line of the recipe, FILE:LINE.
func WithLine(ctx context.Context, line string) context.Context {
	sc := from(ctx)
	sc.line = line
	return context.WithValue(ctx, scopeKey{}, sc)
}

// Host returns the name of the host that ctx is about, or "".
func Host(ctx context.Context) string { return from(ctx).host }

// Step returns the titles of the steps that ctx is in, outermost first.
func Step(ctx context.Context) []string { return from(ctx).step }

// Line returns the recipe line that ctx comes from, FILE:LINE, or "".
func Line(ctx context.Context) string { return from(ctx).line }

// Emit sends e to the stream of ctx, with time, host, step and line filled in where e leaves them empty.
// Without a stream in ctx nothing happens, so that packages can be used as plain libraries.
func Emit(ctx context.Context, e Event) {
	sc := from(ctx)
	if sc.stream == nil {
		return
	}
	if e.Host == "" {
		e.Host = sc.host
	}
	if e.Step == nil {
		e.Step = sc.step
	}
	if e.Line == "" {
		e.Line = sc.line
	}
	sc.stream.emit(e)
}

// AddSecret makes the stream of ctx replace value wherever an event would show it.
func AddSecret(ctx context.Context, value string) {
	if s := from(ctx).stream; s != nil {
		s.AddSecret(value)
	}
}

// Redact returns text as the stream of ctx would show it: for who cuts a text before it becomes an event, since a
// part of a secret is not found any more.
func Redact(ctx context.Context, text string) string {
	if s := from(ctx).stream; s != nil {
		return s.Redact(text)
	}
	return Clean(text)
}

// Open is how many bytes at the end of text may be the beginning of a secret that goes on in what follows: who shows
// output piece by piece keeps them back until more is there.
func Open(ctx context.Context, text string) int {
	if s := from(ctx).stream; s != nil {
		return s.Open(text)
	}
	return 0
}
