package run

import (
	"context"
	"time"

	"runbook/runtime/event"
	"runbook/runtime/script"
)

type stepArgs struct {
	Title string          `lua:"title,arg" doc:"what the output shows"`
	Fn    script.Callback `lua:"fn,arg" doc:"what to do"`
}

func (r *runner) stepPrimitive() script.Primitive {
	return script.Func("step", script.Reads, "Does fn under a title, which the output shows with how long it took. Steps nest. Returns what fn returns.", r.step).
		With("local sha = step(\"resolve the branch\", function()\n  return host.git:resolve(options.repo, options.branch)\nend)")
}

func (r *runner) step(ctx context.Context, _ script.None, a stepArgs) (result any, err error) {
	ctx = event.WithStep(ctx, a.Title)
	event.Emit(ctx, event.Event{Kind: event.StepBegun})
	began := time.Now()
	if r.opts.AtStep != nil {
		err = r.opts.AtStep(ctx, a.Title)
	}
	if err == nil {
		result, err = a.Fn.Call(ctx)
	}
	ended := event.Event{Kind: event.StepEnded, Seconds: time.Since(began).Seconds()}
	if err != nil {
		ended.Error = headline(err)
	}
	event.Emit(ctx, ended)
	return result, locate(ctx, err)
}
