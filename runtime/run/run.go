// Package run executes a recipe: its hosts, steps and hooks, the dry run, the last table, and how
// to resume.
//
// Its one rule: every mistake that can be detected in advance is refused before any host is
// contacted, and the hooks that a host's function registered run whatever happens. The primitives
// here are those that need the run, such as each, step and defer, and small ones without a host.
package run

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"runbook/runtime/event"
	"runbook/runtime/inventory"
	"runbook/runtime/recipe"
	"runbook/runtime/run/choice"
	"runbook/runtime/script"
)

// execution is a run in progress.
type execution struct {
	plan     *Plan
	world    *World
	resume   *resumeRecorder
	stage    choice.Stage
	started  atomic.Bool // recipe{ … } was reached, or something else that is not pure
	askedGit atomic.Bool // this machine asked a git server
	connect  sync.Once
}

// Run runs the plan with its events to stream. It returns when the recipe, its hooks and every
// connection have ended. The error has an exit status. The stream stays open.
func (p *Plan) Run(ctx context.Context, stream *event.Stream) error {
	ctx = event.WithStream(ctx, stream)
	began := time.Now()
	event.Emit(ctx, p.begun())
	for _, n := range p.Notes {
		event.Emit(ctx, event.Event{Kind: event.Info, Text: n})
	}
	for _, w := range p.Warnings {
		event.Emit(ctx, event.Event{Kind: event.Warning, Text: w})
	}
	e := p.newExecution(stream)
	err := e.run(ctx)
	err = e.world.withStatus(ctx, err, e.world.connections.wereTried() || e.askedGit.Load())
	if err == nil && !p.opts.DryRun { // a dry run does not reach every step
		err = WithStatus(p.steps.Unreached(), StatusFailed)
	}
	if p.opts.DryRun && err == nil {
		e.emitPlan(ctx)
	}
	e.world.table.emit(ctx)
	ended := Ended(began, err, p.opts.Explain)
	ended.Args, ended.Hosts = e.resume.subject(e.world.table), e.world.connections.skippedNames()
	switch changed := e.world.changed.Load(); {
	case p.opts.DryRun:
	case err == nil:
		ended.Hint = e.resume.laterHint(ended.Hosts, changed)
	case changed:
		ended.Hint = e.resume.addCommands(ended.Hint, Status(err) == StatusInterrupted)
	}
	event.Emit(ctx, ended)
	return err
}

func (p *Plan) newExecution(stream *event.Stream) *execution {
	o := p.opts
	e := &execution{plan: p, resume: &resumeRecorder{plan: p},
		stage: choice.Stage{Settings: p.Recipe.Settings, Yes: o.Yes, Prompt: o.Prompt}}
	e.world = newWorld(WorldOptions{
		Stream: stream, Hosts: p.Hosts, KnownHosts: o.Inventory.KnownHosts, ConnectTimeout: o.Inventory.ConnectTimeout,
		Names: inventory.NewNames(stream, o.Inventory),
		Skip:  o.Inventory.SkipUnreachable, LockWait: o.LockWait, DryRun: o.DryRun, Yes: o.Yes, Prompt: o.Prompt,
		Hooks: o.Hooks, BeforeStep: o.BeforeStep,
		Locks: sync.OnceValue(func() bool { return p.Recipe.Sources.Calls("lock") }),
		Steps: p.steps, Settings: p.Recipe.Settings, Answers: p.Recipe.Answers,
	})
	e.world.evaluation.Declare, e.world.resumer = e.declare, e.resume
	return e
}

// run runs the recipe and the hooks registered outside of any each.
func (e *execution) run(ctx context.Context) (err error) {
	w := e.world
	defer func() { err = Join(err, w.pool.Close()) }()
	err = w.open(script.StateOptions{Intercept: e.intercept, ReadAssumed: e.reportAssumed, Print: w.opts.Print,
		Files: e.plan.Recipe.Sources})
	if err != nil {
		return err
	}
	defer w.state.Close()
	ctx = withFrame(ctx, w.hooks.root)
	if w.opts.Skip.IsSet() {
		e.connect.Do(func() { err = w.SkipUnreachable(ctx) })
		if err != nil {
			return err
		}
	}
	if err = w.RunFile(ctx, e.plan.Recipe.Path); err == nil {
		err = w.connections.err()
	}
	hookErr := w.hooks.run(ctx, w.hooks.root, err)
	w.table.addError(hookErr)
	return Join(err, hookErr)
}

// declare implements recipe{ … } in a run: it returns the options. The hosts are connected to when
// the recipe first does more than compute, so it can refuse the values of its options before any
// host is contacted.
func (e *execution) declare(context.Context, recipe.Declaration) (script.Proxy, error) {
	if e.started.Swap(true) {
		return script.Proxy{}, errors.New("recipe{ … } must be called once, before anything else is done")
	}
	return script.Proxy{Name: "options", Get: e.plan.Values.Get}, nil
}

// begun returns the first event of the run.
func (p *Plan) begun() event.Event {
	e := Begun(p.Recipe.Path, p.Hosts)
	e.DryRun, e.Order, e.Args = p.opts.DryRun, p.Recipe.Columns, map[string]any{}
	for name := range p.opts.Given {
		if o, ok := p.Values.Option(name); ok {
			e.Args[name] = o.Shown(p.Values.Common[name])
		}
	}
	return e
}

// Begun returns the first event of a run on hosts. recipe is its path, or another name for the run.
func Begun(recipe string, hosts []inventory.Host) event.Event {
	name, machine := inventory.Operator()
	e := event.Event{Kind: event.RunBegun, Text: recipe, By: name + "@" + machine, Version: event.Version}
	for _, h := range hosts {
		e.Hosts = append(e.Hosts, h.Name)
	}
	return e
}

// Explain turns an error into text and a hint for the admin.
type Explain func(error) (text, hint string)

// Ended returns the last event of what began then and ended in err. Without explain
// it has the error's own words.
func Ended(began time.Time, err error, explain Explain) event.Event {
	status := Status(err)
	e := event.Event{Kind: event.RunEnded, Seconds: time.Since(began).Seconds(), Code: &status}
	if err == nil {
		return e
	}
	for _, f := range Faults(err) {
		e.Faults = append(e.Faults, event.Fault{Host: f.Host, Step: f.Step, Line: f.Line, Message: f.Message,
			Command: f.Command, Code: f.Code, Hint: f.Hint})
	}
	e.Error, e.Hint = err.Error(), event.Hint(err)
	if explain != nil {
		e.Error, e.Hint = explain(err)
	}
	return e
}
