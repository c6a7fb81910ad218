package run

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"runbook/runtime/event"
	"runbook/runtime/script"
)

type resumeArgs struct {
	Options map[string]any `lua:"options,arg" doc:"options of the recipe, by name, with the values of this run"`
	Undo    string         `lua:"undo" doc:"a recipe beside this one that undoes the run, such as rollback.lua"`
	With    map[string]any `lua:"with" doc:"the options to run that recipe with"`
}

// resumption is what a recipe stated by resume: options as flag → value, and the recipe that undoes the run.
type resumption struct {
	flags     map[string]string
	undo      string
	undoFlags map[string]string
}

// resumePrimitive is resume{ … }.
func (r *runner) resumePrimitive() script.Primitive {
	return script.Func("resume", script.Pure, "Records the options that finish this run, and the recipe that undoes it. When the run fails or is interrupted after it "+
		"changed something, its last words are both commands, with the options that were given and these. After a run for some hosts only, they are the "+
		"command for all. runbook log tells the command of a run that was killed.",
		func(ctx context.Context, _ script.None, a resumeArgs) (script.None, error) {
			values, args := resumption{flags: map[string]string{}, undoFlags: map[string]string{}}, map[string]any{}
			if r.plan == nil {
				return script.None{}, nil
			}
			for name, v := range a.Options {
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
				values.flags[o.Flag()], args[o.Name] = text, text
			}
			if a.Undo != "" {
				values.undo = filepath.Join(filepath.Dir(r.plan.Recipe.Path), a.Undo)
			}
			for name, v := range a.With {
				text, err := cell(v)
				if err != nil {
					return script.None{}, fmt.Errorf("with.%s: %w", name, err)
				}
				values.undoFlags[Option{Name: name}.Flag()] = text
			}
			r.mu.Lock()
			known := reflect.DeepEqual(r.resume, values) // each host may state the same
			r.resume = values
			r.mu.Unlock()
			if !known && !r.opts.DryRun && r.opts.Again != nil && len(values.flags) > 0 {
				event.Emit(ctx, event.Event{Kind: event.Resumable, Text: r.opts.Again(asFlags(values.flags)), Hint: r.undoing(values), Args: args})
			}
			return script.None{}, nil
		}).With(`resume({ release = name, revision = sha }, { undo = "rollback.lua", with = { release = before } })`)
}

// about is what the run was of, for the last event: release and revision as the recipe said them by resume, or else in the
// last table. A host that went back has another release there.
func (r *runner) about() map[string]any {
	r.mu.Lock()
	release, revision := r.resume.flags["release"], r.resume.flags["revision"]
	r.mu.Unlock()
	releases, revisions := r.table.releases(release)
	args := map[string]any{}
	for name, text := range map[string]string{"release": cmp.Or(release, releases), "revision": cmp.Or(revision, revisions)} {
		if text != "" {
			args[name] = text
		}
	}
	return args
}

// finish adds to hint the commands that undo and that finish the run, where something was changed. After a failure the way back
// comes first, because what failed once is likely to fail again; after an interrupt the way forward does.
func (r *runner) finish(hint string, interrupted bool) string {
	said := r.stated()
	var ways []string
	if command := r.undoing(said); command != "" {
		ways = append(ways, ToGoBack(command))
	}
	if len(said.flags) > 0 && r.opts.Again != nil {
		ways = append(ways, ToFinish(r.opts.Again(asFlags(said.flags))))
	}
	if interrupted {
		slices.Reverse(ways)
	}
	return strings.TrimPrefix(strings.Join(append([]string{hint}, ways...), "\n"), "\n")
}

// undoing returns the command line that undoes the run, or "".
func (r *runner) undoing(said resumption) string {
	if said.undo == "" || r.opts.Undo == nil {
		return ""
	}
	return r.opts.Undo(said.undo, asFlags(said.undoFlags))
}

// ToGoBack says what the command line is for that undoes a run.
func ToGoBack(command string) string { return "to go back: " + command }

// ToFinish says what the command line is for that finishes a run.
func ToFinish(command string) string { return "to finish what was begun: " + command }

// rest is what to do next once all is well: the same on the hosts that were left out, or "".
func (r *runner) rest() string {
	if flags := asFlags(r.stated().flags); r.opts.Rest != nil && len(flags) > 0 {
		return "for the hosts that --only left out: " + r.opts.Rest(flags)
	}
	return ""
}

// stated returns what the recipe stated by resume, once something was changed.
func (r *runner) stated() resumption {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.opts.DryRun || !r.changed.Load() {
		return resumption{}
	}
	return r.resume
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
