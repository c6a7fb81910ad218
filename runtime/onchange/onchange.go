// Package onchange calls handlers, such as a reload, once after all changes of a step.
//
// Its one rule: a handler is noted on the host before the change, and the note stays until the
// handler has succeeded. If a run dies in between, the next run calls the handler.
package onchange

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"runbook/runtime/event"
	"runbook/runtime/script"
	"runbook/runtime/ssh/shell"
)

// scope is a step, or a host's function, at whose end the functions of host:on_change are called.
type scope struct {
	outer *scope

	mu       sync.Mutex
	handlers []*handler
}

// handler is one call of host:on_change.
type handler struct {
	host    *shell.Host
	key     string
	fn      script.Callback
	noting  sync.Mutex
	earlier []string // the notes of runs before this one
	own     string   // this run's note, or "" before the first change
	changed bool
}

// scopeKey finds the scope in a context: what a recipe calls in a step has no argument to pass it
// through.
type scopeKey struct{}

func scopeOf(ctx context.Context) *scope {
	s, _ := ctx.Value(scopeKey{}).(*scope)
	return s
}

type onChangeArgs struct {
	Key string          `lua:"key,arg" doc:"what follows, such as nginx: letters, digits, dots, dashes and underscores; the same on the whole host"`
	Fn  script.Callback `lua:"fn,arg" doc:"called at the end of the step; it gets the host" passes:"host"`
}

// Notes are the notes of a run.
type Notes struct {
	By     string // who runs it, for the notes
	DryRun bool   // changes nothing on the host
}

// Module declares host:on_change.
func (n Notes) Module() script.Module {
	return script.Module{On: "host", Doc: "What follows a change of a host.", Primitives: []script.Primitive{
		script.Func("on_change", script.Reads,
			"Call fn at the end of this step, if a call after this one has changed the host: once, "+
				"however many changes there were. Outside of a step it is called at the end of the function of each, "+
				"outside of both at the end of the recipe. A call that returns false changed nothing; a command "+
				"always counts. Before the first change a note is left on the host, and it is removed when fn has "+
				"succeeded. If the run ends in between, the next one calls fn even if it changes nothing itself.",
			n.register).
			With("step(\"configure nginx\", function()\n" +
				"  host:on_change(\"nginx\", function() host:run(\"nginx -s reload 2>/dev/null || true\") end)\n" +
				"  host.fs:write(\"/srv/app/shared/nginx.conf\", \"server_tokens off;\\n\")\nend)"),
	}}
}

func (n Notes) register(ctx context.Context, h *shell.Host, a onChangeArgs) (script.None, error) {
	s := scopeOf(ctx)
	if len(a.Key) > longestKey || !validKey.MatchString(a.Key) {
		return script.None{},
			fmt.Errorf("key: want a name of at most 100 letters, digits, dots, dashes and underscores, got %q", a.Key)
	}
	if s == nil {
		return script.None{},
			errors.New("on_change cannot be called here: in the function of another on_change, or at a prompt")
	}
	if old := s.find(h, a.Key); old != nil { // such as in a loop
		old.noting.Lock()
		defer old.noting.Unlock()
		old.fn = a.Fn
		return script.None{}, nil
	}
	notes, err := list(ctx, h, a.Key)
	if err != nil {
		return script.None{}, err
	}
	hd := &handler{host: h, key: a.Key, fn: a.Fn}
	for _, one := range notes {
		hd.earlier = append(hd.earlier, one.id)
	}
	if len(notes) > 0 {
		event.Emit(ctx, event.Event{Kind: event.Info, Host: h.Name(), Text: fmt.Sprintf(
			"%s is still to follow a change of an earlier run: %s", a.Key, notes[len(notes)-1].text)})
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handlers = append(s.handlers, hd)
	return script.None{}, nil
}

func (s *scope) find(h *shell.Host, key string) *handler {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.handlers, func(hd *handler) bool { return hd.host == h && hd.key == key })
	if i < 0 {
		return nil
	}
	return s.handlers[i]
}

// of returns the handlers of a host, in this scope and those around it.
func (s *scope) of(h *shell.Host) []*handler {
	var found []*handler
	for ; s != nil; s = s.outer {
		s.mu.Lock()
		for _, hd := range s.handlers {
			if hd.host == h {
				found = append(found, hd)
			}
		}
		s.mu.Unlock()
	}
	return found
}

// Call makes a call. Before a call that may change a host, it writes the notes.
func (n Notes) Call(ctx context.Context, call script.Call, next func() (any, error)) (any, error) {
	h, ok := call.Receiver.(*shell.Host)
	if !ok || call.Effect != script.Changes {
		return next()
	}
	for _, hd := range scopeOf(ctx).of(h) {
		if err := n.note(ctx, hd); err != nil {
			return nil, err
		}
	}
	result, err := next()
	if err != nil || result != false { // a failed call may have changed something
		n.Changed(ctx, h)
	}
	return result, err
}

func (n Notes) note(ctx context.Context, hd *handler) error {
	hd.noting.Lock()
	defer hd.noting.Unlock()
	if hd.own != "" || n.DryRun {
		return nil
	}
	id := rand.Text()[:10]
	if err := add(ctx, hd.host, hd.key, id, n.By+" since "+time.Now().UTC().Format(time.RFC3339)); err != nil {
		return err
	}
	hd.own = id
	return nil
}

// Changed records that a host was changed, or may have been.
func (Notes) Changed(ctx context.Context, h *shell.Host) {
	for _, hd := range scopeOf(ctx).of(h) {
		hd.noting.Lock()
		hd.changed = true
		hd.noting.Unlock()
	}
}

// During calls fn, such as a step. If fn succeeds, the handlers that are due are called and their
// notes removed.
func (n Notes) During(ctx context.Context, fn func(context.Context) error) error {
	s := &scope{outer: scopeOf(ctx)}
	if err := fn(context.WithValue(ctx, scopeKey{}, s)); err != nil {
		return err
	}
	s.mu.Lock()
	handlers := s.handlers
	s.handlers = nil
	s.mu.Unlock()
	ctx = context.WithValue(ctx, scopeKey{}, (*scope)(nil)) // handlers do not trigger handlers
	for _, hd := range handlers {
		if err := n.end(ctx, hd); err != nil {
			return err
		}
	}
	return nil
}

func (n Notes) end(ctx context.Context, hd *handler) error {
	ctx = event.WithHost(ctx, hd.host.Name())
	if hd.changed || len(hd.earlier) > 0 {
		if err := hd.call(ctx); err != nil {
			return err
		}
	}
	notes := hd.earlier
	if hd.own != "" {
		notes = append(notes, hd.own)
	}
	if len(notes) == 0 || n.DryRun {
		return nil
	}
	return clearNotes(ctx, hd.host, hd.key, notes)
}

// call calls the function as a step.
func (hd *handler) call(ctx context.Context) (err error) {
	ctx = event.WithStep(ctx, "after the change: "+hd.key)
	event.Emit(ctx, event.Event{Kind: event.StepBegun})
	began := time.Now()
	_, err = hd.fn.Thread(ctx, hd.host)
	ended := event.Event{Kind: event.StepEnded, Seconds: time.Since(began).Seconds()}
	if err != nil {
		ended.Error = err.Error()
	}
	event.Emit(ctx, ended)
	return err
}
