package main

import (
	"errors"

	"github.com/urfave/cli/v2"

	"runbook/cmd/runbook/project"
	"runbook/runtime/run"
)

func (p *program) initCommand() command {
	return command{name: "init", summary: "write a project: recipes, a hosts file and editor stubs",
		argument: argument{value: value{name: "DIR", offer: folder}, optional: true}, action: p.init,
		description: `
DIR is the project's folder; default: the current one. Existing files are never overwritten. What the recipes
share is built into runbook: a file of recipes/lib with the same name is used instead.`,
		flags: []flagSpec{
			boolFlag("upgrade", "merge what is new in this version into the project's files"),
			listFlag("eject", value{name: "NAME"},
				"copy a built-in file into the project to change it, such as rollout, status or COOKBOOK.md; "+
					"may be repeated"),
		}}
}

func (p *program) init(call *cli.Context) error {
	ejected := lines(call, "eject")
	if call.NArg() > 1 {
		return run.Usage(errors.New("init takes one folder at most"))
	}
	if call.Bool("upgrade") && len(ejected) > 0 {
		return run.Usage(errors.New("--upgrade and --eject cannot be combined"))
	}
	dir := call.Args().First()
	if dir == "" {
		dir = "."
	}
	switch {
	case call.Bool("upgrade"):
		return ignoreClosedPipe(project.Upgrade(call.Context, p.out, dir))
	case len(ejected) > 0:
		return ignoreClosedPipe(project.Eject(p.out, dir, ejected))
	}
	return ignoreClosedPipe(project.Init(p.out, dir))
}
