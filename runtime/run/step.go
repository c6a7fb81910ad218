package run

import (
	"context"
	"time"

	"runbook/runtime/event"
	"runbook/runtime/onchange"
	"runbook/runtime/script"
)

// stepper implements step.
type stepper struct {
	before func(ctx context.Context, title string) error // called when a step begins; its error fails the step
	notes  onchange.Notes
}

type stepArgs struct {
	Title string          `lua:"title,arg" doc:"the title"`
	Fn    script.Callback `lua:"fn,arg" doc:"the function to run"`
}

func (s stepper) primitive() script.Primitive {
	return script.Func("step", script.Reads, "Run fn as a step and return what it returns. The output shows the "+
		"title and the duration. Steps can be nested.", s.run).
		With("local sha = step(\"resolve the branch\", function()\n  return host.git:resolve(options.repo, " +
			"options.branch)\nend)")
}

func (s stepper) run(ctx context.Context, _ script.None, a stepArgs) (result any, err error) {
	ctx = event.WithStep(ctx, a.Title)
	event.Emit(ctx, event.Event{Kind: event.StepBegun})
	began := time.Now()
	if err = s.before(ctx, a.Title); err == nil {
		err = s.notes.During(ctx, func(ctx context.Context) (err error) {
			result, err = a.Fn.Call(ctx)
			return err
		})
	}
	ended := event.Event{Kind: event.StepEnded, Seconds: time.Since(began).Seconds()}
	if err != nil {
		ended.Error = headline(err)
	}
	event.Emit(ctx, ended)
	return result, locate(ctx, err)
}
