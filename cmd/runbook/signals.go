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

	mu    sync.Mutex
	say   func(string) // tells what a signal has brought about
	inner *stages      // what Ctrl-C ends instead, or nil
}

// stages are what signals end one after the other.
type stages struct {
	run, hooks context.CancelCauseFunc
	n          int // how many signals there were
}

// newStages returns them with the contexts that they end, which end with ctx too.
func newStages(ctx context.Context) (s *stages, run, hooks context.Context) {
	s = &stages{}
	run, s.run = context.WithCancelCause(ctx)
	hooks, s.hooks = context.WithCancelCause(ctx)
	return s, run, hooks
}

// next ends the next one, and returns what to tell of that.
func (s *stages) next() string {
	switch s.n++; s.n {
	case 1:
		s.run(run.ErrInterrupted)
		return "interrupted: ending what is under way, then what the recipe left for its end; once more skips that"
	case 2:
		s.hooks(run.ErrInterrupted)
		return "interrupted again: skipping what is left"
	}
	return ""
}

// free lets the contexts go.
func (s *stages) free() {
	s.run(nil)
	s.hooks(nil)
}

// apart returns contexts that Ctrl-C ends instead of the program's, until done is called. They end with the program's, too.
func (i *interrupts) apart() (run, hooks context.Context, done func()) {
	inner, run, hooks := newStages(i.run)
	i.mu.Lock()
	defer i.mu.Unlock()
	i.inner = inner
	return run, hooks, func() {
		i.mu.Lock()
		i.inner = nil
		i.mu.Unlock()
		inner.free()
	}
}

// taken does what a signal is for, and returns what to tell of it.
func (i *interrupts) taken(sig os.Signal, outer *stages) string {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.inner != nil && sig == os.Interrupt {
		return i.inner.next()
	}
	return outer.next()
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
	outer, runCtx, hooksCtx := newStages(ctx)
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
		for {
			select {
			case <-quit:
				return
			case sig := <-signals:
				if text := i.taken(sig, outer); text != "" {
					i.told(text)
				}
			}
		}
	}()
	i.stop = func() {
		signal.Stop(signals)
		signal.Stop(pipe)
		close(quit)
		<-done
		outer.free()
	}
	return i
}
