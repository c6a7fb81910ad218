package recipetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"runbook/runtime/event"
	"runbook/runtime/script"
	"runbook/runtime/script/spell"
)

// fault makes a step fail.
type fault struct {
	step, host, message string
	always              bool            // every time, instead of once on each host
	line                string          // the line of the test that asked for it
	used                map[string]bool // by host
}

type failArgs struct {
	Step    string `lua:"step,arg" doc:"the step's title, or its first words"`
	Host    string `lua:"host" doc:"only on the host of this name"`
	Always  bool   `lua:"always" doc:"every time, instead of the first time on each host"`
	Message string `lua:"message" doc:"the message of the failure" default:"the test makes this step fail"`
}

func (w *world) failPrimitive() script.Primitive {
	return script.Func("fail", script.Pure,
		"Make a step fail when it begins, once on each host, so that the recipe's rollback can succeed. "+
			"If no such step begins, the test fails.",
		func(ctx context.Context, _ script.None, a failArgs) (script.None, error) {
			if strings.TrimSpace(a.Step) == "" {
				return script.None{}, errors.New("step: want a step's title, or its first words")
			}
			w.mu.Lock()
			defer w.mu.Unlock()
			w.faults = append(w.faults, &fault{step: a.Step, host: a.Host, message: a.Message, always: a.Always,
				line: event.Line(ctx), used: map[string]bool{}})
			return script.None{}, nil
		}).With(`lab.fail("restart", { host = "web2" })`)
}

// atStep returns the failure to inject into a step, or nil. The hosts of a run call it in parallel.
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

// unused returns an error if a step that must fail never began: such a test proves nothing.
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
		err := fmt.Errorf("no step %q began%s%s", f.step, on, spell.DidYouMean(f.step, w.steps))
		return &script.Error{Line: f.line, Call: "lab.fail",
			Err: event.WithHint(err, "these began: "+strings.Join(titles, ", "))}
	}
	return nil
}
