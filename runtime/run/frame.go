package run

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"runbook/runtime/event"
	"runbook/runtime/script"
	"runbook/runtime/ssh"
)

// hookLimit is how long one hook may take: long enough to restart a server and see that it answers.
const hookLimit = 60 * time.Second

// frame keeps the hooks of one host function, or of the recipe outside of any.
type frame struct {
	mu    sync.Mutex
	hooks []hook
	ended *located // what an interrupt has ended first, the innermost
}

// hook is a function that host:defer or host:on_failure left for the end.
type hook struct {
	host      *ssh.Host
	fn        script.Callback
	onFailure bool
	limit     time.Duration
	line      string // the recipe line that left it
}

func (h hook) name() string {
	if h.onFailure {
		return "on_failure"
	}
	return "defer"
}

type frameKey struct{}

func withFrame(ctx context.Context, f *frame) context.Context {
	return context.WithValue(ctx, frameKey{}, f)
}

func (f *frame) add(h hook) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hooks = append(f.hooks, h)
}

// interrupted keeps what an interrupt has ended.
func (f *frame) interrupted(at *located) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended == nil {
		f.ended = at
	}
}

// placed is err, or in its place the interrupt with its host, step and line: Lua itself raises nothing but the bare
// interrupt then.
func (f *frame) placed(err error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended != nil && errors.Is(err, ErrInterrupted) {
		return f.ended
	}
	return err
}

// take empties the frame and returns its hooks in the order in which they run: last in first out, those for a
// failure before the others, and only when something failed.
func (f *frame) take(failed bool) []hook {
	f.mu.Lock()
	defer f.mu.Unlock()
	var order []hook
	if failed {
		for _, h := range slices.Backward(f.hooks) {
			if h.onFailure {
				order = append(order, h)
			}
		}
	}
	for _, h := range slices.Backward(f.hooks) {
		if !h.onFailure {
			order = append(order, h)
		}
	}
	f.hooks = nil
	return order
}

// runHooks runs what the frame of a host function kept. An interrupt of the run does not reach them: they have a
// context of their own, which ends with their limit or with a second interrupt. A hook may leave further hooks;
// they run too.
func (r *runner) runHooks(ctx context.Context, f *frame, failed bool) error {
	base := context.WithoutCancel(ctx)
	var errs []error
	for hooks := f.take(failed); len(hooks) > 0; hooks = f.take(failed) {
		for _, h := range hooks {
			if r.hooks.Err() != nil {
				event.Emit(base, event.Event{Kind: event.Skipped, Host: h.host.Name(), Line: h.line,
					Text: fmt.Sprintf("%s of %s, after a second interrupt", h.name(), h.line)})
				continue
			}
			if err := r.runHook(base, h); err != nil {
				errs = append(errs, err)
			}
		}
	}
	return joined(errs...)
}

func (r *runner) runHook(base context.Context, h hook) error {
	ctx, cancel := context.WithTimeoutCause(base, h.limit, fmt.Errorf("the %s of %s took longer than its limit of %s", h.name(), h.line, h.limit))
	defer cancel()
	ctx, interrupt := context.WithCancelCause(ctx)
	defer interrupt(nil)
	stop := context.AfterFunc(r.hooks, func() { interrupt(ErrInterrupted) })
	defer stop()
	ctx = event.WithLine(event.WithHost(ctx, h.host.Name()), h.line)
	event.Emit(ctx, event.Event{Kind: event.HookBegun, Text: h.name()})
	began := time.Now()
	_, err := h.fn.Thread(ctx, h.host)
	ended := event.Event{Kind: event.HookEnded, Text: h.name(), Seconds: time.Since(began).Seconds()}
	if err != nil {
		ended.Error = headline(err)
	}
	event.Emit(ctx, ended)
	if err != nil {
		var at *script.Error
		if errors.As(err, &at) {
			at.AddCaller(h.line)
		}
		if cause := context.Cause(ctx); cause != nil && !errors.Is(err, cause) {
			err = joined(err, cause)
		}
		return locate(event.WithStep(ctx, h.name()), err)
	}
	return nil
}
