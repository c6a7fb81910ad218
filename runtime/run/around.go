package run

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"runbook/runtime/event"
	"runbook/runtime/script"
	"runbook/runtime/ssh"
)

// around stands between a recipe and every primitive that is not pure. It is all that a dry run, the rule
// "nothing before recipe{}" and the exit status 3 need.
func (r *runner) around(ctx context.Context, call script.Call, next func() (any, error)) (any, error) {
	if call.Name != "recipe" {
		if !r.isHere(call) {
			r.begin(ctx)
		}
		if err := r.may(call); err != nil {
			return nil, err
		}
	}
	switch {
	case r.opts.DryRun && call.Effect == script.Changes:
		r.would(ctx, call)
		return call.Assumed(), nil
	case r.opts.DryRun && call.Effect == script.Holds:
		return call.Assumed(), nil
	case call.Effect == script.Changes:
		r.changed.Store(true)
	}
	result, err := next()
	var lost *ssh.LostError
	if host := event.Host(onReceiver(ctx, call)); host != "" && call.Effect == script.Changes && errors.As(err, &lost) {
		r.table.with(host, func(row *row) { row.lost = true })
	}
	err = locate(onReceiver(ctx, call), err)
	endedBy(onReceiver(ctx, call), err)
	return result, err
}

// endedBy notes where an interrupt has ended a host's function, if that is what err is.
func endedBy(ctx context.Context, err error) {
	if f, ok := ctx.Value(frameKey{}).(*frame); ok && errors.Is(err, ErrInterrupted) {
		f.interrupted(&located{ErrInterrupted, event.Host(ctx), event.Step(ctx), event.Line(ctx)})
	}
}

// onReceiver is ctx about the host that the call is on: outside of each, nothing else says which.
func onReceiver(ctx context.Context, call script.Call) context.Context {
	if h, ok := call.Receiver.(*ssh.Host); ok && h != nil {
		return event.WithHost(ctx, h.Name())
	}
	return ctx
}

// would says what a dry run leaves out.
func (r *runner) would(ctx context.Context, call script.Call) {
	ctx = onReceiver(ctx, call)
	for _, secret := range secretsOf(call) {
		event.AddSecret(ctx, secret)
	}
	event.Emit(ctx, event.Event{Kind: event.WouldChange, Text: callText(call, func(text string) string { return event.Redact(ctx, text) })})
	if host := event.Host(ctx); host != "" {
		r.table.with(host, func(row *row) { row.would = true })
	}
}

// assumed says that the recipe goes on with what the call has not brought about.
func (r *runner) assumed(ctx context.Context, call script.Call, field string, value any) {
	ctx = onReceiver(ctx, call)
	hide := func(text string) string { return event.Redact(ctx, text) }
	event.Emit(ctx, event.Event{Kind: event.Assumed,
		Text: fmt.Sprintf("%s = %s, of what was not done: %s", field, luaText(reflect.ValueOf(value), hide), callText(call, hide))})
}

// secretsOf are the values of the option secret, which the call itself would have kept out of the output.
func secretsOf(call script.Call) []string {
	args := reflect.ValueOf(call.Args)
	for i := range args.NumField() {
		if args.Type().Field(i).Tag.Get("lua") == "secret" {
			if list, ok := args.Field(i).Interface().([]string); ok {
				return list
			}
		}
	}
	return nil
}

// isHere says whether a call only has this machine ask a git server. Until something else is done the hosts are not connected to, so that a
// recipe can refuse a commit before any host is contacted.
func (r *runner) isHere(call script.Call) bool {
	h, ok := call.Receiver.(*ssh.Host)
	if call.Effect != script.Reads || !(ok && h == r.here && strings.HasPrefix(call.Name, "host.git:")) && call.Name != "agent.forward" {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.reachedOut {
		r.started, r.asked = true, true
	}
	return true
}
