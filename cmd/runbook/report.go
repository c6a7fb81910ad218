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

func (p *program) reportCommand() command {
	return command{name: "report", summary: "write one run, or several together, as a self-contained HTML page",
		argument: argument{value: value{name: "RUN|FILE", offer: pastRun}, many: true}, action: p.report,
		description: `RUN is the name of a run, as runbook log lists them, an unambiguous prefix of it, or last. FILE
is a journal, or the output of run --json. Of one run, the page compares it with the last successful run of
the same recipe before it. Several, such as the shards of a CI service, become one page.`,
		flags: []flagSpec{textFlag("output", fileValue,
			"write the page to this file instead of standard output").withShort("o")}}
}

func (p *program) report(call *cli.Context) error {
	if call.NArg() == 0 {
		return usageError("report needs the name of a run",
			"runbook report last -o report.html; runbook log lists the runs")
	}
	path := call.String("output")
	if f, ok := p.out.(*os.File); ok && path == "" && term.IsTerminal(int(f.Fd())) {
		return usageError("a terminal cannot show an HTML page", "name a file for it: -o report.html")
	}
	dir, err := journal.Dir()
	if err != nil {
		return err
	}
	report, opts, err := readReports(dir, call.Args().Slice())
	switch {
	case err != nil:
		return run.Usage(err)
	case path != "":
		return report.WriteFile(path, opts)
	}
	return ignoreClosedPipe(report.Write(p.out, opts))
}

// readReports returns the page of one run, compared with the one before it, or of several.
func readReports(dir string, names []string) (report *html.Report, opts html.Options, err error) {
	runs, err := journal.Open(dir, names)
	if err != nil {
		return nil, opts, err
	}
	if len(runs) > 1 {
		merged, err := journal.Merge(runs)
		if err == nil {
			report, err = html.Collect(merged.Events())
		}
		return report, opts, err
	}
	one := runs[0]
	if report, err = html.Collect(journal.Events(one.Path)); err != nil {
		return nil, opts, err
	}
	opts.ID = one.ID
	opts.Previous, err = previousReport(dir, one.Recipe, one.DryRun, one.Begun)
	return report, opts, err
}

// previousReport returns the last run of a recipe before a time that ended well, or nil.
func previousReport(dir, recipe string, dry bool, before time.Time) (*html.Report, error) {
	previous, ok := journal.Previous(dir, recipe, dry, before)
	if !ok {
		return nil, nil
	}
	return html.Collect(journal.Events(previous.Path))
}
