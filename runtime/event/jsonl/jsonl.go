// Package jsonl writes the events of a run as JSON lines, for programs.
//
// Its one rule: one event, one line, as event.Event states it, and nothing else on the writer.
package jsonl

import (
	"encoding/json"
	"fmt"
	"io"

	"runbook/runtime/event"
)

// Sink writes one JSON object a line.
type Sink struct {
	enc *json.Encoder
	err error // the first failure to write; what follows is dropped
}

// New returns a sink that writes to w, which stays open.
func New(w io.Writer) *Sink {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false) // a command line should read as it was typed
	return &Sink{enc: enc}
}

// Event writes e as one line.
func (s *Sink) Event(e event.Event) {
	if s.err == nil {
		s.err = s.enc.Encode(e)
	}
}

// Close returns the first failure to write, such as a reader that went away.
func (s *Sink) Close() error {
	if s.err != nil {
		return fmt.Errorf("writing events: %w", s.err)
	}
	return nil
}
