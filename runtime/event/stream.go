package event

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// Stream carries the events of one run to its sinks, and hides secrets in them. It is safe for
// concurrent use.
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

// To returns a stream to other sinks that starts with the secrets of s.
func (s *Stream) To(sinks ...Sink) *Stream {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := NewStream(sinks...)
	next.secrets = s.secrets.clone()
	return next
}

// AddSecret hides value in everything from now on.
func (s *Stream) AddSecret(value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.secrets.Add(value)
}

// AddURLs hides the user names and passwords of the URLs within text from now on. Call it as soon
// as an option or a file is read.
func (s *Stream) AddURLs(text string) {
	for _, secret := range urlSecrets(text) {
		s.AddSecret(secret)
	}
}

// Redact returns text as an event shows it: cleaned, with secrets replaced. Redact a text before
// cutting it: half a secret is not recognized.
func (s *Stream) Redact(text string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cleaner().text(text)
}

// Hide returns text with secrets replaced and nothing else changed: for text that goes to a
// program.
func (s *Stream) Hide(text string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.secrets.Replace(text)
}

func (s *Stream) cleaner() cleaner { return cleaner{&s.secrets} }

// Pending returns how many bytes at the end of text may be the beginning of a secret that
// continues. Code that shows output piece by piece holds them back until more arrives.
func (s *Stream) Pending(text string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.secrets.Pending(text)
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

// scope labels the events of a context: where they go, and which host, step and line they are
// about. Without a stream an event is lost, so that packages can be used as plain libraries.
// Nothing else depends on a scope. In particular, redaction does not: it is a method of a Stream
// that was passed as an argument, so a lost scope never shows a secret.
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

// WithStep returns a context whose events belong to a step within the current one.
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

// Step returns the titles of the steps of ctx, outermost first.
func Step(ctx context.Context) []string { return from(ctx).step }

// Line returns the recipe line that ctx comes from, FILE:LINE, or "".
func Line(ctx context.Context) string { return from(ctx).line }

// Emit sends e to the stream of ctx, if it has one, with the time, and with the host, step and line
// of ctx if e has none.
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
