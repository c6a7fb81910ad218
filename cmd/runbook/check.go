package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"runbook/cmd/runbook/project"
	"runbook/runtime/recipe"
	"runbook/runtime/run"
)

func (p *program) checkCommand() command {
	return command{name: "check", summary: "find mistakes without running anything; prints FILE:LINE:COL: message",
		argument: argument{value: value{name: "RECIPE", offer: recipeFile}, many: true},
		reads:    alwaysReads, action: p.check,
		flags: []flagSpec{boolFlag("strict", "exit with status 2 after warnings, too")},
		description: `
Reads the recipes and the files that they require, and reports everything at once. Contacts no host. A mistake
cannot work, so run and test refuse the recipe too. A "warning:" may be intended and stops no run: an unused
local (unless its name begins with _), a line that is never reached, an unquoted value in a shell command. The
exit status is 2 after a mistake, and with --strict after a warning.`}
}

func (p *program) check(call *cli.Context) error {
	if call.NArg() == 0 {
		return usageError("check needs a recipe", "runbook check RECIPE…, such as recipes/*.lua")
	}
	var paths []string
	for _, word := range call.Args().Slice() {
		path, err := project.Recipe(word)
		if err != nil {
			return err
		}
		paths = append(paths, path)
	}
	api, err := versionedAPI()
	if err != nil {
		return err
	}
	api.Reserved = reservedNames(p.runCommand(nil).flags)
	problems, failed := recipe.Check(call.Context, api, p.secrets, paths)
	for _, problem := range problems {
		if _, err := fmt.Fprintln(p.out, p.redact(problem.Error())); err != nil {
			return err
		}
	}
	if failed != nil {
		return run.Usage(failed)
	}
	refusal := recipe.Refusal(problems)
	if call.Bool("strict") && len(problems) > 0 {
		refusal = recipe.Mistakes(problems)
	}
	if refusal != nil {
		return reportedError{run.Usage(refusal)} // the lines above have reported it
	}
	return nil
}
