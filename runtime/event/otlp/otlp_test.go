package otlp_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	"runbook/runtime/event"
	"runbook/runtime/event/otlp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// receiver is a local receiver of OTLP.
type receiver struct {
	mu    sync.Mutex
	spans []*tracepb.Span
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	// Encoded as a request is. The package of requests would bring gRPC, which takes seconds to compile.
	var got tracepb.TracesData
	if err != nil || request.URL.Path != "/v1/traces" || request.Header.Get("Authorization") != "Bearer x, y" ||
		proto.Unmarshal(body, &got) != nil {
		http.Error(w, "no traces", http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, resource := range got.ResourceSpans {
		for _, scope := range resource.ScopeSpans {
			r.spans = append(r.spans, scope.Spans...)
		}
	}
}

// path returns the names from the root to a span.
func (r *receiver) path(span *tracepb.Span) string {
	for _, parent := range r.spans {
		if len(span.ParentSpanId) > 0 && string(parent.SpanId) == string(span.ParentSpanId) {
			return r.path(parent) + " / " + span.Name
		}
	}
	return span.Name
}

func TestOneTraceARun(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "Authorization=Bearer%20x%2C%20y, other=1")
	r := &receiver{}
	server := httptest.NewServer(r)
	defer server.Close()
	sink, err := otlp.New(t.Context(), server.URL)
	if err != nil {
		t.Fatal(err)
	}
	stream := event.NewStream(sink)
	stream.AddSecret("hunter22")
	ctx := event.WithStream(t.Context(), stream)
	emit := event.Emit
	zero, one, seven := 0, 1, 7
	emit(ctx, event.Event{Kind: event.RunBegun, Text: "release.lua", Hosts: []string{"web1", "web2"}})
	pre := event.WithStep(ctx, "preflight")
	emit(pre, event.Event{Kind: event.StepBegun})
	for _, name := range []string{"web1", "web2"} {
		h := event.WithHost(pre, name)
		emit(h, event.Event{Kind: event.Connected, Seconds: 0.1})
		emit(h, event.Event{Kind: event.HostBegun})
		emit(h, event.Event{Kind: event.CommandBegun, Text: "id"})
		emit(h, event.Event{Kind: event.CommandEnded, Text: "id", Code: &zero})
		emit(h, event.Event{Kind: event.HostEnded})
	}
	emit(pre, event.Event{Kind: event.StepEnded})
	h := event.WithHost(ctx, "web1")
	emit(h, event.Event{Kind: event.HostBegun})
	step := event.WithStep(h, "build")
	emit(step, event.Event{Kind: event.StepBegun})
	inner := event.WithLine(event.WithStep(step, "install"), "release.lua:3")
	emit(inner, event.Event{Kind: event.StepBegun})
	emit(inner, event.Event{Kind: event.CommandBegun, Text: "pip install hunter22\nmore"})
	emit(inner, event.Event{Kind: event.CommandEnded, Text: "pip install hunter22\nmore", Code: &seven,
		Error: "exit status 7"})
	emit(inner, event.Event{Kind: event.Warning, Text: "look"})
	emit(inner, event.Event{Kind: event.StepEnded, Error: "exit status 7"})
	emit(step, event.Event{Kind: event.StepEnded, Error: "exit status 7"})
	emit(h, event.Event{Kind: event.HookBegun, Text: "on_failure"})
	emit(event.WithStep(h, "go back"), event.Event{Kind: event.StepBegun}) // which never ends
	emit(ctx, event.Event{Kind: event.RunEnded, Code: &one, Error: "it failed"})
	id := sink.Trace()
	if err := stream.Close(); err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, span := range r.spans {
		path := r.path(span)
		paths = append(paths, path)
		failed := span.Status.GetCode() == tracepb.Status_STATUS_CODE_ERROR
		if want := !strings.Contains(path, "preflight"); failed != want {
			t.Errorf("%s: failed is %v", path, failed)
		}
		if span.EndTimeUnixNano < span.StartTimeUnixNano || len(span.TraceId) != 16 || len(id) != 32 {
			t.Errorf("%s: %v", path, span)
		}
		if strings.Contains(span.String(), "hunter22") {
			t.Errorf("%s has a secret in it", path)
		}
	}
	slices.Sort(paths)
	want := []string{
		"run release.lua",
		"run release.lua / preflight",
		"run release.lua / preflight / connect",
		"run release.lua / preflight / connect",
		"run release.lua / preflight / web1",
		"run release.lua / preflight / web1 / id",
		"run release.lua / preflight / web2",
		"run release.lua / preflight / web2 / id",
		"run release.lua / web1",
		"run release.lua / web1 / build",
		"run release.lua / web1 / build / install",
		"run release.lua / web1 / build / install / pip install [secret]",
		"run release.lua / web1 / on_failure",
		"run release.lua / web1 / on_failure / go back",
	}
	if !slices.Equal(paths, want) {
		t.Errorf("got\n%s", strings.Join(paths, "\n"))
	}
}

func TestNobodyThere(t *testing.T) {
	for _, wrong := range []string{"localhost:4318", "", "ftp://x"} {
		if _, err := otlp.New(t.Context(), wrong); err == nil ||
			!strings.Contains(err.Error(), "such as http://127.0.0.1:4318") {
			t.Errorf("%q: %v", wrong, err)
		}
	}
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "hunter22")
	if _, err := otlp.New(t.Context(), "http://127.0.0.1:1"); err == nil || strings.Contains(err.Error(), "hunter22") {
		t.Errorf("wrong headers: %v", err)
	}
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "")
	sink, err := otlp.New(t.Context(), "http://127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	sink.Event(event.Event{Kind: event.RunBegun, Text: "r.lua"})
	sink.Event(event.Event{Kind: event.RunEnded})
	if err := sink.Close(); err == nil || !strings.Contains(err.Error(), "sending the trace") {
		t.Errorf("want why it could not be sent, got %v", err)
	}
}

