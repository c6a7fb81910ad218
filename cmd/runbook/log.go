package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/urfave/cli/v2"

	"runbook/runtime/event"
	"runbook/runtime/event/journal"
	"runbook/runtime/event/terminal"
	"runbook/runtime/run"
)

// logCommand is `runbook log`.
func (p *program) logCommand() *cli.Command {
	return &cli.Command{Name: "log", Usage: "past runs; one run's steps", ArgsUsage: "[RUN]", Action: p.log,
		Description: "RUN is a run's name, or as much of its beginning as no other has, or last.",
		Flags: []cli.Flag{
			textFlag("grep", "the runs in which a line matches; with RUN, those lines: `REGEXP`"),
			textFlag("since", "the runs that began after this, such as 24h, 2026-01-05 or 2026-01-05T12:00:00Z: `WHEN`"),
			boolFlag("json", "one run a line; with RUN, its events"),
		}}
}

func (p *program) log(cc *cli.Context) error {
	if cc.NArg() > 1 {
		return run.Usage(errors.New("log takes one run at most"))
	}
	dir, err := journal.Dir()
	if err != nil {
		return err
	}
	pattern, err := regexp.Compile(cc.String("grep"))
	if err != nil {
		return run.Usage(fmt.Errorf("--grep: %w", err))
	}
	since, err := sinceWhen(cc.String("since"), time.Now())
	if err != nil {
		return run.Usage(err)
	}
	if cc.NArg() == 0 {
		return p.logRuns(dir, since, pattern, cc.Bool("json"))
	}
	one, err := journal.Find(dir, cc.Args().First())
	if err != nil {
		return run.Usage(err)
	}
	events, err := journal.Read(one.Path)
	if err != nil {
		return err
	}
	switch {
	case cc.Bool("json"):
		return writeJSON(p.out, matching(events, pattern))
	case cc.String("grep") != "":
		return p.table(lines(matching(events, pattern), pattern))
	}
	return p.logRun(one, events)
}

// sinceWhen is a point of time as --since takes it; the zero time for "".
func sinceWhen(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	for _, layout := range []string{time.DateOnly, time.DateTime, time.RFC3339} {
		if at, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			return at, nil
		}
	}
	return time.Time{}, fmt.Errorf("--since: want a duration such as 24h, a date such as 2026-01-05, or 2026-01-05T12:00:00Z, got %q", text)
}

// logRuns lists runs, the newest first. A record that can't be read doesn't hide the others.
func (p *program) logRuns(dir string, since time.Time, pattern *regexp.Regexp, asJSON bool) error {
	all, unreadable := journal.List(dir)
	runs := []journal.Run{}
	for _, r := range all {
		if r.Begun.Before(since) {
			continue
		}
		found, err := holds(r, pattern)
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
	e := event.Event{Kind: event.Table, Header: []string{"run", "when", "recipe", "release", "revision", "hosts", "result", "time"}}
	for _, r := range runs {
		e.Rows = append(e.Rows, []string{r.ID, whenBegun(r.Begun.Local(), time.Now()), recipeName(r), r.Release, shortRevision(r.Revision), few(r.Hosts),
			strings.Replace(outcome(r), string(journal.Done)+", ", "", 1), terminal.Seconds(r.Seconds)})
	}
	return errors.Join(p.table(e), unreadable)
}

// holds tells whether a line of the run matches.
func holds(r journal.Run, pattern *regexp.Regexp) (bool, error) {
	if pattern.String() == "" {
		return true, nil
	}
	for e, err := range journal.Events(r.Path) {
		if err != nil {
			return false, err
		}
		if matches(e, pattern) {
			return true, nil
		}
	}
	return false, nil
}

// matches tells whether something of an event that is shown matches.
func matches(e event.Event, pattern *regexp.Regexp) bool {
	texts := slices.Concat([]string{e.Host, e.Line, e.Text, e.State, e.Error, e.Hint, e.By}, e.Step, slices.Collect(maps.Values(e.Columns)))
	texts = slices.Concat(append(e.Rows, texts)...)
	return slices.ContainsFunc(texts, func(text string) bool { return text != "" && pattern.MatchString(text) })
}

func matching(events []event.Event, pattern *regexp.Regexp) []event.Event {
	out := []event.Event{}
	for _, e := range events {
		if matches(e, pattern) {
			out = append(out, e)
		}
	}
	return out
}

// whenBegun is a time of today or a day, both in local time: the run's name has all of it in UTC.
func whenBegun(at, now time.Time) string {
	if at.Format(time.DateOnly) == now.In(at.Location()).Format(time.DateOnly) {
		return at.Format("15:04")
	}
	return at.Format("Jan _2")
}

// recipeName is what ran, in short: the recipe's name without its folder, or the beginning of a command.
func recipeName(r journal.Run) string {
	const longest = 14
	if name, ok := strings.CutSuffix(filepath.Base(r.Recipe), ".lua"); ok {
		return name
	}
	if text := []rune(r.Recipe); len(text) > longest {
		return string(text[:longest]) + "…"
	}
	return r.Recipe
}

// shortRevision is a commit's first ten digits.
func shortRevision(revision string) string {
	if len(revision) == 40 {
		return revision[:10]
	}
	return revision
}

// few names the hosts of a run, or says how many they are.
func few(hosts []string) string {
	const longest = 12
	if names := strings.Join(hosts, " "); len(names) <= longest || len(hosts) == 1 {
		return names
	}
	return strconv.Itoa(len(hosts))
}

func outcome(r journal.Run) string {
	if r.DryRun {
		return string(r.Result) + ", dry run"
	}
	return string(r.Result)
}

// table shows a table on standard output.
func (p *program) table(e event.Event) error {
	sink := p.page()
	sink.Event(event.CleanEvent(e))
	return unread(sink.Close())
}

// page shows results on standard output, as wide as it is.
func (p *program) page() *terminal.Sink {
	on := screen(p.out)
	return terminal.New(terminal.Options{Out: p.out, Err: p.out, Level: terminal.Quiet, Screen: on, OutOnScreen: on != nil})
}

// acted matches what JSON may have as it is, and a terminal acts on.
var acted = regexp.MustCompile(`[\x7f-\x{9f}\x{202a}-\x{202e}\x{2066}-\x{2069}]`)

// writeJSON writes one item a line.
func writeJSON[T any](w io.Writer, items []T) error {
	var line bytes.Buffer
	enc := json.NewEncoder(&line)
	enc.SetEscapeHTML(false)
	for _, item := range items {
		line.Reset()
		if err := enc.Encode(item); err != nil {
			return err
		}
		text := acted.ReplaceAllFunc(line.Bytes(), func(c []byte) []byte {
			r, _ := utf8.DecodeRune(c)
			return fmt.Appendf(nil, "\\u%04x", r)
		})
		if _, err := w.Write(text); err != nil {
			return unread(err)
		}
	}
	return nil
}
