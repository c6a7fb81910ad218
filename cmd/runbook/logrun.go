package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"runbook/runtime/event"
	"runbook/runtime/event/journal"
	"runbook/runtime/event/terminal"
	"runbook/runtime/run"
)

// logRun shows one run: what it was, its steps in the order in which they began, and how it ended.
func (p *program) logRun(r journal.Run, events []event.Event) error {
	head := event.Event{Kind: event.Table, Rows: [][]string{
		{"run", r.ID},
		{"recipe", strings.Join(append([]string{r.Recipe}, given(events)...), " ")},
		{"by", r.By},
		{"began", r.Begun.Local().Format(time.RFC3339)},
		{"hosts", strings.Join(r.Hosts, " ")},
		{"result", outcome(r) + ", " + terminal.Seconds(r.Seconds)},
	}}
	for _, row := range [][]string{{"release", r.Release}, {"revision", r.Revision}} {
		if row[1] != "" {
			head.Rows = append(head.Rows, row)
		}
	}
	if err := p.table(head); err != nil {
		return err
	}
	done := parts(events, event.StepBegun, event.StepEnded)
	if len(done) == 0 { // a recipe without steps has done something all the same
		done = parts(events, event.CommandBegun, event.CommandEnded)
	}
	if len(done) > 0 {
		e := event.Event{Kind: event.Table, Header: []string{"after", "host", "step", "took", "result"}}
		for _, d := range done {
			e.Rows = append(e.Rows, []string{terminal.Seconds(d.begun.Sub(r.Begun).Seconds()), d.host, d.what, d.took, d.result})
		}
		if _, err := fmt.Fprintln(p.out); err != nil {
			return err
		}
		if err := p.table(e); err != nil {
			return err
		}
	}
	return p.logEnd(r, events)
}

// logEnd shows the end of a run as the run did. What finishes one that was killed, nobody could tell then.
func (p *program) logEnd(r journal.Run, events []event.Event) error {
	if _, err := fmt.Fprintln(p.out); err != nil {
		return err
	}
	sink := p.page()
	var finish, back string
	for _, e := range events {
		switch e.Kind {
		case event.Warning, event.Skipped, event.Result, event.RunEnded:
			sink.Event(e)
		case event.Resumable:
			finish, back = e.Text, e.Hint
		}
	}
	if err := unread(sink.Close()); err != nil || r.Result != journal.Killed || finish == "" {
		return err
	}
	if back != "" {
		finish = run.ToGoBack(back) + "\n" + run.ToFinish(finish)
	} else {
		finish = run.ToFinish(finish)
	}
	_, err := fmt.Fprintln(p.out, finish)
	return err
}

// part is a step or a command of a run.
type part struct {
	begun              time.Time
	host, what         string
	took, result, path string
}

// parts are the steps, or the commands, in the order in which they began.
func parts(events []event.Event, begun, ended event.Kind) []part {
	var all []part
	for _, e := range events {
		switch e.Kind {
		case begun:
			d := part{begun: e.Time, host: e.Host, path: strings.Join(e.Step, "\x00"), what: strings.Join(e.Step, " > "), result: "no end"}
			if begun == event.CommandBegun {
				d.what, _, _ = strings.Cut(strings.TrimSpace(e.Text), "\n")
			}
			all = append(all, d)
		case ended:
			path := strings.Join(e.Step, "\x00")
			i := slices.IndexFunc(all, func(d part) bool { return d.took == "" && d.host == e.Host && d.path == path })
			if i < 0 {
				continue
			}
			all[i].took, all[i].result = terminal.Seconds(e.Seconds), "done"
			switch {
			case e.Error != "":
				all[i].result, _, _ = strings.Cut(e.Error, "\n")
			case e.Code != nil && *e.Code != 0:
				all[i].result = fmt.Sprintf("exit status %d", *e.Code)
			}
		}
	}
	return all
}

// given are the recipe's options as they were given to the run.
func given(events []event.Event) []string {
	var words []string
	for _, e := range events {
		if e.Kind != event.RunBegun {
			continue
		}
		for name, value := range e.Args {
			flag := "--" + strings.ReplaceAll(name, "_", "-")
			list, ok := value.([]any)
			if !ok {
				list = []any{value}
			}
			for _, item := range list {
				words = append(words, flag+" "+shellQuote(fmt.Sprint(item)))
			}
		}
	}
	slices.Sort(words)
	return words
}

// lines are events as --grep shows them: the lines that match, or the first where it is the host or the step that does.
func lines(events []event.Event, pattern *regexp.Regexp) event.Event {
	e := event.Event{Kind: event.Table, Header: []string{"time", "host", "step", "what", "text"}}
	for _, one := range events {
		all := strings.Split(strings.TrimSpace(strings.Join([]string{one.Text, one.State, one.Error}, "\n")), "\n")
		found := slices.DeleteFunc(slices.Clone(all), func(line string) bool { return !pattern.MatchString(line) })
		if len(found) == 0 {
			found = all[:1]
		}
		for _, line := range found {
			e.Rows = append(e.Rows, []string{one.Time.Local().Format("15:04:05.000"), one.Host, strings.Join(one.Step, " > "), string(one.Kind), line})
		}
	}
	return e
}
