// Package journal keeps a record of every run on this machine.
//
// Its one rule: an event is in the file before the next one happens, so that what is there can be read whatever became
// of the process that wrote it. The end of an output that is longer than there is room for waits for the end of its command.
package journal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"runbook/runtime/event"
)

// suffix ends the name of a run's file: ID.jsonl, one event a line as event.Event states it.
const suffix = ".jsonl"

// layout is how a run's ID says when it began, in UTC. A second run of the same second gets "-2" behind it.
const layout = "20060102-150405"

// Dir is the folder of all runs: $XDG_STATE_HOME/runbook/runs, or ~/.local/state/runbook/runs. A relative
// $XDG_STATE_HOME counts for nothing (https://specifications.freedesktop.org/basedir-spec/latest/).
func Dir() (string, error) {
	state := os.Getenv("XDG_STATE_HOME")
	if !filepath.IsAbs(state) {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", fmt.Errorf("the folder of the journal: %w", err)
		}
		state = filepath.Join(home, ".local", "state")
	}
	return filepath.Join(state, "runbook", "runs"), nil
}

// Sink writes one run. For as long as it is open, others can tell from a lock on its file that the run is under way.
type Sink struct {
	id      string
	file    *os.File
	line    bytes.Buffer // the event that is written
	enc     *json.Encoder
	outputs outputs
	err     error // the first failure to write; what follows is dropped
}

// Secure makes the folder of the journal if it isn't there, and sees to it that only the user gets into it. It returns the mode that
// it had if that was another. A folder of somebody else is an error.
func Secure(dir string) (was os.FileMode, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return 0, fmt.Errorf("the folder of the journal: %w", err)
	}
	info, err := os.Stat(dir)
	switch {
	case err != nil:
		return 0, fmt.Errorf("the folder of the journal: %w", err)
	case !mine(info):
		return 0, fmt.Errorf("the folder of the journal, %s, belongs to another user: set XDG_STATE_HOME to a folder of your own", dir)
	case info.Mode().Perm()&0o077 == 0:
		return 0, nil
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return 0, fmt.Errorf("the folder of the journal: others may enter it: %w", err)
	}
	return info.Mode().Perm(), nil
}

// Create begins the record of a run that begins now, in a file of dir that only the user can read. See Secure for the folder.
func Create(dir string, now time.Time) (*Sink, error) {
	if _, err := Secure(dir); err != nil {
		return nil, err
	}
	begun := now.UTC().Format(layout)
	id := begun
	for n := 2; ; n++ {
		f, err := os.OpenFile(filepath.Join(dir, id+suffix), os.O_WRONLY|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o600)
		if errors.Is(err, os.ErrExist) {
			id = fmt.Sprintf("%s-%d", begun, n)
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("the journal: %w", err)
		}
		if err := hold(f); err != nil {
			return nil, errors.Join(fmt.Errorf("the journal: %w", err), f.Close())
		}
		s := &Sink{id: id, file: f, outputs: outputs{}}
		s.enc = json.NewEncoder(&s.line)
		s.enc.SetEscapeHTML(false) // grep should find a command line as it was typed
		return s, nil
	}
}

// ID is the name by which the run can be read.
func (s *Sink) ID() string { return s.id }

// Event appends e.
func (s *Sink) Event(e event.Event) {
	switch e.Kind {
	case event.CommandBegun:
		s.end(of(e))
	case event.CommandEnded:
		s.end(of(e))
	case event.Output:
		if line := s.encoded(e); s.outputs.take(e, line) {
			s.write(line)
		}
		return
	}
	s.write(s.encoded(e))
}

// end appends what was kept of the end of an output.
func (s *Sink) end(o origin) {
	left, lines := s.outputs.end(o)
	if left != nil {
		s.write(s.encoded(*left))
	}
	for _, line := range lines {
		s.write(line)
	}
}

// encoded is an event as a line, which is good until the next one.
func (s *Sink) encoded(e event.Event) []byte {
	s.line.Reset()
	if err := s.enc.Encode(e); err != nil && s.err == nil {
		s.err = err
	}
	return s.line.Bytes()
}

// write hands a line to the system at once, so that nothing of it waits in this process.
func (s *Sink) write(line []byte) {
	if s.err == nil {
		_, s.err = s.file.Write(line)
	}
}

// Close lets the file go, and returns the first failure to write it.
func (s *Sink) Close() error {
	for o := range s.outputs {
		s.end(o)
	}
	if err := errors.Join(s.err, s.file.Close()); err != nil {
		return fmt.Errorf("the journal: %w", err)
	}
	return nil
}
