package main

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"

	"github.com/urfave/cli/v2"

	"runbook/runtime/event"
	"runbook/runtime/run"
)

// command is one command of the command line. Its cli.Command says the name, usage and flags; arguments are put
// in order by arrange before cli parses them.
type command struct {
	*cli.Command
	wordsFollow bool // whatever follows the first argument belongs to it, as in exec
}

// commands is every command, in the order of the help. args are those behind the command's name: run's flags
// depend on the recipe that they name.
func (p *program) commands() []command {
	return []command{
		{Command: p.runCommand(nil)},
		{Command: p.checkCommand()},
		{Command: p.hostsCommand()},
		{Command: p.execCommand(), wordsFollow: true},
		{Command: p.consoleCommand()},
		{Command: p.logCommand()},
		{Command: p.reportCommand()},
		{Command: p.docsCommand()},
		{Command: p.initCommand()},
		{Command: p.testCommand()},
		{Command: p.demoCommand()},
		{Command: p.completionCommand()},
	}
}

// dispatch finds the command that args name and runs it.
func (p *program) dispatch(ctx context.Context, args []string) error {
	all := p.commands()
	if len(args) == 0 {
		return p.overview(all)
	}
	switch args[0] {
	case "help", "--help", "-h", "-help":
		if len(args) == 1 {
			return p.overview(all)
		}
		args = append(args[1:], "--help")
	case lookName:
		return p.asChild(ctx, args[1:])
	}
	if done, err := p.look(ctx, args); done || err != nil {
		return err
	}
	switch args[0] {
	case completeName:
		return p.complete(ctx, args[1:])
	case "--version", "-version", "version":
		_, err := fmt.Fprintln(p.out, "runbook "+version())
		return err
	}
	var names []string
	for _, c := range all {
		names = append(names, c.Name)
		if c.Name == args[0] {
			return p.perform(ctx, c, args[1:])
		}
	}
	if strings.HasPrefix(args[0], "-") {
		return run.Usage(event.WithHint(fmt.Errorf("the option %s stands before the command", args[0]), "runbook COMMAND "+args[0]+" …"))
	}
	return run.Usage(event.WithHint(fmt.Errorf("there is no command %q%s", args[0], run.DidYouMean(args[0], names)), "runbook --help lists the commands"))
}

// perform runs one command with its arguments in any order.
func (p *program) perform(ctx context.Context, c command, args []string) error {
	if c.Name == "run" {
		full, err := p.withRecipe(ctx, args)
		if err != nil {
			return err
		}
		c.Command = full
	}
	given, err := arrange(c.Flags, args, c.wordsFollow)
	if err != nil {
		return run.Usage(event.WithHint(err, "runbook "+c.Name+" --help lists the options"))
	}
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case given.help:
		return p.help(c.Command)
	}
	p.typed = given.flags
	return p.parse(ctx, c.Command, given)
}

// parse reads a command's flags and calls its action.
func (p *program) parse(ctx context.Context, c *cli.Command, given arranged) error {
	app := &cli.App{
		Name: "runbook", Writer: p.out, ErrWriter: p.err, HideHelp: true, HideVersion: true,
		DisableSliceFlagSeparator: true,
		ExitErrHandler:            func(*cli.Context, error) {}, // the only exit is main's
		OnUsageError:              func(_ *cli.Context, err error, _ bool) error { return err },
	}
	// An error before the action is about a flag's value.
	reached := false
	inner := *c
	inner.OnUsageError, inner.HideHelp = app.OnUsageError, true
	inner.Action = func(cc *cli.Context) error {
		reached = true
		return c.Action(cc)
	}
	app.Commands = []*cli.Command{&inner}
	err := app.RunContext(ctx, append(append(append([]string{"runbook", c.Name}, given.flags...), "--"), given.args...))
	if err != nil && !reached {
		return run.Usage(errors.New(strings.TrimPrefix(err.Error(), "flag: ")))
	}
	return err
}

// version is what the Go tool knows of the build.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	text := info.Main.Version
	if text == "" {
		text = "(devel)"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			text += " " + s.Value
		}
	}
	return text
}
