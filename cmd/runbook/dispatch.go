package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"runbook/cmd/runbook/complete"
	"runbook/cmd/runbook/options"
	"runbook/cmd/runbook/sandbox"
	"runbook/runtime/event"
	"runbook/runtime/run"
	"runbook/runtime/script/spell"
)

// command declares one command of the command line.
type command struct {
	name, summary, description string
	argument                   argument
	argumentEnds               bool // every word after the first argument is an argument, as in exec
	flags                      []flagSpec
	reads                      func(line) reading // what it does with files of others; nil for neverReads
	action                     func(*cli.Context) error
}

// argument declares a command's arguments.
type argument struct {
	value
	optional, many bool
}

// String returns the arguments as help shows them.
func (a argument) String() string {
	text := a.name
	if a.many {
		text += "…"
	}
	if a.optional {
		return "[" + text + "]"
	}
	return text
}

// commands returns every command, in the order of the help.
func (p *program) commands() []command {
	return []command{
		p.runCommand(nil),
		p.checkCommand(),
		p.hostsCommand(),
		p.execCommand(),
		p.sshCommand(),
		p.consoleCommand(),
		p.logCommand(),
		p.reportCommand(),
		p.docsCommand(),
		p.initCommand(),
		p.testCommand(),
		p.demoCommand(),
		p.completionCommand(),
		p.versionCommand(),
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
	case "--version", "-version":
		_, err := fmt.Fprintln(p.out, "runbook "+readBuild().version)
		return err
	case sandbox.Command:
		return p.enterSandbox(ctx)
	case complete.Command:
		return p.complete(ctx, args)
	}
	var names []string
	for _, c := range all {
		names = append(names, c.name)
		if c.name == args[0] {
			return p.perform(ctx, c, args)
		}
	}
	if strings.HasPrefix(args[0], "-") {
		return usageError(fmt.Sprintf("the option %s comes before the command", args[0]),
			"runbook COMMAND "+args[0]+" …")
	}
	return usageError(fmt.Sprintf("there is no command %q%s", args[0], spell.DidYouMean(args[0], names)),
		"runbook --help lists the commands")
}

// perform runs one command. args begin with its name.
func (p *program) perform(ctx context.Context, c command, args []string) error {
	l := scan(c.flags, c.argumentEnds, args[1:])
	p.stage = l.stage()
	done, err := p.readInSandbox(ctx, c, l, args)
	switch {
	case errors.Is(err, errNoHelp):
		l.help = false
	case done, err != nil:
		return err
	}
	if c.name == "run" {
		if c, l, err = p.withRecipe(ctx, c, l); err != nil {
			return err
		}
	}
	if err := l.validate(c.flags); err != nil {
		return run.Usage(event.WithHint(err, "runbook "+c.name+" --help lists the options"))
	}
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case l.help:
		return p.help(c)
	}
	p.typed = l.options
	if f, ok := byName(c.flags)["stage"]; ok && p.stage != "" && !l.has("stage") { // for suggested commands
		p.typed = append(slices.Clip(p.typed), typedOption{f, []string{"--stage", p.stage}})
	}
	return p.parse(ctx, c, l)
}

// parse reads the values of a command's options, or else of their variables, and calls its action.
func (p *program) parse(ctx context.Context, c command, l line) error {
	given := options.Line{Args: l.args}
	for _, f := range c.flags {
		if f.option == nil {
			given.Flags = append(given.Flags, f.cli)
		}
		if f.option == nil && !l.has(f.name) {
			if err := given.AddVariable(f.cli, variable(f.name)); err != nil {
				return run.Usage(err)
			}
		}
	}
	for _, o := range l.options {
		if o.option != nil {
			o.option.given = append(o.option.given, o.text())
		} else if err := given.Add(o.cli, "--"+o.name, o.text()); err != nil {
			return run.Usage(err)
		}
	}
	return given.Call(ctx, p.out, p.err, c.action)
}
