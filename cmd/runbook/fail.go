package main

import (
	"context"
	"errors"
	"fmt"

	"runbook/runtime/event"
	"runbook/runtime/event/terminal"
	"runbook/runtime/run"
)

// reportError shows an error, unless it has been shown, and returns the exit status.
func (p *program) reportError(err error) int {
	p.annotate(err)
	var reported reportedError
	if err == nil || errors.As(err, &reported) {
		return run.Status(err)
	}
	text, hint := p.words.Explain(err)
	if hint != "" {
		text += "\nnext: " + hint
	}
	// If standard error is gone, the exit status still tells.
	_, _ = fmt.Fprintln(p.err, terminal.Wrap(p.redact(text), terminal.Columns(screen(p.err))))
	return run.Status(err)
}

// reportedError marks an error that has already been shown, so only its exit status counts.
type reportedError struct{ error }

func (e reportedError) Unwrap() error { return e.error }

// explain puts a failure into words, with what p knows at the time.
func (p *program) explain(err error) (text, hint string) { return p.words.Explain(err) }

// asInterrupt gives an error the exit status of an interrupt if there was one, whatever the command
// was doing then. An error that only says that a context ended becomes the interrupt. An error that
// has been reported stays as it is.
func (p *program) asInterrupt(err error) error {
	var reported reportedError
	if err == nil || errors.As(err, &reported) || !errors.Is(context.Cause(p.signals.Run), run.ErrInterrupted) {
		return err
	}
	if !errors.Is(err, run.ErrInterrupted) && errors.Is(err, context.Canceled) {
		err = run.ErrInterrupted
	}
	return run.WithStatus(err, run.StatusInterrupted)
}

// announce shows a warning, or what a signal does, where no run shows it.
func (p *program) announce(text string) {
	_, _ = fmt.Fprintln(p.err, "runbook: "+text) // a closed terminal is no reason to stop here
}

// usageError returns an error about the command line, with what to type instead.
func usageError(message, hint string) error {
	return run.Usage(event.WithHint(errors.New(message), hint))
}
