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

// intercept wraps every primitive of a run that is not pure. It first connects to the hosts if
// needed, skips what a dry run must not do, and records whether anything was changed.
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
		return e.skip(ctx, call), nil
	case dryRun && call.Effect == script.Holds:
		return call.Assumed(), nil
	case call.Effect == script.Changes, call.Effect == script.Holds:
		if err := e.stage.Confirm(ctx); err != nil {
			return nil, locate(withReceiver(ctx, call), err)
		}
		if call.Effect == script.Changes {
			e.world.changed.Store(true)
		}
	}
	if dryRun {
		inner, outer := next, ctx
		next = func() (any, error) { return e.readSkipped(outer, call, inner) }
	}
	ctx = withReceiver(ctx, call)
	result, err := e.world.notes.Call(ctx, call, next)
	var lost *shell.LostError
	if host := event.Host(ctx); host != "" && call.Effect == script.Changes && errors.As(err, &lost) {
		e.world.table.update(host, func(row *row) { row.lost = true })
	}
	err = locate(ctx, err)
	recordInterrupt(ctx, err)
	return result, err
}

// withReceiver returns ctx with the host of the call: outside of each, nothing else names it.
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

// asksHere reports whether a call asks this machine for a value. That is possible before recipe{ …
// }, and needs no host.
func asksHere(call script.Call) bool {
	return call.Effect == script.Asks && !slices.ContainsFunc(call.Arguments(), func(a script.Argument) bool {
		h, ok := a.Value.(*shell.Host)
		return ok && h != nil && !h.Local()
	})
}

// staysHere reports whether a call only lets this machine ask a git server. Such calls do not
// connect to the hosts, so a recipe can refuse a commit before any host is contacted.
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

// skip reports a call that the dry run skips, and returns the result that the recipe gets. A call
// whose file is already as wanted is not a change.
func (e *execution) skip(ctx context.Context, call script.Call) any {
	on := withReceiver(ctx, call)
	for _, secret := range secretsOf(call) {
		e.world.stream.AddSecret(secret)
	}
	change := preview.Write(on, e.world.stream, &e.world.skipped, call)
	if change.Same {
		return false
	}
	result, known := e.world.skipped.Skip(on, call)
	switch {
	case !known:
		result = call.Assumed()
	case result == false:
		return result
	}
	for _, host := range e.concernedHosts(ctx, call) {
		e.world.table.update(host, func(row *row) { row.wouldChange = true })
	}
	text := preview.CallText(call, e.world.stream.Redact)
	event.Emit(on, event.Event{Kind: event.WouldChange, Text: text})
	if h, ok := call.Receiver.(*shell.Host); ok {
		e.world.notes.Changed(on, h)
	}
	e.world.plan.Skip(on, text, change)
	return result
}

// concernedHosts returns the hosts that a call is made for: the one of each, such as a web server,
// and the one that the call is on, such as its balancer. Inside each, a call on this machine is
// made for the host of each.
func (e *execution) concernedHosts(ctx context.Context, call script.Call) []string {
	outer, on := event.Host(ctx), event.Host(withReceiver(ctx, call))
	switch {
	case outer == "" && on == "":
		return nil
	case outer == "" || outer == on:
		return []string{on}
	case on == e.world.localhost.Name():
		return []string{outer}
	}
	return []string{outer, on}
}

// assumer is implemented by the arguments of calls that take a value for a dry run.
type assumer interface {
	// Assumed returns the value, or nil for none.
	Assumed() any
}

// readSkipped makes a read-only call in a dry run. The call sees the skipped changes of files. If
// it fails after a change of the host was skipped, it may succeed in a real run: then it returns
// the value that the recipe gives as assuming.
func (e *execution) readSkipped(ctx context.Context, call script.Call, next func() (any, error)) (any, error) {
	result, err := e.world.skipped.Read(withReceiver(ctx, call), call, next)
	var lost *shell.LostError
	_, onHost := call.Receiver.(*shell.Host)
	if !onHost || err == nil && result != false || ctx.Err() != nil || errors.As(err, &lost) ||
		!e.skippedBefore(ctx, call) {
		return result, err
	}
	if args, ok := call.Args.(assumer); ok && args.Assumed() != nil {
		value := args.Assumed()
		text := fmt.Sprintf("%s, because a change was skipped before: %s",
			script.Short(value, e.world.stream.Redact), preview.CallText(call, e.world.stream.Redact))
		ctx = withReceiver(ctx, call)
		event.Emit(ctx, event.Event{Kind: event.Assumed, Text: text})
		e.world.plan.Skip(ctx, "assumed "+text, preview.Change{})
		return value, nil
	}
	var inLua *script.Error // of a function that was passed to the call
	if err != nil && event.Hint(err) == "" && !errors.As(err, &inLua) {
		err = event.WithHint(err, "a change that this dry run skipped may be the cause: host:capture and host:test "+
			"take assuming = VALUE for that, and dry_run tells a recipe what to leave out")
	}
	return result, err
}

// skippedBefore reports whether a change was skipped for the host of a call.
func (e *execution) skippedBefore(ctx context.Context, call script.Call) (found bool) {
	for _, host := range e.concernedHosts(ctx, call) {
		found = found || e.world.table.wouldChange(host)
	}
	return found
}

// reportAssumed reports that the recipe reads a result of a call that the dry run skipped.
func (e *execution) reportAssumed(ctx context.Context, call script.Call, field string, value any) {
	hide := e.world.stream.Redact
	ctx = withReceiver(ctx, call)
	text := fmt.Sprintf("%s = %s, because this was skipped: %s", field, script.Short(value, hide),
		preview.CallText(call, hide))
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
		if s, ok := a.Value.(interface{ Secrets() []string }); ok {
			return s.Secrets()
		}
	}
	return nil
}
