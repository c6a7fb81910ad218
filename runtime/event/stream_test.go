package event

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// recorder keeps events.
type recorder struct{ events []Event }

func (r *recorder) Event(e Event) { r.events = append(r.events, e) }
func (r *recorder) Close() error  { return errors.New("closed") }

func TestEmitFillsInWhereItIs(t *testing.T) {
	rec := &recorder{}
	s := NewStream(rec)
	ctx := WithLine(WithStep(WithStep(WithHost(WithStream(t.Context(), s), "web1"), "prepare"), "clone"), "r.lua:3")
	Emit(ctx, Event{Kind: Info, Text: "x"})
	Emit(context.Background(), Event{Kind: Info}) // no stream, nothing happens
	if len(rec.events) != 1 {
		t.Fatalf("%d events", len(rec.events))
	}
	e := rec.events[0]
	if e.Host != "web1" || strings.Join(e.Step, "/") != "prepare/clone" || e.Line != "r.lua:3" || e.Time.IsZero() {
		t.Errorf("%+v", e)
	}
	if err := s.Close(); err == nil {
		t.Error("a sink's error is lost")
	}
}

// Two steps begun from one context must not share the array of their titles.
func TestStepsBesideEachOther(t *testing.T) {
	ctx := WithStep(WithStep(WithStep(t.Context(), "a"), "b"), "c")
	one, two := WithStep(ctx, "one"), WithStep(ctx, "two")
	if got := Step(one)[3] + Step(two)[3]; got != "onetwo" {
		t.Error(got)
	}
}

func TestSecretsReachNoField(t *testing.T) {
	secret := "s3cr3t-pass\nsecond-line"
	encoded := base64.StdEncoding.EncodeToString([]byte(secret))
	rec := &recorder{}
	s := NewStream(rec)
	s.AddSecret(secret)
	s.AddSecret("ab") // too short to hide without giving itself away
	ctx := WithStream(t.Context(), s)
	Emit(ctx, Event{
		Kind: CommandEnded, Text: "echo s3cr3t-pass", Error: secret, Hint: "x" + encoded + "y", State: "ab",
		Columns: map[string]string{"a": secret}, Rows: [][]string{{"second-line"}}, Header: []string{"h"},
		Faults: []Fault{{Step: []string{secret}, Message: secret, Command: "x " + encoded, Hint: "s3cr3t-pass"}},
		By:     "s3cr3t-pass@x",
		Args:   map[string]any{"token": "s3cr3t-pass", "n": 1},
	})
	text, err := json.Marshal(rec.events[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, leak := range []string{"s3cr3t", "second-line", encoded} {
		if strings.Contains(string(text), leak) {
			t.Errorf("%q is in %s", leak, text)
		}
	}
	if !strings.Contains(string(text), "echo [secret]") || !strings.Contains(string(text), `"state":"ab"`) {
		t.Errorf("too little or too much is hidden: %s", text)
	}
}

func TestHints(t *testing.T) {
	base := errors.New("base")
	err := WithHint(fmt.Errorf("outer: %w", WithHint(base, "inner hint")), "outer hint")
	if Hint(err) != "outer hint" || !errors.Is(err, base) || err.Error() != "outer: base" {
		t.Errorf("%v, hint %q", err, Hint(err))
	}
	if WithHint(nil, "x") != nil || Hint(base) != "" {
		t.Error("a hint out of nothing")
	}
}
