package run

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"runbook/runtime/event"
	"runbook/runtime/script"
)

type confirmArgs struct {
	Text string `lua:"text,arg" doc:"the question"`
}

// confirmPrimitive is confirm(text).
func (r *runner) confirmPrimitive() script.Primitive {
	return script.Func("confirm", script.Reads, "Asks the admin, and goes on only after a yes: anything else is an error. "+
		"--yes answers; with no terminal and no --yes it refuses. A dry run doesn't ask.", r.confirm).
		With(`confirm("remove " .. count .. " releases?")`)
}

func (r *runner) confirm(ctx context.Context, _ script.None, a confirmArgs) (bool, error) {
	switch {
	case r.opts.DryRun:
		event.Emit(ctx, event.Event{Kind: event.WouldChange, Text: "ask: " + a.Text})
		return true, nil
	case r.opts.Yes:
		return true, nil
	case r.opts.Prompt == nil:
		return false, event.WithHint(fmt.Errorf("there is no terminal to ask on: %s", a.Text), "answer with --yes")
	}
	answer, err := r.opts.Prompt(ctx, a.Text+" [y/N] ", false)
	if err != nil {
		return false, err
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return true, nil
	}
	return false, &failure{"not confirmed: " + a.Text}
}

type failArgs struct {
	Message string `lua:"message,arg" doc:"what is wrong"`
	Hint    string `lua:"hint,arg,optional" doc:"what to do next"`
}

// failPrimitive is fail(message, hint).
func failPrimitive() script.Primitive {
	return script.Func("fail", script.Pure, "Ends what is under way with the recipe's own words. Before any change the run counts as refused.",
		func(_ context.Context, _ script.None, a failArgs) (script.None, error) {
			if a.Message == "" {
				return script.None{}, errors.New("message: want the reason in a sentence")
			}
			var err error = &failure{a.Message}
			if a.Hint != "" {
				err = event.WithHint(err, a.Hint)
			}
			return script.None{}, err
		}).With(`fail("no release to go back to", "runbook run recipes/status.lua lists the releases")`).
		Never()
}