// A receiver that never answers does not delay the run, and delays its end only briefly.
func TestHangingReceiver(t *testing.T) {
	t.Parallel()
	asked, over := make(chan struct{}, 100), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		asked <- struct{}{}
		<-over
	}))
	defer server.Close()
	defer close(over)
	sink, err := otlp.New(t.Context(), server.URL)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	sink.Event(event.Event{Kind: event.RunBegun, Text: "r.lua"})
	for range 5000 { // many more than are sent at once
		sink.Event(event.Event{Kind: event.CommandBegun, Host: "web1", Text: "true"})
		sink.Event(event.Event{Kind: event.CommandEnded, Host: "web1", Text: "true"})
	}
	sink.Event(event.Event{Kind: event.RunEnded})
	<-asked
	if took := time.Since(began); took > 4*time.Second {
		t.Errorf("the run waited for %s", took)
	}
	if err := sink.Close(); err == nil || !strings.Contains(err.Error(),
		server.URL+"/v1/traces has not answered within 5s") {
		t.Errorf("want why it could not be sent, got %v", err)
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("the end took %s", took)
	}
}

// The headers are sent to no other address, and a password in the address is not shown.
func TestRedirected(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-key=hunter22")
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter,
		*http.Request) {
		t.Error("the trace went elsewhere")
	}))
	defer elsewhere.Close()
	server := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
	defer server.Close()
	sink, err := otlp.New(t.Context(), strings.Replace(server.URL, "http://", "http://ada:swordfish@", 1))
	if err != nil {
		t.Fatal(err)
	}
	sink.Event(event.Event{Kind: event.RunBegun, Text: "r.lua"})
	sink.Event(event.Event{Kind: event.RunEnded})
	if err := sink.Close(); err == nil || !strings.Contains(err.Error(), "307") ||
		strings.Contains(err.Error(), "swordfish") {
		t.Errorf("got %v", err)
	}
}
