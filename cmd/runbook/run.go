package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"runbook/cmd/runbook/explain"
	"runbook/cmd/runbook/project"
	"runbook/cmd/runbook/sandbox"
	"runbook/cmd/runbook/signals"
	"runbook/runtime/event"
	"runbook/runtime/event/jsonl"
	"runbook/runtime/event/terminal"
	"runbook/runtime/recipe"
	"runbook/runtime/run"
)

// runCommand declares `runbook run`, with the recipe's own options once the recipe is known.
func (p *program) runCommand(of *recipe.Recipe) command {
	c := command{name: "run", summary: "run a recipe; without one, list the recipes",
		argument: argument{value: value{name: "RECIPE", offer: recipeFile}, optional: true},
		flags: append(hostFlags(),
			boolFlag("dry-run", "read everything, change nothing, and print a plan; -v adds every call"),
			listFlag("step", value{name: "TITLE"},
				"run only the steps with this title, or with these words first; may be repeated"),
			listFlag("skip", value{name: "TITLE"},
				"leave out the steps with this title, or with these words first; may be repeated"),
			durationFlag("lock-wait", "how long to wait for a lock that another run holds, before refusing", 0),
			boolFlag("settings", "show every option's value on each host and where it comes from, and contact nothing"),
			textFlag("shard", value{name: "I/N"},
				"use only part I of N of the hosts, such as 1/10; all N parts have each host once"),
			boolFlag("yes", "answer yes to every question of the recipe"),
			boolFlag("json", "print events as JSON, one per line, and nothing else on standard output"),
			textFlag("report", fileValue, "also write the run as a self-contained HTML page"),
			textFlag("summary", fileValue, "also write the result, or the plan of a dry run, as Markdown"),
			textFlag("otlp", value{name: "URL"},
				"also send the run as a trace to an OpenTelemetry receiver, such as http://127.0.0.1:4318"),
			boolFlag("verbose", "show the output of every command").withShort("v"),
			boolFlag("quiet", "show failures and the last table only").withShort("q"),
		),
		reads: func(l line) reading {
			if l.help || len(l.args) == 0 {
				return onlyReads
			}
			return neverReads
		},
	}
	c.action = p.listRecipes
	c.description = `
RECIPE is a file, or its name in recipes/: release is recipes/release.lua. runbook run --help RECIPE lists the
options of a recipe.`
	if of != nil {
		c.argument, c.description = argument{value: value{name: of.Path}}, of.Summary
	}
	return c
}

// forRecipe returns the run command of a recipe.
func (p *program) forRecipe(of *recipe.Recipe) (command, error) {
	c := p.runCommand(of)
	flags, err := recipeFlags(of.Options, c.flags)
	if err != nil {
		return c, run.Usage(fmt.Errorf("%s: %w", of.Path, err))
	}
	c.flags = append(c.flags, flags...)
	c.action = func(call *cli.Context) error { return p.run(call, of, c.flags) }
	return c, nil
}

// withRecipe returns the run command of the recipe on the line, and the line with the recipe's
// options. Which word is the recipe can depend on those options (in `--branch main.lua
// release.lua`), so each word that may be the recipe is tried.
func (p *program) withRecipe(ctx context.Context, bare command, l line) (command, line, error) {
	defer sandbox.CollectLess()()
	load := p.loadToRun
	if l.help {
		load = p.loadToDescribe
	}
	var first error
	for _, word := range project.Candidates(l.args) {
		path, err := project.Recipe(word)
		if err != nil {
			first = cmp.Or(first, err)
			continue
		}
		if err := project.CheckStage(p.stage, filepath.Dir(path)); err != nil {
			return bare, l, err
		}
		of, err := load(ctx, path)
		if err != nil {
			first = cmp.Or(first, err)
			continue
		}
		c, err := p.forRecipe(of)
		if err != nil {
			first = cmp.Or(first, err)
			continue
		}
		full := l.resume(c.flags)
		switch err := full.validate(c.flags); {
		case err != nil:
			first = cmp.Or(first, run.Usage(event.WithHint(err, "runbook run --help "+word+" lists the options")))
		case len(full.args) != 1:
			first = cmp.Or(first, run.Usage(fmt.Errorf("run takes one recipe, got %s", strings.Join(full.args, " "))))
		case full.args[0] != word:
		case l.help && !full.help && p.sandboxed:
			return c, full, errNoHelp
		case l.help && !full.help:
			l.help = false
			return p.withRecipe(ctx, bare, l)
		case full.stage() != p.stage: // --stage turned out to be a value, or a value to be --stage
			p.stage = full.stage()
			return p.withRecipe(ctx, bare, l)
		default:
			return c, full, nil
		}
	}
	return bare, l, first
}

// errNoHelp reports from the sandboxed child that the line runs a recipe: --help is the value of
// an option.
var errNoHelp = reportedError{run.WithStatus(errors.New("--help is the value of an option"), statusNoHelp)}

// statusNoHelp is the exit status of errNoHelp, which only this program sees.
const statusNoHelp = 64

