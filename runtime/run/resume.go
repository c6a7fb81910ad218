package run

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"runbook/runtime/event"
	"runbook/runtime/script"
)

type resumeArgs struct {
	Options map[string]any `lua:"options,arg" doc:"options of the recipe, by name, with the values that this run goes by"`
}

// resumePrimitive is resume{ … }.
func (r *runner) resumePrimitive() script.Primitive {
	return script.Func("resume", script.Pure, "Says by which options a run that fails or is interrupted can be finished. Once something was changed, "+
		"the last words of such a run are the whole command, with the options that were given and these; those of a run for some "+
		"hosts only are the command for all. Of a run that was killed, runbook log tells it.",
		func(ctx context.Context, _ script.None, a resumeArgs) (script.None, error) {
			values, args := map[string]string{}, map[string]any{}
			for name, v := range a.Options {
				if r.plan == nil {
					continue
				}
				o, ok := r.plan.values.option(name)
				if !ok {
					return script.None{}, fmt.Errorf("the recipe declares no option %q%s", name, script.DidYouMean(name, r.plan.values.names()))
				}
				text, err := cell(v)
				if err == nil {
					_, err = o.Parse([]string{text})
				}
				if err != nil {
					return script.None{}, fmt.Errorf("%s: %w", name, err)
				}
				values[o.Flag()], args[o.Name] = text, text
			}
			r.mu.Lock()
			r.resume = values
			r.mu.Unlock()
			if !r.opts.DryRun && r.opts.Again != nil && len(values) > 0 {
				event.Emit(ctx, event.Event{Kind: event.Resumable, Text: r.opts.Again(asFlags(values)), Args: args})
			}
			return script.None{}, nil
		}).With(`resume({ release = name, revision = sha })`)
}

// about is what the run was of, for the last event: release and revision as the recipe said them by resume, or else in the
// last table.
func (r *runner) about() map[string]any {
	args := map[string]any{}
	for _, name := range []string{"release", "revision"} {
		r.mu.Lock()
		text := r.resume[name]
		r.mu.Unlock()
		if text == "" {
			text = strings.Join(r.table.column(name), ", ")
		}
		if text != "" {
			args[name] = text
		}
	}
	return args
}

// finish adds to hint the command that finishes the run, where there is one and something was begun.
func (r *runner) finish(hint string) string {
	if flags := r.flags(); r.opts.Again != nil && len(flags) > 0 {
		return strings.TrimPrefix(hint+"\n"+ToFinish(r.opts.Again(flags)), "\n")
	}
	return hint
}

// ToFinish says what the command line is for that finishes a run.
func ToFinish(command string) string { return "to finish what was begun: " + command }

// rest is what to do next once all is well: the same on the hosts that were left out, or "".
func (r *runner) rest() string {
	if flags := r.flags(); r.opts.Rest != nil && len(flags) > 0 {
		return "for the hosts that --only left out: " + r.opts.Rest(flags)
	}
	return ""
}

// flags are those that the recipe stated by resume, once something was changed.
func (r *runner) flags() []Flag {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.opts.DryRun || !r.changed.Load() {
		return nil
	}
	return asFlags(r.resume)
}

// asFlags are values by flag, in the order of their names.
func asFlags(values map[string]string) []Flag {
	flags := make([]Flag, 0, len(values))
	for _, name := range slices.Sorted(maps.Keys(values)) {
		flags = append(flags, Flag{name, values[name]})
	}
	return flags
}

// Flag is a long option of the command line and its value.
type Flag struct{ Name, Value string }
