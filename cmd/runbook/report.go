package main

import (
	"os"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"runbook/runtime/event/html"
	"runbook/runtime/event/journal"
	"runbook/runtime/run"
)

// reportCommand declares `runbook report`.
func (p *program) reportCommand() command {
	return command{name: "report", summary: "write one run as a self-contained HTML page",
		argument: argument{value: value{name: "RUN", offer: pastRun}}, action: p.report,
		description: `RUN is the name of a run, as runbook log lists them, an unambiguous prefix of it, or last. The page compares
the run with the last successful run of the same recipe before it.`,
		flags: []flagSpec{textFlag("output", fileValue, "write the page to this file instead of standard output").withShort("o")}}
}

func (p *program) report(cc *cli.Context) error {
	if cc.NArg() != 1 {
		return usageError("report needs the name of a run", "runbook report last -o report.html; runbook log lists the runs")
	}
	path := cc.String("output")
	if f, ok := p.out.(*os.File); ok && path == "" && term.IsTerminal(int(f.Fd())) {
		return usageError("a terminal cannot show an HTML page", "name a file for it: -o report.html")
	}
	dir, err := journal.Dir()
	if err != nil {
		return err
	}
	one, err := journal.Find(dir, cc.Args().First())
	if err != nil {
		return run.Usage(err)
	}
	report, err := readReport(one)
	if err != nil {
		return err
	}
	previous, err := previousReport(dir, one.Recipe, one.DryRun, one.Begun)
	if err != nil {
		return err
	}
	opts := html.Options{ID: one.ID, Previous: previous}
	if path != "" {
		return report.WriteFile(path, opts)
	}
	return ignoreClosedPipe(report.Write(p.out, opts))
}

func readReport(one journal.Run) (*html.Report, error) {
	r := &html.Report{}
	for e, err := range journal.Events(one.Path) {
		if err != nil {
			return nil, err
		}
		r.Event(e)
	}
	return r, nil
}

// previousReport returns the last run of a recipe before a time that ended well, or nil.
func previousReport(dir, recipe string, dry bool, before time.Time) (*html.Report, error) {
	previous, ok := journal.Previous(dir, recipe, dry, before)
	if !ok {
		return nil, nil
	}
	return readReport(previous)
}
