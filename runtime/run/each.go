package run

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"runbook/runtime/event"
	"runbook/runtime/onchange"
	"runbook/runtime/script"
	"runbook/runtime/ssh/shell"
)

// forEach calls fn for every item, at most limit at once, and returns the
// errors in the order of the items.
func forEach[T any](items []T, limit int, fn func(i int, item T) error) []error {
	errs := make([]error, len(items))
	var group errgroup.Group
	group.SetLimit(max(1, limit))
	for i, item := range items {
		group.Go(func() error {
			errs[i] = fn(i, item)
			return nil // a failure of one doesn't end the others
		})
	}
	_ = group.Wait() // every error is in errs
	return errs
}

// hostLoop implements each: it runs a function for every host, on a Lua thread of its own.
type hostLoop struct {
	table *table
	hooks *hookRunner
	notes onchange.Notes
}

type eachArgs struct {
	Hosts  []*shell.Host   `lua:"hosts,arg" doc:"the hosts, such as the global hosts"`
	AtOnce int             `lua:"at_once" doc:"how many hosts to work on at the same time" default:"1"`
	Fn     script.Callback `lua:"fn,arg" doc:"the function for each host; it gets the host" passes:"host"`
}

func (l hostLoop) primitive() script.Primitive {
	return script.Func("each", script.Reads, "Run fn for every host: one after the other, or several at the same "+
		"time with at_once. "+
		"After a failure no further host is started. Running hosts finish, then all failures are raised "+
		"together. Return what fn returned, by the host's name.", l.run).
		With("each(hosts, { at_once = 10 }, function(host)\n  host:run(\"uptime\")\nend)")
}

func (l hostLoop) run(ctx context.Context, _ script.None, a eachArgs) (map[string]any, error) {
	if a.AtOnce < 1 {
		return nil, fmt.Errorf("at_once: want at least 1, got %d", a.AtOnce)
	}
	for _, h := range a.Hosts {
		l.table.update(h.Name(), func(r *row) { r.planned++ })
	}
	var failed atomic.Bool
	values := make([]any, len(a.Hosts))
	errs := forEach(a.Hosts, a.AtOnce, func(i int, h *shell.Host) (err error) {
		if ctx.Err() != nil || failed.Load() {
			return nil
		}
		if values[i], err = l.onHost(ctx, h, a.Fn); err != nil {
			failed.Store(true)
		}
		return err
	})
	if err := Join(errs...); err != nil {
		return nil, err
	}
	results := map[string]any{}
	for i, h := range a.Hosts {
		results[h.Name()] = values[i]
	}
	return results, context.Cause(ctx)
}

// onHost runs one host's function, and then its hooks. It returns what the function returned.
func (l hostLoop) onHost(ctx context.Context, h *shell.Host, fn script.Callback) (any, error) {
	f := &frame{}
	ctx = withFrame(event.WithHost(ctx, h.Name()), f)
	began := time.Now()
	l.table.update(h.Name(), func(r *row) { r.begun++ })
	event.Emit(ctx, event.Event{Kind: event.HostBegun})
	var value any
	err := l.notes.During(ctx, func(ctx context.Context) (err error) {
		value, err = fn.Thread(ctx, h)
		return err
	})
	err = locate(ctx, f.locateInterrupt(err))
	if err != nil {
		l.table.fail(h.Name(), err)
	}
	hookErr := l.hooks.run(ctx, f, err)
	if err == nil && hookErr != nil {
		l.table.fail(h.Name(), hookErr)
	}
	err = Join(err, hookErr)
	l.table.addError(err)
	took := time.Since(began)
	l.table.update(h.Name(), func(r *row) { r.took += took })
	ended := event.Event{Kind: event.HostEnded, Seconds: took.Seconds(), State: l.table.outcome(h.Name())}
	if err != nil {
		ended.Error = headline(err)
	}
	event.Emit(ctx, ended)
	return value, err
}

// onceCalls implements once: the first host to ask for a key runs the function. The others wait.
type onceCalls struct {
	mu    sync.Mutex
	calls map[string]*onceCall
}

// onceCall is a call of once. Its result is set before done is closed.
type onceCall struct {
	done   chan struct{}
	result any
	err    error
}

type onceArgs struct {
	Key string          `lua:"key,arg" doc:"what is made; calls with the same key get the same result"`
	Fn  script.Callback `lua:"fn,arg" doc:"the function that makes it"`
}

func (o *onceCalls) primitive() script.Primitive {
	return script.Func("once", script.Reads, "Run fn for the first host that calls once with this key. The others "+
		"wait for it, and get what it returns or the error that it raises.", o.run).
		With("each(hosts, { at_once = 10 }, function(host)\n  local token = once(\"token\", function()\n    " +
			"return localhost:capture(\"head -c 16 /dev/urandom | base64\")\n  end)\nend)")
}

func (o *onceCalls) run(ctx context.Context, _ script.None, a onceArgs) (any, error) {
	o.mu.Lock()
	call := o.calls[a.Key]
	first := call == nil
	if first {
		call = &onceCall{done: make(chan struct{})}
		o.calls[a.Key] = call
	}
	o.mu.Unlock()
	if first {
		defer close(call.done)
		call.err = errors.New("it ended without a result") // unless Call returns
		call.result, call.err = a.Fn.Call(ctx)
		return call.result, call.err
	}
	select {
	case <-call.done:
		return call.result, call.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
