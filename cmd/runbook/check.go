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
	wrong := 0
	for _, problem := range problems {
		if problem.Kind != run.Warning {
			wrong++
		}
		if _, err := fmt.Fprintln(p.out, problem.Error()); err != nil {
			return err
		}
	}
	if wrong > 0 {
		// The lines on standard output say it all.
		return told{run.Usage(fmt.Errorf("%d problems", wrong))}
	}
	return nil
}
