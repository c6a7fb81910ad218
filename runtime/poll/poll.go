// Package poll waits: for a time, until a condition or several functions are done, and before
// another attempt.
//
// Its one rule: an interrupt ends every wait at once.
package poll

import (
	"context"
	"errors"
	"fmt"
	"time"

	"runbook/runtime/event"
	"runbook/runtime/script"
)

// Primitives declares sleep, wait, retry and parallel. A dry run waits for nothing: what it would
// wait for was not done.
func Primitives(dryRun bool) []script.Primitive {
	p := poller{dryRun}
	return []script.Primitive{
		parallel(),
		script.Func("sleep", script.Reads, "Wait for a time. A dry run does not wait. To wait for something, use wait.",
			p.sleep).
			With(`sleep("10ms")`),
		script.Func("wait", script.Reads,
			"Run fn as a step, again and again, until it returns a value other than nil and false, "+
				"and return that value. A second value is the reason why not yet, for the error after the time limit. "+
				"An error that fn raises ends the wait. A dry run calls fn once.", p.wait).
			With("wait(\"the release is there\", { within = \"10s\", every = \"200ms\" }, function()\n" +
				"  return host.fs:exists(\"/srv/app/current\")\nend)"),
		script.Func("retry", script.Reads,
			"Run fn, and again after an error, up to times in all. Return what fn returns, or raise "+
				"its last error. An interrupt is not retried.", p.retry).
			With("retry({ times = 3, pause = \"10ms\", factor = 2 }, function()\n" +
				"  host:run({ \"git\", \"ls-remote\", options.repo })\nend)"),
	}
}

type poller struct{ dryRun bool }

type sleepArgs struct {
	For time.Duration `lua:"duration,arg" doc:"how long, such as \"10s\""`
}

func (p poller) sleep(ctx context.Context, _ script.None, a sleepArgs) (script.None, error) {
	if p.dryRun {
		return script.None{}, nil
	}
	return script.None{}, Pause(ctx, a.For)
}

// Pause waits for d. It fails with the cause of ctx.
func Pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

type waitArgs struct {
	Title  string          `lua:"title,arg" doc:"what is waited for, as the title of the step"`
	Within time.Duration   `lua:"within" doc:"the time limit" default:"60s"`
	Every  time.Duration   `lua:"every" doc:"the pause between two calls" default:"1s"`
	Fn     script.Callback `lua:"fn,arg" doc:"returns the value that is waited for, or nil and the reason"`
}

func (p poller) wait(ctx context.Context, _ script.None, a waitArgs) (result any, err error) {
	ctx = event.WithStep(ctx, a.Title)
	event.Emit(ctx, event.Event{Kind: event.StepBegun})
	began := time.Now()
	defer func() {
		ended := event.Event{Kind: event.StepEnded, Seconds: time.Since(began).Seconds()}
		if err != nil {
			ended.Error = err.Error()
		}
		event.Emit(ctx, ended)
	}()
	for {
		result, reason, err := a.Fn.Pair(ctx)
		if err != nil || holds(result) || p.dryRun {
			return result, err
		}
		if time.Since(began)+a.Every > a.Within {
			return nil, timedOut(a, reason)
		}
		if err := Pause(ctx, a.Every); err != nil {
			return nil, err
		}
	}
}

// holds reports whether a value counts as true in Lua.
func holds(value any) bool { return value != nil && value != false }

func timedOut(a waitArgs, reason any) error {
	text := fmt.Sprintf("%s: not within %v", a.Title, a.Within)
	if reason != nil {
		text += fmt.Sprintf(": %v", reason)
	}
	return errors.New(text)
}

type retryArgs struct {
	Times  int             `lua:"times" doc:"how often fn is called at most" default:"3"`
	Pause  time.Duration   `lua:"pause" doc:"the pause after the first error" default:"1s"`
	Factor float64         `lua:"factor" doc:"what each further pause is multiplied with" default:"1"`
	Fn     script.Callback `lua:"fn,arg" doc:"what to try"`
}

func (p poller) retry(ctx context.Context, _ script.None, a retryArgs) (any, error) {
	if a.Times < 1 || a.Factor < 1 {
		return nil, errors.New("want times and factor of at least 1")
	}
	for n := 1; ; n++ {
		result, err := a.Fn.Call(ctx)
		if err == nil || n == a.Times || ctx.Err() != nil || p.dryRun {
			return result, err
		}
		event.Emit(ctx, event.Event{Kind: event.Warning,
			Text: fmt.Sprintf("attempt %d of %d failed, the next follows after %v: %v", n, a.Times, a.Pause, err)})
		if err := Pause(ctx, a.Pause); err != nil {
			return nil, err
		}
		a.Pause = time.Duration(float64(a.Pause) * a.Factor)
	}
}
