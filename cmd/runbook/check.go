package main

import (
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"runbook/cmd/runbook/recipetest"
	"runbook/runtime/event"
	"runbook/runtime/run"
)

// checkCommand is `runbook check`.
func (p *program) checkCommand() *cli.Command {
	return &cli.Command{Name: "check", Usage: "report mistakes as FILE:LINE:COL: message; contacts nothing", ArgsUsage: "RECIPE…", Action: p.check}
}

func (p *program) check(cc *cli.Context) error {
	if cc.NArg() == 0 {
		return run.Usage(event.WithHint(errors.New("which recipes?"), "runbook check RECIPE…, such as recipes/*.lua"))
	}
	problems, err := run.Check(cc.Context, cc.Args().Slice(), recipetest.API())
	if err != nil {
		return err
	}
	var wrong run.Mistakes
	for _, problem := range problems {
		if problem.Kind != run.Warning {
			wrong = append(wrong, problem)
		}
		if _, err := fmt.Fprintln(p.out, problem.Error()); err != nil {
			return err
		}
	}
	if len(wrong) > 0 {
		return told{run.Usage(wrong)} // the lines on standard output say it all
	}
	return nil
}
