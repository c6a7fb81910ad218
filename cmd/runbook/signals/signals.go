// Package signals cancels contexts when signals arrive.
//
// The first signal ends the run. If hooks then run, the second one skips them. The next one ends
// the program, even if something is stuck.
package signals

import (
	"context"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"golang.org/x/term"

	"runbook/runtime/run"
)

// Handler handles the signals of this process.
type Handler struct {
	Run, Hooks context.Context // end at the first and at the second signal
	stop       func()
	exit       func() // ends the program
	announce   func(string)

	mu       sync.Mutex
	report   func(string) // shows what a signal does
	inner    *stages      // what SIGINT ends instead of the program's contexts, or nil
	atPrompt func()       // what SIGINT does instead while a console waits for a line, or nil
	hooked   int          // how many parts of the program have hooks to run after the first signal
	clear    func()       // takes the view off the screen, or nil
}

// Listen handles SIGINT and SIGTERM from now on, and SIGHUP, which a closed terminal sends, unless
// nohup ignores it. announce shows what a signal does, until Report sets another way. in is the
// terminal that gets its mode back when the program ends at once.
func Listen(ctx context.Context, in *os.File, announce func(string)) *Handler {
	outer, runCtx, hooksCtx := newStages(ctx)
	h := &Handler{Run: runCtx, Hooks: hooksCtx, announce: announce, report: announce, exit: exitAtOnce(in)}
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) {
		signal.Notify(signals, syscall.SIGHUP)
	}
	// A reader of the output that goes away (runbook … | head) must not end a run in its middle: a
	// failed write is an error like others. SIGPIPE is not ignored, because commands on this
	// machine would inherit that.
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
				h.handle(sig, outer)
			}
		}
	}()
	h.stop = func() {
		signal.Stop(signals)
		signal.Stop(pipe)
		close(quit)
		<-done
		outer.release()
	}
	return h
}

// Stop ends the handling, and the contexts.
func (h *Handler) Stop() { h.stop() }

func (h *Handler) handle(sig os.Signal, outer *stages) {
	text, exit := h.advance(sig, outer)
	switch {
	case exit: // the view may be stuck, so it reports nothing
		h.clearScreen()
		h.announce(text)
		h.exit()
	case text != "":
		h.mu.Lock()
		report := h.report
		h.mu.Unlock()
		report(text)
	}
}

// advance handles one signal. It returns what to report about it, and whether the program must end
// now.
func (h *Handler) advance(sig os.Signal, outer *stages) (text string, exit bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case sig == os.Interrupt && h.inner != nil:
		return h.inner.next(h.hooked > 0)
	case sig == os.Interrupt && h.atPrompt != nil:
		h.atPrompt()
		return "", false
	}
	return outer.next(h.hooked > 0)
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

// next ends the next stage. It returns what to report about that, and whether the program must end
// now.
func (s *stages) next(hooked bool) (text string, exit bool) {
	s.n++
	switch {
	case s.n == 1 && hooked:
		s.run(run.ErrInterrupted)
		return "interrupted: ending what is under way, then running the recipe's hooks; once more skips them", false
	case s.n == 1:
		s.run(run.ErrInterrupted)
		return "", false // the error reports it
	case s.n == 2 && hooked:
		s.hooks(run.ErrInterrupted)
		return "interrupted again: skipping the remaining hooks", false
	}
	return "interrupted", true
}

// release frees the contexts.
func (s *stages) release() {
	s.run(nil)
	s.hooks(nil)
}

// ChildContexts returns contexts that SIGINT ends instead of the program's, until done is called.
// They end with the program's, too.
func (h *Handler) ChildContexts() (run, hooks context.Context, done func()) {
	inner, run, hooks := newStages(h.Run)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.inner = inner
	h.hooked++
	return run, hooks, func() {
		h.mu.Lock()
		h.inner = nil
		h.hooked--
		h.mu.Unlock()
		inner.release()
	}
}

// WithHooks makes the second signal skip hooks and the third end the program, until done is called.
// Otherwise the second signal ends it.
func (h *Handler) WithHooks() (done func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.hooked++
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.hooked--
	}
}

// WhilePrompting makes SIGINT call fn while no line of a console runs, until stop is called.
func (h *Handler) WhilePrompting(fn func()) (stop func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.atPrompt = fn
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.atPrompt = nil
	}
}

// Report sets how to show what a signal does, until restore is called.
func (h *Handler) Report(report func(string)) (restore func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.report = report
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.report = h.announce
	}
}

// ClearWith sets how to remove the view from the screen before the program ends at once, until stop
// is called.
func (h *Handler) ClearWith(clear func()) (stop func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.clear = clear
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.clear = nil
	}
}

// clearScreen removes the view from the screen, unless the view is stuck.
func (h *Handler) clearScreen() {
	h.mu.Lock()
	clear := h.clear
	h.mu.Unlock()
	if clear == nil {
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		clear()
	}()
	select {
	case <-done:
	case <-time.After(time.Second):
	}
}

// exitAtOnce returns how to end the program when nothing else does. It gives a terminal back its
// mode, which a prompt or an editor may have changed.
func exitAtOnce(in *os.File) func() {
	restore := func() {}
	if in != nil && term.IsTerminal(int(in.Fd())) {
		if before, err := term.GetState(int(in.Fd())); err == nil {
			restore = func() { _ = term.Restore(int(in.Fd()), before) } // the program ends either way
		}
	}
	return func() {
		restore()
		os.Exit(run.StatusInterrupted)
	}
}
