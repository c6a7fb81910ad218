package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"runbook/cmd/runbook/project"
	"runbook/runtime/event"
	"runbook/runtime/run"
)

// initCommand declares `runbook init`.
func (p *program) initCommand() command {
	return command{name: "init", summary: "write a project: recipes, a hosts file and editor stubs",
		argument: argument{value: value{name: "DIR", offer: folder}, optional: true}, action: p.init,
		description: `DIR is the project's folder; default: the current one. Existing files are never overwritten. What the recipes
share is built into runbook: a file of recipes/lib with the same name is used instead.`,
		flags: []flagSpec{
			boolFlag("upgrade", "merge what is new in this version into the project's files"),
			listFlag("eject", value{name: "NAME"},
				"copy a built-in file into the project to change it, such as rollout, status or COOKBOOK.md; may be repeated"),
		}}
}

func (p *program) init(cc *cli.Context) error {
	if cc.NArg() > 1 {
		return run.Usage(errors.New("init takes one folder at most"))
	}
	if cc.Bool("upgrade") && len(lines(cc, "eject")) > 0 {
		return run.Usage(errors.New("--upgrade and --eject cannot be combined"))
	}
	dir := cc.Args().First()
	if dir == "" {
		dir = "."
	}
	switch {
	case cc.Bool("upgrade"):
		return p.upgrade(cc, dir)
	case len(lines(cc, "eject")) > 0:
		return p.eject(dir, lines(cc, "eject"))
	}
	written, err := project.Write(dir)
	var exists *project.ExistsError
	switch {
	case errors.As(err, &exists):
		return usageError(exists.Error(), "a project that exists is upgraded by runbook init --upgrade; "+
			"for a new one choose another folder, or move these files away")
	case err != nil:
		return err
	}
	return p.say("%d files in %s\n"+
		"next: edit hosts/production.lua and recipes/app.lua, then runbook run recipes/setup.lua\n", written, dir)
}

// say prints to standard output.
func (p *program) say(format string, args ...any) error {
	_, err := fmt.Fprintf(p.out, format, args...)
	return ignoreClosedPipe(err)
}

// eject copies built-in files into the project.
func (p *program) eject(dir string, names []string) error {
	paths, err := project.Eject(dir, names)
	var exists *project.ExistsError
	if errors.As(err, &exists) {
		return usageError(exists.Error(), "it is used instead of the built-in one; runbook init --upgrade merges newer versions into it")
	}
	for _, path := range paths {
		if err := p.say("%s\n", path); err != nil {
			return err
		}
	}
	return err
}

// upgrade merges the files of this version into a project, and shows what changed.
func (p *program) upgrade(cc *cli.Context, dir string) error {
	changes, err := project.Upgrade(cc.Context, dir)
	var conflicts []string
	for _, c := range changes {
		if err := p.say("%-8s  %s\n%s", c.Did, c.Path, c.Diff); err != nil {
			return err
		}
		if c.Did == project.Conflict {
			conflicts = append(conflicts, fmt.Sprintf("%s is unchanged: %s. Both are in %s.", c.Path, c.Reason, c.Merge))
		}
	}
	switch {
	case err != nil:
		return err
	case len(conflicts) > 0:
		return event.WithHint(errors.New(strings.Join(conflicts, "\n")), "edit each file, remove its .merge, and run runbook init --upgrade again")
	case len(changes) == 0:
		return p.say("nothing to do: the project's files are those of this version, or changed only by you\n")
	}
	return p.say("next: runbook check recipes/*.lua\n")
}
