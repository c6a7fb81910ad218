package run

import (
	"strings"
	"testing"
)

func TestHookOrder(t *testing.T) {
	names := func(hooks []hook) string {
		var out []string
		for _, h := range hooks {
			out = append(out, h.line)
		}
		return strings.Join(out, " ")
	}
	fill := func() *frame {
		f := &frame{}
		f.add(hook{line: "d1"})
		f.add(hook{line: "f1", onFailure: true})
		f.add(hook{line: "d2"})
		f.add(hook{line: "f2", onFailure: true})
		return f
	}
	if got := names(fill().take(true)); got != "f2 f1 d2 d1" {
		t.Errorf("after a failure: %s", got)
	}
	f := fill()
	if got := names(f.take(false)); got != "d2 d1" {
		t.Errorf("after success: %s", got)
	}
	if got := f.take(true); len(got) != 0 {
		t.Errorf("hooks ran twice: %s", names(got))
	}
}

func TestRowOutcome(t *testing.T) {
	tests := []struct {
		row  row
		dry  bool
		want string
		tone string
	}{
		{row{}, false, "not touched", ""},
		{row{planned: 1}, false, "not touched", ""},
		{row{planned: 1, begun: 1}, false, "done", ""},
		{row{planned: 2, begun: 1}, false, "not finished", ""},
		{row{planned: 2, begun: 1, state: "prepared", tone: "busy"}, false, "prepared", "busy"},
		{row{planned: 1, begun: 1, state: "released", tone: "good"}, false, "released", "good"},
		{row{planned: 1, begun: 1, state: "released", tone: "good", failed: "failed"}, false, "failed", ""},
		{row{planned: 1, begun: 1, state: "restored", tone: "bad", failed: "failed", stateIsLast: true}, false,
			"restored", "bad"},
		{row{planned: 1, begun: 1, state: "released", tone: "good", wouldChange: true}, true, "would change", ""},
		{row{planned: 1, begun: 1, state: "released", tone: "good"}, true, "unchanged", ""},
	}
	for _, tt := range tests {
		if state, tone := tt.row.outcome(tt.dry); state != tt.want || tone != tt.tone {
			t.Errorf("%+v, dry %v: got %q %q, want %q %q", tt.row, tt.dry, state, tone, tt.want, tt.tone)
		}
	}
}
