package html

import (
	"testing"

	"runbook/runtime/event"
)

// A recipe's states have the tone that the recipe gives them. In journals of older versions, only
// runbook's own states have one.
func TestTone(t *testing.T) {
	for _, tt := range []struct{ state, tone, want string }{
		{"released", "good", "good"}, {"gone", "bad", "bad"}, {"restored", "busy", "warn"},
		{"done", "", "good"}, {"failed", "", "bad"}, {"unknown", "", "bad"}, {"not finished", "", "warn"},
		{"released", "", "plain"}, {"not touched", "", "plain"}, {"released", "x onclick", "plain"},
	} {
		r := row{result: &event.Event{State: tt.state, Tone: tt.tone}}
		if got := r.tone(); got != tt.want {
			t.Errorf("%q, tone %q: %q, want %q", tt.state, tt.tone, got, tt.want)
		}
	}
	if got := (&row{failed: true}).tone(); got != "bad" {
		t.Errorf("a failed host without a result: %q, want bad", got)
	}
}
