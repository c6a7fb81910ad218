package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"runbook/runtime/run"
)

// interrupts are the contexts that signals end: the first the run, the second what the run left for its end.
type interrupts struct {
	run, hooks context.Context
	stop       func()

	mu  sync.Mutex
	say func(string) // tells what a signal has brought about
}

// tell makes say the way to tell what a signal has brought about.
func (i *interrupts) tell(say func(string)) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.say = say
}

func (i *interrupts) told(text string) {
	i.mu.Lock()
	say := i.say
	i.mu.Unlock()
	say(text)
}

// sayInterrupted tells it where no run shows it.
func (p *program) sayInterrupted(text string) {
	// A terminal that went away is no reason to stop here.
	_, _ = fmt.Fprintln(p.err, "runbook: "+text)
}

// listen takes SIGINT and SIGTERM from now on, and SIGHUP, which a closed terminal sends, unless nohup said not to.
func (p *program) listen(ctx context.Context) *interrupts {
	runCtx, endRun := context.WithCancelCause(ctx)
	hooksCtx, endHooks := context.WithCancelCause(ctx)
	i := &interrupts{run: runCtx, hooks: hooksCtx, say: p.sayInterrupted}
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) {
		signal.Notify(signals, syscall.SIGHUP)
	}
	// Whoever reads the output may go away (runbook … | head), which must not end a run in its middle: a failed write
	// is an error like others. It isn't ignored, because commands on this machine would inherit that.
	pipe := make(chan os.Signal, 1)
	signal.Notify(pipe, syscall.SIGPIPE)
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
				i.told("interrupted: ending what is under way, then what the recipe left for its end; once more skips that")
			case 2:
				endHooks(run.ErrInterrupted)
				i.told("interrupted again: skipping what is left")
			}
		}
	}()
	i.stop = func() {
		signal.Stop(signals)
		signal.Stop(pipe)
		close(quit)
		<-done
		endRun(nil)
		endHooks(nil)
	}
	return i
}
