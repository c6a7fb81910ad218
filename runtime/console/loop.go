package console

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"

	"github.com/peterh/liner"

	"runbook/runtime/run"
)

// Loop reads lines and runs them.
type Loop struct {
	Console  *Console
	In       io.Reader
	Out, Err io.Writer
	Signals  Signals
	Hooks    context.Context                   // ends at a second interrupt, if lines are not edited
	Redact   func(value string) string         // prepares a value to be shown
	Report   func(error)                       // shows a failure, if lines are edited
	Docs     func(name string) (string, error) // describes a name for help
	Names    []string                          // those that Docs knows
	History  func() (path string, err error)   // names the file of the history

	begun string // the lines so far of an incomplete statement
}

// Signals decides what the signals of this process end.
type Signals interface {
	WithHooks() (done func())                                 // makes the second signal skip hooks
	ChildContexts() (run, hooks context.Context, done func()) // makes SIGINT end only these contexts
	WhilePrompting(func()) (stop func())                      // makes SIGINT call a function while no line runs
	Report(func(string)) (restore func())                     // sets how to show what a signal does
}

// Read runs the lines of In up to the first error.
func (l *Loop) Read(ctx context.Context) error {
	in := bufio.NewReader(l.In)
	for {
		line, err := await(ctx, func() (string, error) { return in.ReadString('\n') })
		ends := errors.Is(err, io.EOF)
		if err != nil && !ends {
			return err
		}
		l.begun += line
		if ends || !l.Console.Unfinished(l.begun) {
			done := l.Signals.WithHooks()
			err := l.run(ctx, l.Hooks)
			done()
			if errors.Is(err, errExit) {
				return nil
			}
			if err != nil {
				return err
			}
		}
		if ends {
			return nil
		}
	}
}

// run runs the lines so far and shows their values. errExit ends the loop.
func (l *Loop) run(ctx, hooks context.Context) error {
	text := l.begun
	l.begun = ""
	if shown, own, err := l.ownCommand(text); own {
		return errors.Join(err, write(l.Out, shown))
	}
	values, err := l.Console.Run(ctx, hooks, text)
	if err != nil {
		return err
	}
	for _, v := range values {
		if err := write(l.Out, l.Redact(v)+"\n"); err != nil {
			return err
		}
	}
	return nil
}

// Editable reports whether the terminal allows editing.
func Editable() bool { return liner.TerminalSupported() }

// Edit reads lines that are edited on the terminal, and runs them. greeting is shown first. A
// failure does not end the loop.
func (l *Loop) Edit(ctx context.Context, greeting string) (err error) {
	// Print a new line after the terminal's ^C. The interrupted line reports the interrupt itself.
	defer l.Signals.Report(func(string) { _ = write(l.Err, "\n") })()
	// Between two prompts, the terminal turns Ctrl-C into a signal. It cancels the line, as the key
	// does at the prompt.
	var canceled atomic.Bool
	defer l.Signals.WhilePrompting(func() { canceled.Store(true) })()
	e, err := newEditor(l.complete)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.close()) }()
	if err := errors.Join(l.keepHistory(e), write(l.Err, greeting+"\n")); err != nil {
		return err
	}
	for {
		if canceled.Swap(false) {
			l.begun = ""
		}
		prompt := "> "
		if l.begun != "" {
			prompt = ">> "
		}
		line, err := await(ctx, func() (string, error) { return e.liner.Prompt(prompt) })
		switch {
		case errors.Is(err, liner.ErrPromptAborted):
			l.begun = ""
			continue
		case errors.Is(err, io.EOF):
			return write(l.Out, "\n")
		case err != nil:
			return err
		}
		if err := l.take(ctx, e, line); err != nil {
			if errors.Is(err, errExit) {
				return nil
			}
			return err
		}
	}
}

// keepHistory opens the history. A failure is only a warning.
func (l *Loop) keepHistory(e *editor) error {
	path, err := l.History()
	if err == nil {
		err = e.keepHistory(path)
	}
	if err != nil {
		return write(l.Err, fmt.Sprintf("warning: the history is not kept: %v\n", err))
	}
	return nil
}

// complete returns the part of a line that is being typed, and what it may become.
func (l *Loop) complete(before string) (typed string, found []string) {
	if l.begun == "" {
		typed, found = l.completeOwn(before)
	}
	if len(found) == 0 || !strings.Contains(strings.TrimLeft(before, " "), " ") { // otherwise it is a name after help
		name, names := l.Console.Complete(l.begun + before)
		if found = append(found, names...); len(names) > 0 {
			typed = name
		}
	}
	return typed, found
}

// take adds a line to the lines so far, and runs them once they are complete. It reports a failure.
// An interrupt ends only what runs.
func (l *Loop) take(ctx context.Context, e *editor, line string) error {
	l.begun += line + "\n"
	if !strings.HasPrefix(l.begun, " ") {
		if err := e.remember(line); err != nil {
			return err
		}
	}
	if l.Console.Unfinished(l.begun) {
		return nil
	}
	resume, err := e.suspend()
	if err != nil {
		return err
	}
	runCtx, hooks, done := l.Signals.ChildContexts()
	err = l.run(runCtx, hooks)
	done()
	if errors.Is(err, errExit) {
		return err
	}
	if err != nil {
		l.Report(err)
	}
	if ctx.Err() != nil {
		return run.WithStatus(context.Cause(ctx), run.StatusInterrupted)
	}
	return resume()
}
