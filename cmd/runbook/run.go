package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"runbook/runtime/event"
	"runbook/runtime/event/html"
	"runbook/runtime/event/jsonl"
	"runbook/runtime/event/terminal"
	"runbook/runtime/run"
)

// runCommand is `runbook run`, with the flags of the recipe when it is known.
func (p *program) runCommand(recipe *run.Description) *cli.Command {
	own := append(hostFlags(),
		boolFlag("dry-run", "read everything, change nothing, print what would change"),
		durationFlag("lock-wait", "wait this long for another run's lock instead of refusing at once: `DURATION`", 0),
		boolFlag("yes", "answer yes to the recipe's confirmations"),
		boolFlag("json", "one event a line on standard output, and nothing else"),
		textFlag("report", "write the run as a self-contained HTML page: `FILE`"),
		textFlag("otlp", "send the run as a trace to an OpenTelemetry receiver, such as http://127.0.0.1:4318: `URL`"),
		boolFlag("verbose", "show the output of every command", "v"),
		boolFlag("quiet", "failures and the last table only", "q"),
	)
	c := &cli.Command{Name: "run", Usage: "run a recipe", ArgsUsage: "RECIPE", Flags: own}
	c.Action = func(cc *cli.Context) error {
		if recipe == nil {
			return run.Usage(event.WithHint(errors.New("which recipe?"), "runbook run RECIPE, such as recipes/release.lua"))
		}
		return p.run(cc, *recipe, c.Flags)
	}
	if recipe == nil {
		return c
	}
	c.ArgsUsage, c.Description = recipe.Path, recipe.Summary
	return c
}

// withRecipe is the run command with the flags of the recipe that args name. Which word is the recipe can depend on
// the recipe's own flags (in `--branch main.lua release.lua`), so each word that may be one is tried.
func (p *program) withRecipe(ctx context.Context, args []string) (*cli.Command, error) {
	describe := func(ctx context.Context, path string) (run.Description, error) {
		return run.DescribeToRun(ctx, path, nil)
	}
	if asksForHelp(args) {
		describe = run.Describe
	}
	bare := p.runCommand(nil)
	words := arguments(bare.Flags, args)
	var first error
	for _, path := range likeliest(words) {
		c, err := p.forRecipe(ctx, path, describe)
		if err == nil {
			var given arranged
			given, err = arrange(c.Flags, args, false)
			switch {
			case err != nil:
				err = run.Usage(event.WithHint(err, "runbook run --help "+path+" lists the options"))
			case len(given.args) != 1:
				err = run.Usage(fmt.Errorf("one recipe a run, got %s", strings.Join(given.args, " ")))
			case given.args[0] == path:
				return c, nil
			}
		}
		if first == nil {
			first = err
		}
	}
	if first != nil {
		return nil, first
	}
	return bare, nil
}

// likeliest are the words that end in .lua, or else all.
func likeliest(words []string) []string {
	var lua []string
	for _, w := range words {
		if strings.HasSuffix(w, ".lua") {
			lua = append(lua, w)
		}
	}
	if len(lua) > 0 {
		return lua
	}
	return words
}

func (p *program) forRecipe(ctx context.Context, path string, describe func(context.Context, string) (run.Description, error)) (*cli.Command, error) {
	d, err := describe(ctx, path)
	if err != nil {
		return nil, err
	}
	c := p.runCommand(&d)
	flags, err := recipeFlags(d.Options, c.Flags)
	if err != nil {
		return nil, run.Usage(fmt.Errorf("%s: %w", path, err))
	}
	c.Flags = append(c.Flags, flags...)
	return c, nil
}

