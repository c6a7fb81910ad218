package run

import (
	"context"
	"time"

	"runbook/runtime/event"
	"runbook/runtime/onchange"
	"runbook/runtime/run/choice"
	"runbook/runtime/script"
)

// stepper implements step.
type stepper struct {
	before func(ctx context.Context, title string) error // called when a step begins; its error fails the step
	notes  onchange.Notes
	choice *choice.Choice
}

type stepArgs struct {
	Title    string          `lua:"title,arg" doc:"the title"`
	Required bool            `lua:"required" doc:"what follows needs the step, so that --skip and --step cannot leave it out"`
	Whole    bool            `lua:"whole" doc:"fail where --skip or --step left out a step before on the same host: the result must not look complete"`
	Fn       script.Callback `lua:"fn,arg" doc:"the function to run"`
}

func (s stepper) primitive() script.Primitive {
	return script.Func("step", script.Reads,
		"Run fn as a step and return what it returns. The output shows the title and the duration. "+
			"Steps can be nested. A step that --skip or --step leaves out returns nil. In hooks every step runs.",
		s.run).
		With("local sha = step(\"resolve the branch\", { required = true }, function()\n" +
			"  return host.git:resolve(options.repo, options.branch)\nend)")
}

func (s stepper) run(ctx context.Context, _ script.None, a stepArgs) (result any, err error) {
	ctx, runs, err := s.choice.Choose(ctx, choice.Step{Title: a.Title, Required: a.Required, Whole: a.Whole})
	if err != nil || !runs {
		return nil, locate(ctx, err)
	}
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
