package run

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"runbook/runtime/event"
	"runbook/runtime/run/choice"
	"runbook/runtime/script"
	"runbook/runtime/ssh/shell"
)

// defaultHookTimeout is long enough to restart a server and check that it answers.
const defaultHookTimeout = 60 * time.Second

// hook is a function that host:defer or host:on_failure registered.
type hook struct {
	host      *shell.Host
	fn        script.Callback
	onFailure bool
	timeout   time.Duration
	line      string // where the recipe registered it
}

func (h hook) name() string {
	if h.onFailure {
		return "on_failure"
	}
	return "defer"
}

// frame collects the hooks of one host function, or of the recipe outside of any.
type frame struct {
	mu        sync.Mutex
	hooks     []hook
	interrupt *locatedError // the innermost call that an interrupt ended
}

// frameKey finds a frame in a context, the one value that this package keeps there: step, pcall and
// coroutines of a recipe have no argument to pass the frame through, but each runs its Lua with the
// context of its caller.
type frameKey struct{}

func withFrame(ctx context.Context, f *frame) context.Context {
	return context.WithValue(ctx, frameKey{}, f)
}

func frameOf(ctx context.Context) (*frame, bool) {
	f, ok := ctx.Value(frameKey{}).(*frame)
	return f, ok
}

func (f *frame) add(h hook) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hooks = append(f.hooks, h)
}

// recordInterrupt records in the frame of ctx where an interrupt ended the call, if err is one.
func recordInterrupt(ctx context.Context, err error) {
	f, ok := frameOf(ctx)
	if !ok || !errors.Is(err, ErrInterrupted) {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.interrupt == nil {
		f.interrupt = &locatedError{ErrInterrupted, event.Host(ctx), event.Step(ctx), event.Line(ctx)}
	}
}

// locateInterrupt returns the recorded interrupt if err is one, because Lua raises it without host,
// step and line. Any other err is returned as it is.
func (f *frame) locateInterrupt(err error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.interrupt != nil && errors.Is(err, ErrInterrupted) {
		return f.interrupt
	}
	return err
}

// take empties the frame and returns its hooks in the order in which they run: last in, first
// out, and after a failure those of on_failure before those of defer. Without a failure the
// on_failure hooks are dropped.
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

// hookRunner runs hooks. An interrupt of the run does not reach them: each has its own context.
type hookRunner struct {
	skip context.Context // ends when the remaining hooks are to be skipped: at a second interrupt
	root *frame          // for hooks outside of any each
}

// run runs the hooks of a frame, and those that they register in turn. failure is the error of the
// function, or nil.
func (r *hookRunner) run(ctx context.Context, f *frame, failure error) error {
	ctx = context.WithoutCancel(ctx)
	var errs []error
	failed := failure != nil
	for hooks := f.take(failed); len(hooks) > 0; hooks = f.take(failed) {
		for _, h := range hooks {
			if r.skip.Err() != nil {
				event.Emit(ctx, event.Event{Kind: event.Skipped, Host: h.host.Name(), Line: h.line,
					Text: fmt.Sprintf("%s of %s, after a second interrupt", h.name(), h.line)})
				continue
			}
			errs = append(errs, r.runOne(ctx, h, failure))
		}
	}
	return Join(errs...)
}

// runOne runs a hook until its timeout or a second interrupt.
func (r *hookRunner) runOne(ctx context.Context, h hook, failure error) error {
	late := fmt.Errorf("the %s of %s took longer than its limit of %s", h.name(), h.line, h.timeout)
	ctx, cancel := context.WithTimeoutCause(ctx, h.timeout, late)
	defer cancel()
	ctx, interrupt := context.WithCancelCause(ctx)
	defer interrupt(nil)
	defer context.AfterFunc(r.skip, func() { interrupt(ErrInterrupted) })()
	ctx = choice.WithAll(event.WithLine(event.WithHost(ctx, h.host.Name()), h.line))
	event.Emit(ctx, event.Event{Kind: event.HookBegun, Text: h.name()})
	began := time.Now()
	args := []any{h.host}
	if h.onFailure {
		args = append(args, failure)
	}
	_, err := h.fn.Thread(ctx, args...)
	ended := event.Event{Kind: event.HookEnded, Text: h.name(), Seconds: time.Since(began).Seconds()}
	if err != nil {
		ended.Error = headline(err)
	}
	event.Emit(ctx, ended)
	if err == nil {
		return nil
	}
	var at *script.Error
	if errors.As(err, &at) {
		at.AddCaller(h.line)
	}
	if cause := context.Cause(ctx); cause != nil && !errors.Is(err, cause) {
		err = Join(err, cause)
	}
	return locate(event.WithStep(ctx, h.name()), err)
}

type failureArgs struct {
	Timeout time.Duration   `lua:"timeout" doc:"the time limit" default:"60s"`
	Fn      script.Callback `lua:"fn,arg" doc:"the hook; it gets the host and the error, which has message, hint and output" passes:"host,err"`
}

type hookArgs struct {
	Timeout time.Duration   `lua:"timeout" doc:"the time limit" default:"60s"`
	Fn      script.Callback `lua:"fn,arg" doc:"the hook; it gets the host" passes:"host"`
}

// add registers a hook in the frame of ctx.
func (r *hookRunner) add(ctx context.Context, h hook) {
	f, ok := frameOf(ctx)
	if !ok {
		f = r.root
	}
	if h.timeout == 0 {
		h.timeout = defaultHookTimeout
	}
	h.line = event.Line(ctx)
	f.add(h)
}

// primitives declares host:defer and host:on_failure.
func (r *hookRunner) primitives() []script.Primitive {
	return []script.Primitive{
		script.Func("defer", script.Pure, "Run fn when this host's function in each ends, for whatever reason; "+
			"outside each, when the run ends. "+
			"The last one registered runs first. An interrupt does not stop it; a second interrupt skips it.",
			func(ctx context.Context, h *shell.Host, a hookArgs) (script.None, error) {
				r.add(ctx, hook{host: h, fn: a.Fn, timeout: a.Timeout})
				return script.None{}, nil
			}).
			With(`host:defer(function() host:run({ "rm", "-rf", scratch }) end)`),
		script.Func("on_failure", script.Pure, "Run fn when this host's function in each ends with an error or an "+
			"interrupt, before the functions "+
			"of host:defer.",
			func(ctx context.Context, h *shell.Host, a failureArgs) (script.None, error) {
				r.add(ctx, hook{host: h, fn: a.Fn, onFailure: true, timeout: a.Timeout})
				return script.None{}, nil
			}).
			With("host:on_failure(function(host, err)\n  host.fs:symlink(before, root .. \"/current\")\n" +
				"  log.warn(\"went back: \" .. err.message)\nend)"),
	}
}
