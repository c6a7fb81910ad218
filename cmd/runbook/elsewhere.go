package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"runbook/runtime/event"
	"runbook/runtime/event/ci"
	"runbook/runtime/event/otlp"
	"runbook/runtime/run"
)

// warned is a sink that shows a run elsewhere. That it can't is a warning: the servers are as the run left them.
type warned struct {
	event.Sink
	program *program
}

// Close says why what the sink gathered went nowhere.
func (w warned) Close() error {
	if err := w.Sink.Close(); err != nil {
		_, err = fmt.Fprintf(w.program.err, "warning: %s\n", w.program.redact(err.Error()))
		return err
	}
	return nil
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
	return []event.Sink{warned{sink, p}}, nil
}

// annotate shows the mistakes for which a recipe was refused beside their lines, where continuous integration does. A run shows
// its own failures.
func (p *program) annotate(err error) {
	var (
		mistakes run.Mistakes
		one      run.Problem
		t        told
	)
	if !errors.As(err, &mistakes) && !errors.As(err, &t) && errors.As(err, &one) {
		mistakes = run.Mistakes{one}
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
	// What can't be shown there is a warning, and where that can't be shown either the status still tells.
	_ = stream.Close()
}

// ciSinks show the run where continuous integration does.
func (p *program) ciSinks() []event.Sink {
	var sinks []event.Sink
	for _, s := range ci.Sinks(os.Getenv, p.shield) {
		sinks = append(sinks, warned{s, p})
	}
	return sinks
}
