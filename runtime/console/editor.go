package console

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/peterh/liner"
)

// editor edits lines on the terminal and keeps them in a history.
type editor struct {
	liner       *liner.State
	cooked, raw liner.ModeApplier // the terminal's mode while a line runs, and for editing
	history     *os.File          // nil where it cannot be kept
	last        string            // the line that was kept last
}

// newEditor takes over the terminal until close. complete returns the part of the text that is
// being typed, and what it may become.
func newEditor(complete func(before string) (typed string, names []string)) (e *editor, err error) {
	e = &editor{}
	if e.cooked, err = liner.TerminalMode(); err != nil {
		return nil, fmt.Errorf("the terminal: %w", err)
	}
	e.liner = liner.NewLiner()
	e.liner.SetCtrlCAborts(true)
	e.liner.SetBeep(false)
	e.liner.SetTabCompletionStyle(liner.TabPrints)
	e.liner.SetWordCompleter(func(line string, pos int) (head string, found []string, tail string) {
		runes := []rune(line)
		before := string(runes[:pos])
		typed, found := complete(before)
		return strings.TrimSuffix(before, typed), found, string(runes[pos:])
	})
	if e.raw, err = liner.TerminalMode(); err != nil {
		return nil, errors.Join(fmt.Errorf("the terminal: %w", err), e.close())
	}
	return e, nil
}

// close gives the terminal back.
func (e *editor) close() error {
	err := e.liner.Close()
	if e.history != nil {
		err = errors.Join(err, e.history.Close())
	}
	return err
}

// suspend gives the terminal its usual mode, for what a line runs, until resume is called.
func (e *editor) suspend() (resume func() error, err error) {
	if err := e.cooked.ApplyMode(); err != nil {
		return nil, fmt.Errorf("the terminal: %w", err)
	}
	return func() error {
		if err := e.raw.ApplyMode(); err != nil {
			return fmt.Errorf("the terminal: %w", err)
		}
		return nil
	}, nil
}

// historySize limits how many bytes of the history are kept.
const historySize = 1 << 17

// keepHistory reads the lines in the file at path, and adds lines to it from now on.
func (e *editor) keepHistory(path string) (err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if n := len(text) - historySize; n > 0 {
		_, kept, _ := strings.Cut(string(text[n:]), "\n")
		text = []byte(kept)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			return err
		}
	}
	for line := range strings.Lines(string(text)) {
		e.liner.AppendHistory(strings.TrimSuffix(line, "\n"))
	}
	e.history, err = os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	return err
}

// remember adds a line to the history, unless it is blank or repeats the line before.
func (e *editor) remember(line string) error {
	if strings.TrimSpace(line) == "" || line == e.last {
		return nil
	}
	e.last = line
	e.liner.AppendHistory(line)
	if e.history == nil {
		return nil
	}
	_, err := e.history.WriteString(line + "\n")
	return err
}
