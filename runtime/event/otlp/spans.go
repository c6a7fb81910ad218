package otlp

import (
	"context"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"runbook/runtime/event"
)

// spans holds the open spans: run → host → step → command. A step outside of any host is the parent
// of the hosts within it.
type spans struct {
	tracer   trace.Tracer
	run      context.Context            // holds the run's span
	steps    map[string]context.Context // by host and path
	hosts    map[string]context.Context // by name
	hooks    map[string]context.Context // by host, one at a time
	commands map[string][]command       // by host, in the order they began
}

type command struct {
	text string
	ctx  context.Context
}

func newSpans(tracer trace.Tracer) spans {
	return spans{tracer: tracer, run: context.Background(), steps: map[string]context.Context{},
		hosts: map[string]context.Context{},
		hooks: map[string]context.Context{}, commands: map[string][]command{}}
}

func (s *spans) event(e event.Event) {
	switch e.Kind {
	case event.RunBegun:
		s.run = s.begin(context.Background(), "run "+e.Text, e, attribute.String("runbook.recipe", e.Text),
			attribute.String("runbook.by", e.By),
			attribute.Bool("runbook.dry_run", e.DryRun), attribute.StringSlice("runbook.hosts", e.Hosts))
	case event.Connected:
		began := e
		began.Time = e.Time.Add(-time.Duration(e.Seconds * float64(time.Second)))
		end(s.begin(s.parent(e.Host, e.Step), "connect", began, attribute.String("runbook.address", e.Text)), e)
	case event.HostBegun:
		s.hosts[e.Host] = s.begin(s.parent("", e.Step), e.Host, e)
	case event.HostEnded:
		take(s.hosts, e.Host, e, attribute.String("runbook.state", e.State))
	case event.StepBegun:
		s.steps[key(e.Host, e.Step)] = s.begin(s.parent(e.Host, e.Step[:len(e.Step)-1]), e.Step[len(e.Step)-1], e)
	case event.StepEnded:
		take(s.steps, key(e.Host, e.Step), e)
	case event.HookBegun:
		s.hooks[e.Host] = s.begin(s.parent(e.Host, e.Step), e.Text, e)
	case event.HookEnded:
		take(s.hooks, e.Host, e)
	case event.CommandBegun:
		name, _, _ := strings.Cut(strings.TrimSpace(e.Text), "\n")
		ctx := s.begin(s.parent(e.Host, e.Step), name, e, attribute.String("runbook.command", e.Text))
		s.commands[e.Host] = append(s.commands[e.Host], command{e.Text, ctx})
	case event.CommandEnded:
		s.commandEnded(e)
	case event.RunEnded:
		s.endAll(e.Time)
		end(s.run, e)
	case event.Warning, event.Info, event.Changed, event.WouldChange, event.KeyUsed, event.KeyRefused, event.LockTaken,
		event.LockWaiting,
		event.Skipped, event.Interrupted, event.Disconnected:
		trace.SpanFromContext(s.parent(e.Host, e.Step)).AddEvent(string(e.Kind), trace.WithTimestamp(e.Time),
			trace.WithAttributes(attribute.String("text", e.Text+e.Error)))
	}
}

func (s *spans) commandEnded(e event.Event) {
	open := s.commands[e.Host]
	for i := len(open) - 1; i >= 0; i-- {
		if open[i].text == e.Text {
			end(open[i].ctx, e)
			s.commands[e.Host] = slices.Delete(open, i, i+1)
			return
		}
	}
}

// key identifies a step on a host.
func key(host string, step []string) string { return host + "\x00" + strings.Join(step, "\x00") }

// parent returns the parent of something on a host, within a step: the host's innermost step, a
// hook, the host, a step outside of any host, or the run.
func (s *spans) parent(host string, step []string) context.Context {
	for n := len(step); n > 0 && host != ""; n-- {
		if ctx, ok := s.steps[key(host, step[:n])]; ok {
			return ctx
		}
	}
	if ctx, ok := s.hooks[host]; ok {
		return ctx
	}
	if ctx, ok := s.hosts[host]; ok {
		return ctx
	}
	for n := len(step); n > 0; n-- {
		if ctx, ok := s.steps[key("", step[:n])]; ok {
			return ctx
		}
	}
	return s.run
}

func (s *spans) begin(
	parent context.Context, name string, e event.Event, attributes ...attribute.KeyValue,
) context.Context {
	if e.Host != "" {
		attributes = append(attributes, attribute.String("runbook.host", e.Host))
	}
	if e.Line != "" {
		attributes = append(attributes, attribute.String("runbook.line", e.Line))
	}
	ctx, _ := s.tracer.Start(parent, name, trace.WithTimestamp(e.Time), trace.WithAttributes(attributes...))
	return ctx
}

// take ends the span with a key, if it is open.
func take(open map[string]context.Context, key string, e event.Event, attributes ...attribute.KeyValue) {
	if ctx, ok := open[key]; ok {
		end(ctx, e, attributes...)
		delete(open, key)
	}
}

func end(ctx context.Context, e event.Event, attributes ...attribute.KeyValue) {
	span := trace.SpanFromContext(ctx)
	if e.Code != nil {
		attributes = append(attributes, attribute.Int("runbook.exit_status", *e.Code))
	}
	span.SetAttributes(attributes...)
	if e.Error != "" || e.Code != nil && *e.Code != 0 && e.Kind == event.RunEnded {
		span.SetStatus(codes.Error, e.Error)
	}
	span.End(trace.WithTimestamp(e.Time))
}

// endAll ends all open spans with an error.
func (s *spans) endAll(at time.Time) {
	never := event.Event{Time: at, Error: "no end"}
	for _, open := range s.commands {
		for _, c := range open {
			end(c.ctx, never)
		}
	}
	clear(s.commands)
	for _, open := range []map[string]context.Context{s.steps, s.hooks, s.hosts} {
		for _, ctx := range open {
			end(ctx, never)
		}
		clear(open)
	}
}