func (p *program) run(cc *cli.Context, recipe run.Description, flags []cli.Flag) error {
	if cc.Bool("quiet") && cc.Bool("verbose") {
		return run.Usage(errors.New("--quiet and --verbose exclude each other"))
	}
	if path := cc.String("report"); path != "" {
		if err := html.Writable(path); err != nil {
			return run.Usage(err)
		}
	}
	trace, err := p.traceSink(cc.Context, cc.String("otlp"))
	if err != nil {
		return run.Usage(err)
	}
	inventory, err := inventoryOptions(cc)
	if err != nil {
		return run.Usage(err)
	}
	p.words = words{verbose: cc.Bool("verbose")}
	if cc.Bool("json") {
		p.signals.tell(func(string) {}) // standard error is not for people
	}
	plan, err := run.Prepare(cc.Context, recipe, run.Options{
		Given: givenOptions(flags), Inventory: inventory,
		DryRun: cc.Bool("dry-run"), Yes: cc.Bool("yes"), LockWait: cc.Duration("lock-wait"),
		Prompt: p.prompt(), Hooks: p.signals.hooks, Explain: p.explain,
		Again: func(instead []run.Flag) string { return again(flags, recipe.Path, p.typed, instead) },
		Undo:  func(other string, instead []run.Flag) string { return p.undo(cc.Context, other, flags, instead) },
		Rest:  rest(flags, recipe.Path, p.typed),
	})
	if err != nil {
		return p.neverBegun(cc, err)
	}
	records, notes, warnings := p.records()
	plan.Notes, plan.Warnings = append(plan.Notes, notes...), append(plan.Warnings, warnings...)
	records = append(records, p.reportSink(cc.String("report"), plan, cc.Bool("dry-run"), records)...)
	records = append(append(records, trace...), p.ciSinks()...)
	view := p.view(cc, plan)
	stream := p.secrets.To(append(records, view)...)
	var pause func() (resume func())
	if screen, ok := view.(*terminal.Sink); ok {
		pause = screen.Pause
	}
	unfollow := p.follow(cc.Context, stream, pause)
	done := p.signals.withHooks()
	err = plan.Start(cc.Context, stream)
	done()
	unfollow()
	closing := unread(stream.Close())
	if err != nil {
		return told{err}
	}
	return closing
}

// follow makes interrupts events, and takes the view off the screen by pause, unless it is nil, for questions and Ctrl-Z. What it
// returns ends that.
func (p *program) follow(ctx context.Context, stream *event.Stream, pause func() (resume func())) (end func()) {
	stop := func() {}
	if pause != nil {
		p.pause, stop = pause, suspending(pause)
		p.signals.viewed(func() { pause() })
	}
	p.signals.tell(func(text string) {
		event.Emit(event.WithStream(ctx, stream), event.Event{Kind: event.Interrupted, Text: text})
	})
	return func() {
		p.signals.viewed(nil)
		p.signals.tell(p.sayInterrupted)
		stop()
	}
}

// unread passes over that the reader of the output went away, which is the reader's business.
func unread(err error) error {
	if errors.Is(err, syscall.EPIPE) {
		return nil
	}
	return err
}

// view is how a run is shown.
func (p *program) view(cc *cli.Context, plan *run.Plan) event.Sink {
	if cc.Bool("json") {
		return jsonl.New(p.out)
	}
	opts := terminal.Options{Out: p.out, Err: p.err, Colour: hasColours(p.err), Heartbeat: 30 * time.Second}
	switch {
	case cc.Bool("quiet"):
		opts.Level = terminal.Quiet
	case cc.Bool("verbose"):
		opts.Level = terminal.Verbose
	}
	for _, h := range plan.Hosts {
		opts.Hosts = append(opts.Hosts, h.Name)
	}
	if opts.Screen = screen(p.err); opts.Screen != nil {
		opts.OutOnScreen = screen(p.out) != nil
		opts.Steps = knownSteps(plan)
	}
	return terminal.New(opts)
}

// neverBegun tells a program, too, why a run was refused before its first event.
func (p *program) neverBegun(cc *cli.Context, err error) error {
	if !cc.Bool("json") {
		return err
	}
	stream := event.NewStream(jsonl.New(p.out))
	err = p.signals.interrupted(err)
	status := run.Status(err)
	text, hint := p.words.explain(err)
	event.Emit(event.WithStream(cc.Context, stream), event.Event{Kind: event.RunEnded, Code: &status, Error: p.redact(text), Hint: p.redact(hint)})
	return told{errors.Join(err, stream.Close())}
}

// told is an error that the admin has been told already; only its status counts.
type told struct{ error }

func (t told) Unwrap() error { return t.error }
