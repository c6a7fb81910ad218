// Package journal records every run in a file on this machine.
//
// Its one rule: an event is in the file before the next one happens, so that the record is readable
// even if the process was killed. Only the end of a very long output is written later, when its
// command ends.
package journal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"runbook/runtime/event"
)

// suffix is the extension of a run's file: ID.jsonl, one event.Event per line.
const suffix = ".jsonl"

// layout is the format of a run's ID, its begin in UTC. A second run in the same second gets the
// suffix "-2".
const layout = "20060102-150405"

// Dir returns the folder of all runs: $XDG_STATE_HOME/runbook/runs, or ~/.local/state/runbook/runs.
// A relative $XDG_STATE_HOME is ignored
// (https://specifications.freedesktop.org/basedir-spec/latest/).
func Dir() (string, error) {
	state := os.Getenv("XDG_STATE_HOME")
	if !filepath.IsAbs(state) {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", fmt.Errorf("journal folder: %w", err)
		}
		state = filepath.Join(home, ".local", "state")
	}
	return filepath.Join(state, "runbook", "runs"), nil
}

// Sink records one run. While it is open it holds a lock on the file, which shows other processes
// that the run is active.
type Sink struct {
	id      string
	file    *os.File
	enc     *event.Encoder
	outputs outputs
	err     error // the first failure to write; later events are dropped
}

// Secure creates the folder of the journal if necessary, and restricts it to the user. It returns
// the folder's previous mode if that was wider, else 0. A folder of another user is an error.
func Secure(dir string) (was os.FileMode, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return 0, fmt.Errorf("journal folder: %w", err)
	}
	info, err := os.Stat(dir)
	switch {
	case err != nil:
		return 0, fmt.Errorf("journal folder: %w", err)
	case !mine(info):
		return 0, event.WithHint(fmt.Errorf("journal folder %s: belongs to another user", dir),
			"set XDG_STATE_HOME to a folder of your own")
	case info.Mode().Perm()&0o077 == 0, runtime.GOOS == "windows": // there modes say nothing
		return 0, nil
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return 0, fmt.Errorf("journal folder: cannot restrict it to you: %w", err)
	}
	return info.Mode().Perm(), nil
}

// Create begins the record of a run that begins now, in a file that only the user can read. See
// Secure for dir.
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
		return &Sink{id: id, file: f, enc: event.NewEncoder(), outputs: outputs{}}, nil
	}
}

// ID returns the run's ID in the journal.
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

// end appends the kept end of an output.
func (s *Sink) end(o origin) {
	left, lines := s.outputs.end(o)
	if left != nil {
		s.write(s.encoded(*left))
	}
	for _, line := range lines {
		s.write(line)
	}
}

// encoded returns an event as a line, which is valid until the next call.
func (s *Sink) encoded(e event.Event) []byte {
	line, err := s.enc.Encode(e)
	if err != nil && s.err == nil {
		s.err = err
	}
	return line
}

// write writes a line at once, without a buffer in this process.
func (s *Sink) write(line []byte) {
	if s.err == nil {
		_, s.err = s.file.Write(line)
	}
}

// Close closes the file and returns the first failure to write it.
func (s *Sink) Close() error {
	for o := range s.outputs {
		s.end(o)
	}
	if err := errors.Join(s.err, s.file.Close()); err != nil {
		return fmt.Errorf("the journal: %w", err)
	}
	return nil
}
