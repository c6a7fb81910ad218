// Package jsonl writes the events of a run as JSON lines, for programs.
//
// Its one rule: each event.Event is one line, and nothing else is written.
package jsonl

import (
	"fmt"
	"io"

	"runbook/runtime/event"
)

// Sink writes one JSON object per line.
type Sink struct {
	w   io.Writer
	enc *event.Encoder
	err error // the first failure to write; later events are dropped
}

// New returns a sink that writes to w. Closing the sink leaves w open.
func New(w io.Writer) *Sink { return &Sink{w: w, enc: event.NewEncoder()} }

// Event writes e as one line.
func (s *Sink) Event(e event.Event) {
	if s.err != nil {
		return
	}
	line, err := s.enc.Encode(e)
	if err == nil {
		_, err = s.w.Write(line)
	}
	s.err = err
}

// Close returns the first failure to write, such as a closed pipe.
func (s *Sink) Close() error {
	if s.err != nil {
		return fmt.Errorf("writing events: %w", s.err)
	}
	return nil
}
