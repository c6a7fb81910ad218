package main

import (
	"errors"
	"fmt"
	"time"

	"runbook/runtime/event"
	"runbook/runtime/event/journal"
	"runbook/runtime/run"
)

// records are the sinks that keep what happens in a run, and what the admin should hear of them. What becomes of them is no
// reason to leave servers half released: a journal that can't be written is a warning.
func (p *program) records() (sinks []event.Sink, notes, warnings []string) {
	unrecorded := func(err error) []string { return append(warnings, fmt.Sprintf("this run is not recorded: %v", err)) }
	dir, err := journal.Dir()
	if err != nil {
		return nil, nil, unrecorded(err)
	}
	was, err := journal.Secure(dir)
	if err != nil {
		return nil, nil, unrecorded(err)
	}
	if was != 0 {
		warnings = append(warnings, fmt.Sprintf("others could enter %s, where runs are recorded (its mode was %04o); it is 0700 now", dir, was))
	}
	now := time.Now()
	removed, err := journal.Prune(dir, now)
	if err != nil {
		warnings = append(warnings, err.Error())
	}
	if removed > 0 {
		notes = append(notes, fmt.Sprintf("removed %s from %s, which keeps %d days or %d runs",
			map[bool]string{true: "1 old run", false: fmt.Sprintf("%d old runs", removed)}[removed == 1], dir, int(journal.KeptFor.Hours()/24), journal.KeptRuns))
	}
	sink, err := journal.Create(dir, now)
	if err != nil {
		return nil, notes, unrecorded(err)
	}
	p.words.record = sink.ID()
	return []event.Sink{record{sink, p}}, notes, warnings
}

// recordsTold are records, where no run tells the admin of them.
func (p *program) recordsTold() ([]event.Sink, error) {
	records, notes, warnings := p.records()
	for _, text := range append(notes, warnings...) {
		if _, err := fmt.Fprintln(p.err, "runbook: "+text); err != nil {
			return nil, errors.Join(err, p.secrets.To(records...).Close())
		}
	}
	return records, nil
}

// record is a run's journal.
type record struct {
	*journal.Sink
	program *program
}

// Close warns of a record that is not whole.
func (r record) Close() error {
	if err := r.Sink.Close(); err != nil {
		_, err = fmt.Fprintf(r.program.err, "warning: the record of this run, %s, is not whole: %v\n", r.ID(), err)
		return err
	}
	return nil
}

// knownSteps is how many steps a host took in the last run of this recipe that came to a good end, or 0. It is for a
// person to see how far a run is, so what can't be read counts for nothing.
func knownSteps(plan *run.Plan) int {
	dir, err := journal.Dir()
	if err != nil {
		return 0
	}
	runs, _ := journal.List(dir)
	for _, r := range runs {
		if r.Recipe != plan.Recipe.Path || r.Result != journal.Done || r.DryRun != plan.DryRun() {
			continue
		}
		count, most := map[string]int{}, 0
		for e, err := range journal.Events(r.Path) {
			if err != nil {
				return 0
			}
			if e.Kind == event.StepEnded && e.Host != "" {
				count[e.Host]++
				most = max(most, count[e.Host])
			}
		}
		return most
	}
	return 0
}
