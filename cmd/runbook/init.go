package main

import (
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"runbook/cmd/runbook/project"
	"runbook/runtime/run"
)

// initCommand declares `runbook init`.
func (p *program) initCommand() command {
	return command{name: "init", summary: "write a project: recipes, a hosts file and editor stubs",
		argument: argument{value: value{name: "DIR", offer: folder}, optional: true}, action: p.init,
		description: `DIR is the project's folder; default: the current one. Existing files are never overwritten.`}
}

func (p *program) init(cc *cli.Context) error {
	if cc.NArg() > 1 {
		return run.Usage(errors.New("init takes one folder at most"))
	}
	dir := cc.Args().First()
	if dir == "" {
		dir = "."
	}
	written, err := project.Write(dir)
	var exists *project.ExistsError
	switch {
	case errors.As(err, &exists):
		return usageError(exists.Error(), "choose another folder, or move these files away")
	case err != nil:
		return err
	}
	_, err = fmt.Fprintf(p.out, "%d files in %s\n"+
		"next: edit hosts/production.lua and recipes/app.lua, then runbook run recipes/setup.lua\n", written, dir)
	return err
}
