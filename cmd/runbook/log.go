package main

import (
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/urfave/cli/v2"

	"runbook/runtime/event"
	"runbook/runtime/event/journal"
	"runbook/runtime/run"
)

func (p *program) logCommand() command {
	return command{name: "log", summary: "list past runs, or show the steps of one",
		argument: argument{value: value{name: "RUN", offer: pastRun}, optional: true, many: true}, action: p.log,
		description: `RUN is the name of a run, an unambiguous prefix of it, or last. Of a killed run, the command
that resumes it is shown too. --merge shows several together, such as the shards of a CI service, and takes
files, too: journals, or the output of run --json.`,
		flags: []flagSpec{
			textFlag("grep", value{name: "REGEXP"},
				"list only runs with a line that matches; with RUN, show those lines"),
			textFlag("since", value{name: "WHEN"},
				"list only runs that began after this, such as 24h, 2026-01-05 or 2026-01-05T12:00:00Z"),
			boolFlag("merge", "show all the given runs as one"),
			boolFlag("json", "print the runs as JSON, one per line; with RUN, its events"),
		}}
}

func (p *program) log(call *cli.Context) error {
	if call.NArg() > 1 && !call.Bool("merge") || call.NArg() == 0 && call.Bool("merge") {
		return usageError("log takes one run at most, or several with --merge", "runbook log --merge a.jsonl b.jsonl")
	}
	dir, err := journal.Dir()
	if err != nil {
		return err
	}
	pattern, err := regexp.Compile(call.String("grep"))
	if err != nil {
		return run.Usage(fmt.Errorf("--grep: %w", err))
	}
	since, err := journal.ParseSince(call.String("since"), time.Now())
	if err != nil {
		return run.Usage(fmt.Errorf("--since: %w", err))
	}
	if call.NArg() == 0 {
		return p.logRuns(dir, since, pattern, call.Bool("json"))
	}
	one, shards, events, err := journal.ReadRuns(dir, call.Args().Slice())
	if err != nil {
		return run.Usage(err)
	}
	switch {
	case call.Bool("json"):
		return writeJSON(p.out, journal.Matching(events, pattern))
	case call.String("grep") != "":
		return p.table(journal.Lines(journal.Matching(events, pattern), pattern))
	}
	return p.logRun(one, events, shards)
}

// logRuns lists runs, the newest first. Records that cannot be read do not hide the others.
func (p *program) logRuns(dir string, since time.Time, pattern *regexp.Regexp, asJSON bool) error {
	all, unreadable := journal.List(dir)
	runs := []journal.Run{}
	for _, r := range all {
		if r.Begun.Before(since) {
			continue
		}
		found, err := r.Matches(pattern)
		if err != nil {
			unreadable = errors.Join(unreadable, err)
		}
		if found {
			runs = append(runs, r)
		}
	}
	if asJSON {
		return errors.Join(writeJSON(p.out, runs), unreadable)
	}
	return errors.Join(p.table(journal.Table(runs, time.Now())), unreadable)
}

// logRun shows one run: what it was, these tables, its steps, and how it ended.
func (p *program) logRun(r journal.Run, events, tables []event.Event) error {
	commandLine := r.Recipe
	if options := journal.Options(events); len(options) > 0 {
		commandLine += " " + run.CommandLine(options...)
	}
	if err := p.table(r.Head(commandLine)); err != nil {
		return err
	}
	if steps := r.Steps(events); len(steps.Rows) > 0 {
		tables = append(tables, steps)
	}
	for _, table := range tables {
		if _, err := fmt.Fprintln(p.out); err != nil {
			return err
		}
		if err := p.table(table); err != nil {
			return err
		}
	}
	return p.logEnd(r, events)
}

// logEnd shows the end of a run as the run did. For a killed run it adds the command that finishes
// it, which the run could not show.
func (p *program) logEnd(r journal.Run, events []event.Event) error {
	if _, err := fmt.Fprintln(p.out); err != nil {
		return err
	}
	sink := p.page()
	var finish, back string
	for _, e := range events {
		switch e.Kind {
		case event.Warning, event.Skipped, event.PlanMade, event.Result, event.RunEnded:
			sink.Event(e)
		case event.Resumable:
			finish, back = e.Text, e.Hint
		}
	}
	if err := ignoreClosedPipe(sink.Close()); err != nil || r.Result != journal.Killed || finish == "" {
		return err
	}
	finish = run.ResumeHint(finish)
	if back != "" {
		finish = run.UndoHint(back) + "\n" + finish
	}
	_, err := fmt.Fprintln(p.out, finish)
	return err
}
