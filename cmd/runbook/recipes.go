package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"runbook/cmd/runbook/project"
	"runbook/runtime/event"
)

// listRecipes shows the recipes of the project with their summaries.
func (p *program) listRecipes(call *cli.Context) error {
	var rows [][]string
	for _, f := range project.Files() {
		d, err := p.describe(call.Context, f.Path)
		switch {
		case call.Err() != nil:
			return context.Cause(call.Context)
		case err != nil:
			text, _, _ := strings.Cut(err.Error(), "\n")
			rows = append(rows, []string{f.Name, "cannot be read: " + text})
		case d.Options != nil:
			rows = append(rows, []string{f.Name, d.Summary})
		}
	}
	if len(rows) == 0 {
		return usageError("there are no recipes here, neither in recipes/ nor in this folder",
			"change to the folder of a project, or write one: runbook init")
	}
	if err := p.table(event.Event{Kind: event.Table, Header: []string{"recipe", "summary"}, Rows: rows}); err != nil {
		return err
	}
	_, err := fmt.Fprintln(p.out, "\nrunbook run RECIPE runs one; runbook run RECIPE --help lists its options.")
	return ignoreClosedPipe(err)
}

// stage returns the value of --stage, or else of its variable. It is needed before the other
// options are parsed, because the recipe's own options have defaults that depend on it.
func (l line) stage() string {
	for _, o := range slices.Backward(l.options) {
		if o.name == "stage" {
			_, value, _ := strings.Cut(strings.Join(o.words, "="), "=")
			return value
		}
	}
	return os.Getenv(variable("stage"))
}
