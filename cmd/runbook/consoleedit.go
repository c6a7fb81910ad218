package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"github.com/peterh/liner"

	"runbook/runtime/event/journal"
	"runbook/runtime/inventory"
	"runbook/runtime/run"
)

// editable tells whether lines can be edited: there is a terminal, to read from and to draw on.
func (p *program) editable() bool {
	return p.prompt() != nil && screen(p.out) != nil && liner.TerminalSupported()
}

// converse reads lines that are edited on the terminal, and runs them whatever becomes of the one before.
func (s *consoleLoop) converse(ctx context.Context, hosts []inventory.Host) (err error) {
	s.signals.tell(func(string) { _, _ = fmt.Fprintln(s.err) }) // behind the terminal's ^C; what it ends says so
	defer s.signals.tell(s.sayInterrupted)
	// Between two prompts the terminal makes a signal of Ctrl-C. It gives up the line, as the key does at the prompt.
	var gaveUp atomic.Bool
	s.signals.whilePrompting(func() { gaveUp.Store(true) })
	defer s.signals.whilePrompting(nil)
	e, err := s.newEditor()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.close()) }()
	var names []string
	for _, h := range hosts {
		names = append(names, h.Name)
	}
	if _, err := fmt.Fprintf(s.err, "hosts: %s; Tab completes, help explains, Ctrl-D ends\n", strings.Join(names, ", ")); err != nil {
		return err
	}
	for {
		if gaveUp.Swap(false) {
			s.begun = ""
		}
		line, err := awaited(ctx, e.line)
		switch {
		case errors.Is(err, liner.ErrPromptAborted):
			s.begun = ""
			continue
		case errors.Is(err, io.EOF):
			_, err := fmt.Fprintln(s.out)
			return err
		case err != nil:
			return err
		}
		s.begun += line + "\n"
		if err := e.remember(line); err != nil {
			return err
		}
		if s.console.Unfinished(s.begun) {
			continue
		}
		err = s.interruptible(ctx, e)
		if errors.Is(err, errExit) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// interruptible runs what was begun and tells a failure. An interrupt ends that alone.
func (s *consoleLoop) interruptible(ctx context.Context, e *editor) error {
	if err := e.cooked.ApplyMode(); err != nil {
		return fmt.Errorf("the terminal: %w", err)
	}
	line, hooks, done := s.signals.childContexts()
	err := s.run(line, hooks)
	done()
	if errors.Is(err, errExit) {
		return err
	}
	if err != nil {
		s.report(err)
	}
	if ctx.Err() != nil {
		return run.WithStatus(context.Cause(ctx), run.StatusInterrupted)
	}
	if err := e.raw.ApplyMode(); err != nil {
		return fmt.Errorf("the terminal: %w", err)
	}
	return nil
}

// editor edits lines on the terminal, and keeps them.
type editor struct {
	*liner.State
	cooked, raw liner.ModeApplier // the terminal's mode for what a line runs, and for editing
	loop        *consoleLoop
	history     *os.File // nil where it can't be kept
	last        string   // the line that was kept last
}

// newEditor takes the terminal over until close.
func (s *consoleLoop) newEditor() (*editor, error) {
	cooked, err := liner.TerminalMode()
	if err != nil {
		return nil, fmt.Errorf("the terminal: %w", err)
	}
	e := &editor{cooked: cooked, loop: s}
	earlier, err := e.openHistory()
	if err != nil {
		if _, err := fmt.Fprintf(s.err, "warning: the history is not kept: %v\n", err); err != nil {
			return nil, err
		}
	}
	e.State = liner.NewLiner()
	e.SetCtrlCAborts(true)
	e.SetBeep(false)
	e.SetTabCompletionStyle(liner.TabPrints)
	e.SetWordCompleter(e.complete)
	for line := range strings.Lines(earlier) {
		e.AppendHistory(strings.TrimSuffix(line, "\n"))
	}
	if e.raw, err = liner.TerminalMode(); err != nil {
		return nil, errors.Join(fmt.Errorf("the terminal: %w", err), e.close())
	}
	return e, nil
}

func (e *editor) close() error {
	err := e.Close()
	if e.history != nil {
		err = errors.Join(err, e.history.Close())
	}
	return err
}

// line reads one.
func (e *editor) line() (string, error) {
	if e.loop.begun != "" {
		return e.Prompt(">> ")
	}
	return e.Prompt("> ")
}

// complete says what the word before the cursor may become, as liner asks for it.
func (e *editor) complete(line string, pos int) (head string, found []string, tail string) {
	runes := []rune(line)
	before := string(runes[:pos])
	typed, found := "", []string(nil)
	if e.loop.begun == "" {
		typed, found = completeOwn(before)
	}
	if len(found) == 0 || !strings.Contains(strings.TrimLeft(before, " "), " ") { // else a name after help
		name, names := e.loop.console.Complete(e.loop.begun + before)
		if found = append(found, names...); len(names) > 0 {
			typed = name
		}
	}
	return strings.TrimSuffix(before, typed), found, string(runes[pos:])
}

// keptHistory is how much of the history is kept, in bytes.
const keptHistory = 1 << 17

// openHistory opens the file that lines are added to, and returns those that are in it.
func (e *editor) openHistory() (string, error) {
	runs, err := journal.Dir()
	if err != nil {
		return "", err
	}
	dir := filepath.Dir(runs)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	path := filepath.Join(dir, "history")
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	if n := len(text) - keptHistory; n > 0 {
		_, kept, _ := strings.Cut(string(text[n:]), "\n")
		text = []byte(kept)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			return "", err
		}
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		e.history = file
	}
	return string(text), err
}

// remember adds a line to the history, unless it is blank or the one before again, or what it belongs to begins with a space.
func (e *editor) remember(line string) error {
	if strings.TrimSpace(line) == "" || line == e.last || strings.HasPrefix(e.loop.begun, " ") {
		return nil
	}
	e.last = line
	e.AppendHistory(line)
	if e.history == nil {
		return nil
	}
	_, err := e.history.WriteString(line + "\n")
	return err
}
