package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"runbook/runtime/run"
)

// interrupts are the contexts that signals end: the first the run, the second what the run left for its end.
type interrupts struct {
	run, hooks context.Context
	quiet      bool // standard error is not for people
	stop       func()
}

// listen takes SIGINT and SIGTERM from now on.
func (p *program) listen(ctx context.Context) *interrupts {
	runCtx, endRun := context.WithCancelCause(ctx)
	hooksCtx, endHooks := context.WithCancelCause(ctx)
	i := &interrupts{run: runCtx, hooks: hooksCtx}
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for n := 1; ; n++ {
			select {
			case <-quit:
				return
			case <-signals:
			}
			switch n {
			case 1:
				endRun(run.ErrInterrupted)
				i.say(p, "interrupted: ending what is under way, then what the recipe left for its end; once more skips that")
			case 2:
				endHooks(run.ErrInterrupted)
				i.say(p, "interrupted again: skipping what is left")
			}
		}
	}()
	i.stop = func() {
		signal.Stop(signals)
		close(quit)
		<-done
		endRun(nil)
		endHooks(nil)
	}
	return i
}

func (i *interrupts) say(p *program, text string) {
	if i.quiet {
		return
	}
	// A terminal that went away is no reason to stop here.
	_, _ = fmt.Fprintln(p.err, "runbook: "+text)
}
