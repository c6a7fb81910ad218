package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/urfave/cli/v2"

	"runbook/runtime/event"
	"runbook/runtime/event/ci"
	"runbook/runtime/event/html"
	"runbook/runtime/event/journal"
	"runbook/runtime/event/otlp"
	"runbook/runtime/recipe"
	"runbook/runtime/run"
)

// optionalSink is a sink that records a run or shows it elsewhere. If it fails, that is only a
// warning: a run must not leave servers half released for it.
type optionalSink struct {
	event.Sink
	program *program
	what    string // comes before the error in the warning, or ""
}

// Close warns of what the sink could not write.
func (s optionalSink) Close() error {
	if err := s.Sink.Close(); err != nil {
		_, err = fmt.Fprintf(s.program.err, "warning: %s%s\n", s.what, s.program.redact(err.Error()))
		return err
	}
	return nil
}

// records returns the sinks that keep what happens in a run, and what to report about them.
func (p *program) records() (sinks []event.Sink, notes, warnings []string) {
	unrecorded := func(err error) []string { return append(warnings, fmt.Sprintf("this run is not recorded: %v", err)) }
	dir, err := journal.Dir()
	if err != nil {
		return nil, nil, unrecorded(err)
	}
	mode, err := journal.Secure(dir)
	if err != nil {
		return nil, nil, unrecorded(err)
	}
	if mode != 0 {
		warnings = append(warnings,
			fmt.Sprintf("others could enter %s, where runs are recorded (its mode was %04o); it is 0700 now", dir,
				mode))
	}
	now := time.Now()
	removed, err := journal.Prune(dir, now)
	if err != nil {
		warnings = append(warnings, err.Error())
	}
	if removed > 0 {
		runs := "1 old run"
		if removed > 1 {
			runs = fmt.Sprintf("%d old runs", removed)
		}
		notes = append(notes, fmt.Sprintf("removed %s from %s, which keeps %d days or %d runs",
			runs, dir, int(journal.KeptFor.Hours()/24), journal.KeptRuns))
	}
	sink, err := journal.Create(dir, now)
	if err != nil {
		return nil, notes, unrecorded(err)
	}
	p.words.Record = sink.ID()
	return []event.Sink{optionalSink{sink, p, "the record of this run, " + sink.ID() + ", is incomplete: "}}, notes,
		warnings
}

// announcedRecords returns records for commands without a view that shows notes and warnings.
func (p *program) announcedRecords() ([]event.Sink, error) {
	records, notes, warnings := p.records()
	for _, text := range append(notes, warnings...) {
		if _, err := fmt.Fprintln(p.err, "runbook: "+text); err != nil {
			return nil, errors.Join(err, p.secrets.To(records...).Close())
		}
	}
	return records, nil
}

// knownSteps returns how many steps a host took in the last successful run of the recipe, or 0. The
// view needs it to show progress.
func knownSteps(plan *run.Plan) int {
	dir, err := journal.Dir()
	if err != nil {
		return 0
	}
	previous, ok := journal.Previous(dir, plan.Recipe.Path, plan.DryRun(), time.Now())
	if !ok {
		return 0
	}
	return previous.StepsPerHost()
}

// typicalDuration returns the median duration of a recipe's last runs on hosts, and their number.
func typicalDuration(recipe string, hosts []string) (seconds float64, runs int) {
	dir, err := journal.Dir()
	if err != nil {
		return 0, 0
	}
	return journal.Typical(dir, recipe, hosts)
}

// reportSink writes the page of `run --report` when the run has ended; none for no path.
func (p *program) reportSink(path string, plan *run.Plan) []event.Sink {
	if path == "" {
		return nil
	}
	id, began := p.words.Record, time.Now()
	return []event.Sink{optionalSink{&html.FileSink{Path: path, Options: func() html.Options {
		dir, err := journal.Dir()
		if err != nil {
			return html.Options{}
		}
		previous, err := previousReport(dir, plan.Recipe.Path, plan.DryRun(), began)
		if err != nil {
			previous = nil // the page has no comparison then
		}
		return html.Options{ID: id, Previous: previous}
	}}, p, ""}}
}

// outputs returns the sinks of --summary and --otlp, and checks that --report can be written.
func (p *program) outputs(call *cli.Context) ([]event.Sink, error) {
	if path := call.String("report"); path != "" {
		if err := html.Writable(path); err != nil {
			return nil, run.Usage(err)
		}
	}
	trace, err := p.traceSink(call.Context, call.String("otlp"))
	if err != nil || call.String("summary") == "" {
		return trace, run.Usage(err)
	}
	sink, err := ci.NewSummary(call.String("summary"))
	if err != nil {
		return nil, run.Usage(fmt.Errorf("--summary: %w", err))
	}
	return append(trace, optionalSink{sink, p, "the summary: "}), nil
}

// traceSink sends the run to an OpenTelemetry receiver; none for no address.
func (p *program) traceSink(ctx context.Context, address string) ([]event.Sink, error) {
	if address == "" {
		return nil, nil
	}
	sink, err := otlp.New(ctx, address)
	if err != nil {
		return nil, fmt.Errorf("--otlp: %w", err)
	}
	return []event.Sink{optionalSink{sink, p, ""}}, nil
}

// ciSinks show the run in the log of a CI service.
func (p *program) ciSinks() []event.Sink {
	var sinks []event.Sink
	for _, s := range ci.Sinks(os.Getenv, p.shield) {
		sinks = append(sinks, optionalSink{s, p, ""})
	}
	return sinks
}

// annotate shows the mistakes for which a recipe was refused at their lines, if a CI service
// supports that. A run shows its own failures.
func (p *program) annotate(err error) {
	var (
		mistakes recipe.Mistakes
		one      recipe.Problem
		reported reportedError
	)
	if !errors.As(err, &mistakes) && !errors.As(err, &reported) && errors.As(err, &one) {
		mistakes = recipe.Mistakes{one}
	}
	if len(mistakes) == 0 {
		return
	}
	e := event.Event{Kind: event.RunEnded}
	for _, m := range mistakes {
		e.Faults = append(e.Faults, event.Fault{Line: fmt.Sprintf("%s:%d", m.File, m.Line), Message: m.Message})
	}
	stream := p.secrets.To(p.ciSinks()...)
	event.Emit(event.WithStream(context.Background(), stream), e)
	_ = stream.Close() // each sink warns of its own failure
}
