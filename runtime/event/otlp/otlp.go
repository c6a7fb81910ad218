// Package otlp sends a run as one trace to an OpenTelemetry receiver, such as Jaeger or Tempo.
//
// Its one rule: the trace comes only from the run's events and their times. A run never waits for
// the receiver and never fails because of it: spans that cannot be sent are an error at the end.
package otlp

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"runbook/runtime/event"
)

// closeLimit limits sending the remaining spans after the run, because the result is already on the
// screen.
const closeLimit = 5 * time.Second

// queue limits the spans that wait to be sent. More are dropped: the journal is the record, not the
// trace.
const queue = 1 << 16

// Sink converts events to spans.
type Sink struct {
	address  string // without a password
	provider *sdk.TracerProvider
	exporter *exporter
	client   *client
	spans    spans
}

// New returns a sink that sends to a receiver of OTLP over HTTP, such as http://127.0.0.1:4318. The
// default path is /v1/traces. The environment variable OTEL_EXPORTER_OTLP_HEADERS sets headers,
// such as Authorization=Bearer%20x.
func New(ctx context.Context, address string) (*Sink, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("want an address such as http://127.0.0.1:4318, got %q", address)
	}
	if strings.Trim(u.Path, "/") == "" {
		u.Path = "/v1/traces"
	}
	c, err := newClient(u, os.Getenv("OTEL_EXPORTER_OTLP_HEADERS"))
	if err != nil {
		return nil, err
	}
	sender, err := otlptrace.New(ctx, c)
	if err != nil {
		return nil, err
	}
	e := &exporter{SpanExporter: sender}
	provider := sdk.NewTracerProvider(
		sdk.WithBatcher(e, sdk.WithMaxQueueSize(queue)),
		sdk.WithResource(resource.NewSchemaless(attribute.String("service.name", "runbook"))))
	return &Sink{address: u.Redacted(), provider: provider, exporter: e, client: c,
		spans: newSpans(provider.Tracer("runbook"))}, nil
}

// Event begins or ends a span.
func (s *Sink) Event(e event.Event) { s.spans.event(e) }

// Close sends the remaining spans. It returns an error if any span could not be sent.
func (s *Sink) Close() error {
	s.spans.endAll(time.Now())
	ctx, cancel := context.WithTimeout(context.Background(), closeLimit)
	defer cancel()
	err := s.provider.Shutdown(ctx)
	close(s.client.over) // the SDK would continue sending after the limit
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("sending the trace: %s has not answered within %s", s.address, closeLimit)
	}
	if err := errors.Join(err, s.exporter.failed()); err != nil {
		return fmt.Errorf("sending the trace: %w", err)
	}
	return nil
}

// exporter keeps the first error, which the SDK would print.
type exporter struct {
	sdk.SpanExporter
	mu  sync.Mutex
	err error
}

// ExportSpans sends spans.
func (e *exporter) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	if err := e.SpanExporter.ExportSpans(ctx, spans); err != nil {
		e.mu.Lock()
		defer e.mu.Unlock()
		if e.err == nil {
			e.err = err
		}
	}
	return nil
}

func (e *exporter) failed() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.err
}

// Trace returns the ID of the run's trace, in hex, or "" before the run has begun.
func (s *Sink) Trace() string {
	id := trace.SpanContextFromContext(s.spans.run).TraceID()
	if !id.IsValid() {
		return ""
	}
	return id.String()
}
