package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"golang.org/x/term"

	"runbook/runtime/run"
)

// interrupts are the contexts that signals end: the first signal ends the run, the second the hooks that the run left.
// The signal after those ends the program: at once, whatever is stuck.
type interrupts struct {
	run, hooks context.Context
	stop       func()

	mu       sync.Mutex
	say      func(string) // shows what a signal does
	inner    *stages      // what SIGINT ends instead of the program's contexts, or nil
	atPrompt func()       // what SIGINT does instead while a console waits for a line, or nil
	hooked   int          // how many parts of the program have hooks to run after the first signal
	pause    func()       // takes the view off the screen, or nil
	exit     func()       // ends the program
}

// stages are contexts that signals end one after the other.
type stages struct {
	run, hooks context.CancelCauseFunc
	n          int // how many signals there were
}

// newStages returns stages with their contexts, which end with ctx too.
func newStages(ctx context.Context) (s *stages, run, hooks context.Context) {
	s = &stages{}
	run, s.run = context.WithCancelCause(ctx)
	hooks, s.hooks = context.WithCancelCause(ctx)
	return s, run, hooks
}

// next ends the next stage. It returns what to say about that, and whether the program must end now.
func (s *stages) next(hooked bool) (text string, exit bool) {
	s.n++
	switch {
	case s.n == 1 && hooked:
		s.run(run.ErrInterrupted)
		return "interrupted: ending what is under way, then what the recipe left for its end; once more skips that", false
	case s.n == 1:
		s.run(run.ErrInterrupted)
		return "", false // the error says it
	case s.n == 2 && hooked:
		s.hooks(run.ErrInterrupted)
		return "interrupted again: skipping what is left", false
	}
	return "interrupted", true
}

// release frees the contexts.
func (s *stages) release() {
	s.run(nil)
	s.hooks(nil)
}

// childContexts returns contexts that SIGINT ends instead of the program's, until done is called. They end with the
// program's, too.
func (i *interrupts) childContexts() (run, hooks context.Context, done func()) {
	inner, run, hooks := newStages(i.run)
	i.mu.Lock()
	defer i.mu.Unlock()
	i.inner = inner
	i.hooked++
	return run, hooks, func() {
		i.mu.Lock()
		i.inner = nil
		i.hooked--
		i.mu.Unlock()
		inner.release()
	}
}

// withHooks makes the second signal skip hooks and the third end the program, until done is called. Otherwise the second
// one ends it.
func (i *interrupts) withHooks() (done func()) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.hooked++
	return func() {
		i.mu.Lock()
		defer i.mu.Unlock()
		i.hooked--
	}
}

// whilePrompting makes SIGINT call fn while no line of a console runs. nil ends that.
func (i *interrupts) whilePrompting(fn func()) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.atPrompt = fn
}

// handleSignal does what a signal is for. It returns what to say about it, and whether the program must end now.
func (i *interrupts) handleSignal(sig os.Signal, outer *stages) (text string, exit bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	switch {
	case sig == os.Interrupt && i.inner != nil:
		return i.inner.next(i.hooked > 0)
	case sig == os.Interrupt && i.atPrompt != nil:
		i.atPrompt()
		return "", false
	}
	return outer.next(i.hooked > 0)
}

// tell sets how to show what a signal does.
func (i *interrupts) tell(say func(string)) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.say = say
}

// viewed sets how to take the view off the screen before the program ends at once; nil where there is none.
func (i *interrupts) viewed(pause func()) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.pause = pause
}

// clearScreen takes the view off the screen, unless it is stuck.
func (i *interrupts) clearScreen() {
	i.mu.Lock()
	pause := i.pause
	i.mu.Unlock()
	if pause == nil {
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		pause()
	}()
	select {
	case <-done:
	case <-time.After(time.Second):
	}
}

func (i *interrupts) told(text string) {
	i.mu.Lock()
	say := i.say
	i.mu.Unlock()
	say(text)
}

// interrupted is err with the status and, where it only says that a context ended, the words of an interrupt, if there was
// one: whatever a command was at, an interrupt is why it failed. What has been reported already stays as it is.
func (i *interrupts) interrupted(err error) error {
	var t told
	if err == nil || errors.As(err, &t) || !errors.Is(context.Cause(i.run), run.ErrInterrupted) {
		return err
	}
	if !errors.Is(err, run.ErrInterrupted) && errors.Is(err, context.Canceled) {
		err = run.ErrInterrupted
	}
	return run.WithStatus(err, run.StatusInterrupted)
}

// sayInterrupted tells it where no run shows it.
func (p *program) sayInterrupted(text string) {
	// A terminal that went away is no reason to stop here.
	_, _ = fmt.Fprintln(p.err, "runbook: "+text)
}

// listen takes SIGINT and SIGTERM from now on, and SIGHUP, which a closed terminal sends, unless nohup said not to.
func (p *program) listen(ctx context.Context) *interrupts {
	outer, runCtx, hooksCtx := newStages(ctx)
	i := &interrupts{run: runCtx, hooks: hooksCtx, say: p.sayInterrupted, exit: exitAtOnce(p.in)}
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
				text, exit := i.handleSignal(sig, outer)
				if exit { // what shows a run may be what is stuck
					i.clearScreen()
					p.sayInterrupted(text)
					i.exit()
				} else if text != "" {
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
		outer.release()
	}
	return i
}

// exitAtOnce returns how to end the program when nothing else does. It gives a terminal its mode back, which a prompt or an
// editor may have changed.
func exitAtOnce(in *os.File) func() {
	restore := func() {}
	if in != nil && term.IsTerminal(int(in.Fd())) {
		if before, err := term.GetState(int(in.Fd())); err == nil {
			restore = func() { _ = term.Restore(int(in.Fd()), before) } // the program ends, however the terminal is
		}
	}
	return func() {
		restore()
		os.Exit(run.StatusInterrupted)
	}
}
