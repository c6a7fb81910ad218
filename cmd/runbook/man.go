package main

import (
	"cmp"
	"errors"
	"strings"

	"runbook/cmd/runbook/man"
)

// writeManPages writes the texts of --help as a page for runbook and each command. dir must exist.
func (p *program) writeManPages(dir string) error {
	overview := man.Page{Name: "runbook", Summary: "release an application on servers, and roll it back",
		Version: readBuild().version, Synopsis: "runbook COMMAND [options]"}
	commands := man.List{Title: "COMMANDS"}
	var errs []error
	for _, c := range p.commands() {
		page := overview
		page.Name, page.Summary, page.SeeAlso = "runbook-"+c.name, c.summary, overview.Name
		page.Synopsis, page.Description = "runbook "+c.usage(), strings.TrimPrefix(c.description, "\n")
		if len(c.flags) > 0 {
			page.Synopsis += " [options]"
			options := man.List{Title: "OPTIONS", After: environmentNote}
			for _, f := range c.flags {
				left, right := flagTexts(f)
				options.Items = append(options.Items, [2]string{left, right})
			}
			page.Lists = []man.List{options}
		}
		commands.Items = append(commands.Items, [2]string{page.Name, c.summary})
		errs = append(errs, page.Write(dir))
	}
	overview.Lists = []man.List{commands}
	return cmp.Or(errors.Join(errs...), overview.Write(dir))
}
