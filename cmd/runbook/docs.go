package main

import (
	"errors"
	"io"

	"github.com/urfave/cli/v2"

	"runbook/cmd/runbook/recipetest"
	"runbook/runtime/run"
)

// docsCommand is `runbook docs`.
func (p *program) docsCommand() *cli.Command {
	return &cli.Command{Name: "docs", Usage: "the Lua API, from the same table that the code runs on", ArgsUsage: "[NAME]",
		Action: func(cc *cli.Context) error {
			if cc.NArg() > 1 {
				return run.Usage(errors.New("docs takes one name at most, such as host:run"))
			}
			text, err := run.Docs(cc.Args().First(), recipetest.API())
			if err != nil {
				return err
			}
			_, err = io.WriteString(p.out, text)
			return err
		}}
}
