package jsonl_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"runbook/runtime/event"
	"runbook/runtime/event/jsonl"
)

func TestOneEventOneLine(t *testing.T) {
	var out bytes.Buffer
	sink := jsonl.New(&out)
	stream := event.NewStream(sink)
	stream.AddSecret("hunter22")
	ctx := event.WithStream(t.Context(), stream)
	code := 0
	event.Emit(event.WithHost(ctx, "web1"), event.Event{Kind: event.CommandEnded, Text: "echo hunter22 > a && b",
		Code: &code})
	event.Emit(ctx, event.Event{Kind: event.Output, Text: "two\nlines\n"})
	if err := stream.Close(); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	if len(lines) != 2 {
		t.Fatalf("want 2 lines, got %d:\n%s", len(lines), out.String())
	}
	var e event.Event
	if err := json.Unmarshal([]byte(lines[0]), &e); err != nil {
		t.Fatal(err)
	}
	if e.Kind != event.CommandEnded || e.Host != "web1" || e.Code == nil || *e.Code != 0 {
		t.Errorf("the event came back as %+v", e)
	}
	if !strings.Contains(lines[0], "echo [secret] > a && b") {
		t.Errorf("want the command as typed, without the secret: %s", lines[0])
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestCloseReportsAFailedWrite(t *testing.T) {
	sink := jsonl.New(full{})
	sink.Event(event.Event{Kind: event.Info})
	if err := sink.Close(); err == nil || !strings.Contains(err.Error(), "no space left") {
		t.Errorf("want the write error, got %v", err)
	}
}
