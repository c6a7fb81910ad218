package run

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"runbook/runtime/event"
	"runbook/runtime/run/preview"
	"runbook/runtime/script"
	"runbook/runtime/ssh/shell"
)

// intercept wraps every primitive of a run that is not pure. It connects to the hosts first, skips
// what a dry run must not do, and records whether anything was changed.
func (e *execution) intercept(ctx context.Context, call script.Call, next func() (any, error)) (any, error) {
	if call.Name != "recipe" && !asksHere(call) {
		if !e.staysHere(call) {
			e.connectOnce(ctx)
		}
		if err := e.world.connections.check(call); err != nil {
			return nil, err
		}
	}
	dryRun := e.plan.opts.DryRun
	switch {
	case dryRun && call.Effect == script.Changes:
		e.reportSkipped(ctx, call)
		return call.Assumed(), nil
	case dryRun && call.Effect == script.Holds:
		return call.Assumed(), nil
	case call.Effect == script.Changes, call.Effect == script.Holds:
		if err := e.stage.confirm(ctx, e.plan); err != nil {
			return nil, locate(withReceiver(ctx, call), err)
		}
		if call.Effect == script.Changes {
			e.world.changed.Store(true)
		}
	}
	ctx = withReceiver(ctx, call)
	result, err := next()
	var lost *shell.LostError
	if host := event.Host(ctx); host != "" && call.Effect == script.Changes && errors.As(err, &lost) {
		e.world.table.update(host, func(row *row) { row.lost = true })
	}
	err = locate(ctx, err)
	recordInterrupt(ctx, err)
	return result, err
}

// withReceiver returns ctx with the host that the call is on: outside of each, nothing else names
// it.
func withReceiver(ctx context.Context, call script.Call) context.Context {
	if h, ok := call.Receiver.(*shell.Host); ok && h != nil {
		return event.WithHost(ctx, h.Name())
	}
	return ctx
}

// connectOnce connects to all hosts at the first call.
func (e *execution) connectOnce(ctx context.Context) {
	e.connect.Do(func() {
		e.started.Store(true)
		e.world.connections.open(ctx)
	})
}

// asksHere reports whether a call asks this machine for a value. That is possible before recipe{ … }, and needs no host.
func asksHere(call script.Call) bool {
	return call.Effect == script.Asks && !slices.ContainsFunc(call.Arguments(), func(a script.Argument) bool {
		h, ok := a.Value.(*shell.Host)
		return ok && h != nil && !h.Local()
	})
}

// staysHere reports whether a call only lets this machine ask a git server. Until something else is
// done no host is connected to, so a recipe can refuse a commit before any host is contacted.
func (e *execution) staysHere(call script.Call) bool {
	h, ok := call.Receiver.(*shell.Host)
	asksGit := ok && h == e.world.localhost && strings.HasPrefix(call.Name, "host.git:")
	if call.Effect != script.Reads || !asksGit && call.Name != "agent.forward" {
		return false
	}
	e.started.Store(true)
	e.askedGit.Store(true)
	return true
}

// reportSkipped reports a call that the dry run skips.
func (e *execution) reportSkipped(ctx context.Context, call script.Call) {
	ctx = withReceiver(ctx, call)
	for _, secret := range secretsOf(call) {
		e.world.stream.AddSecret(secret)
	}
	text, change := callText(call, e.world.stream.Redact), preview.Write(ctx, e.world.stream, call)
	event.Emit(ctx, event.Event{Kind: event.WouldChange, Text: text})
	e.world.plan.Skip(ctx, text, change)
	if host := event.Host(ctx); host != "" {
		e.world.table.update(host, func(row *row) { row.wouldChange = true })
	}
}

// reportAssumed reports that the recipe reads a result of a call that the dry run skipped.
func (e *execution) reportAssumed(ctx context.Context, call script.Call, field string, value any) {
	hide := e.world.stream.Redact
	ctx = withReceiver(ctx, call)
	text := fmt.Sprintf("%s = %s, because this was skipped: %s", field, script.Short(value, hide), callText(call, hide))
	event.Emit(ctx, event.Event{Kind: event.Assumed, Text: text})
	e.world.plan.Skip(ctx, "assumed "+text, preview.Change{})
}

// emitPlan sends what the run would do.
func (e *execution) emitPlan(ctx context.Context) {
	var order []string
	for _, h := range e.plan.Hosts {
		order = append(order, h.Name)
	}
	plan := e.world.plan.Plan(order)
	if typical := e.plan.opts.Typical; typical != nil {
		plan.Seconds, plan.Runs = typical(order)
	}
	event.Emit(ctx, event.Event{Kind: event.PlanMade, Plan: plan})
}

// secretsOf returns the values of a call's option secret, which the call itself would
// have kept out of the output.
func secretsOf(call script.Call) []string {
	for _, a := range call.Arguments() {
		if list, ok := a.Value.([]string); ok && a.Name == "secret" {
			return list
		}
	}
	return nil
}