// loadToRun reads a recipe with the real values of its secrets and environment.
func (p *program) loadToRun(ctx context.Context, path string) (*recipe.Recipe, error) {
	api, err := versionedAPI()
	if err != nil {
		return nil, err
	}
	of, err := recipe.Load(ctx, api, p.secrets, path, &recipe.Settings{Stage: p.stage})
	return of, run.Usage(err)
}

// loadToDescribe reads a recipe as describe does.
func (p *program) loadToDescribe(ctx context.Context, path string) (*recipe.Recipe, error) {
	d, err := p.describe(ctx, path)
	return &recipe.Recipe{Description: d}, err
}

func (p *program) run(call *cli.Context, of *recipe.Recipe, flags []flagSpec) error {
	if call.Bool("quiet") && call.Bool("verbose") {
		return run.Usage(errors.New("--quiet and --verbose cannot be combined"))
	}
	outputs, err := p.outputs(call)
	if err != nil {
		return err
	}
	inventory, err := inventoryOptions(call)
	if err != nil {
		return err
	}
	p.words = explain.Words{Verbose: call.Bool("verbose")}
	if call.Bool("json") {
		p.signals.Report(func(string) {}) // nobody reads standard error
	}
	given, from := givenOptions(flags)
	inventory.Offline = call.Bool("settings") // --settings runs no command of ssh_config
	plan, err := run.Prepare(call.Context, of, run.Options{
		Given: given, Inventory: inventory, Steps: lines(call, "step"), SkipSteps: lines(call, "skip"),
		DryRun: call.Bool("dry-run"), Yes: call.Bool("yes"), LockWait: call.Duration("lock-wait"),
		Prompt: p.prompt(), Hooks: p.signals.Hooks, Explain: p.explain,
		Typical:  func(hosts []string) (float64, int) { return typicalDuration(of.Path, hosts) },
		Commands: p.commandsFor(call.Context, of.Path),
	})
	if err != nil {
		return p.refuse(call, err)
	}
	if call.Bool("settings") {
		return p.showSettings(plan, from, call.Bool("json"))
	}
	records, notes, warnings := p.records()
	if p.stage != "" {
		notes = append(notes, "stage "+p.stage)
	}
	plan.Notes, plan.Warnings = append(plan.Notes, notes...), append(plan.Warnings, warnings...)
	records = append(records, p.reportSink(call.String("report"), plan)...)
	records = append(append(records, outputs...), p.ciSinks()...)
	view := p.view(call, plan)
	stream := p.secrets.To(append(records, view)...)
	var pause func() (resume func())
	if screen, ok := view.(*terminal.Sink); ok {
		pause = screen.Pause
	}
	unfollow := p.follow(call.Context, stream, pause)
	done := p.signals.WithHooks()
	saveMemory(len(plan.Hosts))
	err = plan.Run(call.Context, stream)
	done()
	unfollow()
	closing := ignoreClosedPipe(stream.Close())
	if err != nil {
		return reportedError{err}
	}
	return closing
}

// commandsFor builds the command lines that a run of a recipe suggests.
func (p *program) commandsFor(ctx context.Context, path string) run.Commands {
	return run.Commands{
		Resume: func(instead []run.Flag) string { return again(path, p.typed, instead) },
		Undo:   func(other string, instead []run.Flag) string { return p.undo(ctx, other, instead) },
		On: func(hosts []string, flags []run.Flag) string {
			typed, flags := p.on(hosts, flags)
			return again(path, typed, flags)
		},
		LeftOut: p.leftOut(),
	}
}

// follow turns interrupts into events, and uses pause, unless it is nil, to clear the screen for
// questions and Ctrl-Z, until end is called.
func (p *program) follow(ctx context.Context, stream *event.Stream, pause func() (resume func())) (end func()) {
	restore := p.signals.Report(func(text string) {
		event.Emit(event.WithStream(ctx, stream), event.Event{Kind: event.Interrupted, Text: text})
	})
	if pause == nil {
		return restore
	}
	p.pause = pause
	stop, uncovered := signals.HandleSuspend(pause), p.signals.ClearWith(func() { pause() })
	return func() {
		uncovered()
		restore()
		stop()
	}
}

// view returns the sink that shows a run on the terminal, or as JSON.
func (p *program) view(call *cli.Context, plan *run.Plan) event.Sink {
	if call.Bool("json") {
		return jsonl.New(p.out)
	}
	opts := p.viewOptions(plan.Hosts)
	switch {
	case call.Bool("quiet"):
		opts.Level = terminal.Quiet
	case call.Bool("verbose"):
		opts.Level = terminal.Verbose
	}
	if opts.Screen != nil {
		opts.Steps = knownSteps(plan)
	}
	return terminal.New(opts)
}

// refuse reports, with --json on standard output too, why a run was refused before its first event.
func (p *program) refuse(call *cli.Context, err error) error {
	if !call.Bool("json") {
		return err
	}
	stream := event.NewStream(jsonl.New(p.out))
	err = p.asInterrupt(err)
	status := run.Status(err)
	text, hint := p.words.Explain(err)
	event.Emit(event.WithStream(call.Context, stream), event.Event{
		Kind: event.RunEnded, Code: &status, Error: p.redact(text), Hint: p.redact(hint),
	})
	return reportedError{errors.Join(err, stream.Close())}
}
