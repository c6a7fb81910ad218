package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"runbook/runtime/event"
	"runbook/runtime/event/html"
	"runbook/runtime/event/journal"
	"runbook/runtime/run"
)

// reportCommand is `runbook report`.
func (p *program) reportCommand() *cli.Command {
	output := textFlag("output", "where to write it; default standard output: `FILE`")
	output.Aliases = []string{"o"}
	return &cli.Command{Name: "report", Usage: "one run as a self-contained HTML page", ArgsUsage: "RUN", Action: p.writeReport,
		Description: "RUN is a run's name, as runbook log lists them, or as much of its beginning as no other has, or last. " +
			"The page compares it with the last run of the same recipe before it that ended well.",
		Flags: []cli.Flag{output}}
}

func (p *program) writeReport(cc *cli.Context) error {
	if cc.NArg() != 1 {
		return run.Usage(event.WithHint(errors.New("which run?"), "runbook report last -o report.html; runbook log lists the runs"))
	}
	path := cc.String("output")
	if f, ok := p.out.(*os.File); ok && path == "" && term.IsTerminal(int(f.Fd())) {
		return run.Usage(event.WithHint(errors.New("a page is nothing to read in a terminal"), "name a file for it: -o report.html"))
	}
	dir, err := journal.Dir()
	if err != nil {
		return err
	}
	one, err := journal.Find(dir, cc.Args().First())
	if err != nil {
		return run.Usage(err)
	}
	report, err := readReport(one.Path)
	if err != nil {
		return err
	}
	previous, err := earlier(dir, one.Recipe, one.DryRun, one.Begun)
	if err != nil {
		return err
	}
	opts := html.Options{ID: one.ID, Previous: previous}
	if path != "" {
		return report.WriteFile(path, opts)
	}
	return unread(report.Write(p.out, opts))
}

func readReport(path string) (*html.Report, error) {
	r := &html.Report{}
	for e, err := range journal.Events(path) {
		if err != nil {
			return nil, err
		}
		r.Event(e)
	}
	return r, nil
}

// earlier is the last run of a recipe before a point of time that ended well, or nil. What can't be read is passed over: it is
// there for comparison alone.
func earlier(dir, recipe string, dry bool, begun time.Time) (*html.Report, error) {
	runs, _ := journal.List(dir)
	for _, r := range runs {
		if r.Recipe == recipe && r.DryRun == dry && r.Result == journal.Done && r.Begun.Before(begun) {
			return readReport(r.Path)
		}
	}
	return nil, nil
}

// reporting is the sink of `run --report`.
type reporting struct {
	html.Report
	path   string
	recipe string
	dry    bool
	begun  time.Time
	id     string    // in the journal, "" where there is none
	warn   io.Writer // a page that can't be written is no failure of the run
}

// reportSink is who writes the page of the run that begins now, none for no path. records are the run's others.
func (p *program) reportSink(path string, plan *run.Plan, dry bool, records []event.Sink) []event.Sink {
	if path == "" {
		return nil
	}
	r := &reporting{path: path, recipe: plan.Recipe.Path, dry: dry, begun: time.Now(), warn: p.err}
	for _, s := range records {
		if s, ok := s.(record); ok {
			r.id = s.ID()
		}
	}
	return []event.Sink{r}
}

// Close writes the page.
func (r *reporting) Close() error {
	if err := r.write(); err != nil {
		_, err = fmt.Fprintf(r.warn, "warning: %v\n", err)
		return err
	}
	return nil
}

func (r *reporting) write() error {
	dir, err := journal.Dir()
	if err != nil {
		return r.WriteFile(r.path, html.Options{})
	}
	previous, err := earlier(dir, r.recipe, r.dry, r.begun)
	if err != nil {
		previous = nil // as if there were none
	}
	return r.WriteFile(r.path, html.Options{ID: r.id, Previous: previous})
}
