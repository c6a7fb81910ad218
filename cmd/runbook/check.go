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
	return &cli.Command{Name: "check", Usage: "report mistakes as FILE:LINE:COL: message; contacts nothing", ArgsUsage: "RECIPE…", Action: p.check,
		Description: "It reads the recipes and what they require, and reports all at once; exit status 2 when there is anything.\n" +
			"A mistake can't work: run and test refuse it as well. A \"warning:\" can (a local that nobody reads, a line that is never\n" +
			"reached, a value put into a line for the shell as it is): they run it all the same. A name\n" +
			"that begins with _ need not be read."}
}

func (p *program) check(cc *cli.Context) error {
	if cc.NArg() == 0 {
		return run.Usage(event.WithHint(errors.New("which recipes?"), "runbook check RECIPE…, such as recipes/*.lua"))
	}
	problems, failed := run.Check(cc.Context, cc.Args().Slice(), recipetest.API())
	for _, problem := range problems {
		if _, err := fmt.Fprintln(p.out, p.redact(problem.Error())); err != nil {
			return err
		}
	}
	if failed != nil {
		return failed
	}
	if len(problems) > 0 {
		return told{run.Usage(run.Mistakes(problems))} // the lines on standard output say it all
	}
	return nil
}
