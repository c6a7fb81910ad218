package recipetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"runbook/runtime/event"
	"runbook/runtime/script"
)

// fault is a step that is to fail.
type fault struct {
	step, host, message string
	always              bool
	line                string
	used                map[string]bool // by host
}

type failArgs struct {
	Step    string `lua:"step,arg" doc:"the step's title, or the first words of it"`
	Host    string `lua:"host" doc:"only on the host of this name"`
	Always  bool   `lua:"always" doc:"every time, instead of the first time on each host"`
	Message string `lua:"message" doc:"what it fails with" default:"the test makes this step fail"`
}

func (w *world) failPrimitive() script.Primitive {
	return script.Func("fail", script.Pure, "Makes a step fail as soon as it begins the next time, on each host once, so that what the recipe does about it can succeed. "+
		"When no such step is begun the test fails.",
		func(ctx context.Context, _ script.None, a failArgs) (script.None, error) {
			if strings.TrimSpace(a.Step) == "" {
				return script.None{}, errors.New("step: want a step's title, or the first words of it")
			}
			w.mu.Lock()
			defer w.mu.Unlock()
			w.faults = append(w.faults, &fault{step: a.Step, host: a.Host, message: a.Message, always: a.Always, line: event.Line(ctx), used: map[string]bool{}})
			return script.None{}, nil
		}).With(`lab.fail("restart", { host = "web2" })`)
}

// atStep says why a step is to fail, or nil. Runs are one after the other in a test, but their hosts side by side.
func (w *world) atStep(ctx context.Context, title string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !slices.Contains(w.steps, title) {
		w.steps = append(w.steps, title)
	}
	host := event.Host(ctx)
	for _, f := range w.faults {
		fits := (title == f.step || strings.HasPrefix(title, f.step+" ")) && (f.host == "" || f.host == host)
		if fits && (f.always || !f.used[host]) {
			f.used[host] = true
			return errors.New(f.message)
		}
	}
	return nil
}

// unused is an error when a step that was to fail was never begun: the test would prove nothing.
func (w *world) unused() error {
	var titles []string
	for _, title := range w.steps {
		titles = append(titles, `"`+title+`"`)
	}
	for _, f := range w.faults {
		if len(f.used) > 0 {
			continue
		}
		on := ""
		if f.host != "" {
			on = " on " + f.host
		}
		err := fmt.Errorf("no step %q was begun%s%s", f.step, on, script.DidYouMean(f.step, w.steps))
		return &script.Error{Line: f.line, Call: "lab.fail", Err: event.WithHint(err, "these were: "+strings.Join(titles, ", "))}
	}
	return nil
}
