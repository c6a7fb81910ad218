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
	"sync"

	"runbook/runtime/event"
	"runbook/runtime/recipe"
	"runbook/runtime/script"
	"runbook/runtime/script/spell"
	"runbook/runtime/ssh"
)

// Flag is a long option of the command line and its value.
type Flag struct{ Name, Value string }

// Commands build the command lines that a run suggests. A nil function builds none.
type Commands struct {
	// Resume builds the command line of this run, with these flags instead of those given.
	Resume func([]Flag) string
	// Undo builds the one of another recipe, with these flags and the flags of this run that it
	// accepts.
	Undo func(recipe string, flags []Flag) string
	// On builds the one of this run on these hosts only; without hosts, on all hosts.
	On func(hosts []string, flags []Flag) string
	// LeftOut names the options that have left hosts out, such as "--only"; "" for none.
	LeftOut string
}

// UndoHint introduces the command line that undoes a run.
func UndoHint(command string) string { return "to go back: " + command }

// ResumeHint introduces the command line that finishes a run.
func ResumeHint(command string) string { return "to finish what was begun: " + command }

// LaterHint introduces the command line for hosts that were skipped.
func LaterHint(command string) string { return "when the unreachable hosts are back: " + command }

type resumeArgs struct {
	Options map[string]any `lua:"options,arg" doc:"the recipe's options by name, with the values of this run"`
	Undo    string         `lua:"undo" doc:"a recipe beside this one that undoes the run, such as rollback.lua"`
	With    map[string]any `lua:"with" doc:"the options of that recipe"`
	Also    []string       `lua:"also" doc:"hosts that every run needs, as for --only: the command for skipped hosts names them, too"`
}

// resumer implements resume.
type resumer interface {
	resume(ctx context.Context, a resumeArgs) error
}

// noResumer serves where there is no run to resume.
type noResumer struct{}

func (noResumer) resume(context.Context, resumeArgs) error { return nil }

func resumePrimitive(r resumer) script.Primitive {
	return script.Func("resume", script.Pure, "Record the options that finish this run, and the recipe that undoes "+
		"it. A run that ends early after a change prints both commands. A run on some of the hosts prints the "+
		"command for the others. runbook log shows the command for a killed run.",
		func(ctx context.Context, _ script.None, a resumeArgs) (script.None, error) {
			return script.None{}, r.resume(ctx, a)
		}).With(`resume({ release = name, revision = sha }, { undo = "rollback.lua", with = { release = before } })`)
}

// resumption holds what a recipe recorded by resume.
type resumption struct {
	flags     map[string]string // the options that finish the run, by flag
	undo      string            // the recipe that undoes the run, or ""
	undoFlags map[string]string
	also      []string // patterns for --only
}

// resumeRecorder implements resume for a run.
type resumeRecorder struct {
	plan *Plan

	mu       sync.Mutex
	recorded resumption
}

func (r *resumeRecorder) resume(ctx context.Context, a resumeArgs) error {
	next := resumption{flags: map[string]string{}, undoFlags: map[string]string{}, also: a.Also}
	args := map[string]any{}
	for name, v := range a.Options {
		o, ok := r.plan.Values.Option(name)
		if !ok {
			return fmt.Errorf("the recipe declares no option %q%s", name, spell.DidYouMean(name, r.plan.Values.Names()))
		}
		if o.Secret { // no displayed command contains it
			continue
		}
		text, err := cell(v)
		if err == nil {
			_, err = o.Parse([]string{text})
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		next.flags[o.Flag()], args[o.Name] = text, text
	}
	if a.Undo != "" {
		next.undo = filepath.Join(filepath.Dir(r.plan.Recipe.Path), a.Undo)
	}
	for name, v := range a.With {
		text, err := cell(v)
		if err != nil {
			return fmt.Errorf("with.%s: %w", name, err)
		}
		next.undoFlags[recipe.Option{Name: name}.Flag()] = text
	}
	r.mu.Lock()
	known := reflect.DeepEqual(r.recorded, next) // each host may record the same
	r.recorded = next
	r.mu.Unlock()
	if command := r.resumeCommand(next); !known && !r.plan.opts.DryRun && command != "" {
		event.Emit(ctx, event.Event{Kind: event.Resumable, Text: command, Hint: r.undoCommand(next), Args: args})
	}
	return nil
}

func (r *resumeRecorder) current() resumption {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.recorded
}

// subject returns what the run was about, for the last event: the texts of the columns that the
// recipe puts first. They come from resume, or else from the rows of the last table that match
// these, which leaves out hosts that were rolled back.
func (r *resumeRecorder) subject(t *table) map[string]any {
	recorded := map[string]string{}
	for _, name := range r.plan.Recipe.Columns {
		if text := r.current().flags[recipe.Option{Name: name}.Flag()]; text != "" {
			recorded[name] = text
		}
	}
	args := map[string]any{}
	for _, name := range r.plan.Recipe.Columns {
		if text := cmp.Or(recorded[name], t.distinct(name, recorded)); text != "" {
			args[name] = text
		}
	}
	return args
}

// addCommands adds to hint the commands that undo and finish the run. After a failure undo comes
// first, because what failed once is likely to fail again. After an interrupt resume comes first.
func (r *resumeRecorder) addCommands(hint string, interrupted bool) string {
	recorded := r.current()
	var hints []string
	if command := r.undoCommand(recorded); command != "" {
		hints = append(hints, UndoHint(command))
	}
	if command := r.resumeCommand(recorded); command != "" {
		hints = append(hints, ResumeHint(command))
	}
	if interrupted {
		slices.Reverse(hints)
	}
	return strings.TrimPrefix(strings.Join(append([]string{hint}, hints...), "\n"), "\n")
}

// laterHint returns the commands for the hosts that remain after a success: skipped ones, and after
// a change those that options left out.
func (r *resumeRecorder) laterHint(skipped []string, changed bool) string {
	commands, recorded := r.plan.opts.Commands, r.current()
	flags := sortedFlags(recorded.flags)
	var hints []string
	if commands.On != nil && len(skipped) > 0 {
		hints = append(hints, LaterHint(commands.On(slices.Concat(skipped, recorded.also), flags)))
	}
	if commands.On != nil && commands.LeftOut != "" && changed && len(flags) > 0 {
		hints = append(hints, "for the hosts that "+commands.LeftOut+" left out: "+commands.On(nil, flags))
	}
	return strings.Join(hints, "\n")
}

func (r *resumeRecorder) resumeCommand(recorded resumption) string {
	build, flags := r.plan.opts.Commands.Resume, sortedFlags(recorded.flags)
	if build == nil || len(flags) == 0 {
		return ""
	}
	return build(flags)
}

func (r *resumeRecorder) undoCommand(recorded resumption) string {
	build := r.plan.opts.Commands.Undo
	if build == nil || recorded.undo == "" {
		return ""
	}
	return build(recorded.undo, sortedFlags(recorded.undoFlags))
}

// sortedFlags turns values by flag into flags sorted by name.
func sortedFlags(values map[string]string) []Flag {
	flags := make([]Flag, 0, len(values))
	for _, name := range slices.Sorted(maps.Keys(values)) {
		flags = append(flags, Flag{name, values[name]})
	}
	return flags
}

// CommandLine returns words as a line for a shell, quoted if necessary. It drops NUL bytes, which
// no shell accepts.
func CommandLine(words ...string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i], _ = ssh.Quote(strings.ReplaceAll(w, "\x00", "")) // fails only for a NUL byte
	}
	return strings.Join(quoted, " ")
}
