package options_test

import (
	"slices"
	"testing"
	"time"

	"runbook/cmd/runbook/options"
)

// TestSet gives options values, and values that do not fit.
func TestSet(t *testing.T) {
	call := options.New(t.Context(), []string{"a", "b"})
	for _, c := range []struct {
		name string
		kind options.Kind
		text string
		want string // the error
	}{
		{"stage", options.Text, "first", ""},
		{"stage", options.Text, "", ""},
		{"only", options.List, "web1", ""},
		{"only", options.List, "", ""},
		{"yes", options.Switch, "true", ""},
		{"yes", options.Switch, "no", `want true or false, got "no"`},
		{"timeout", options.Duration, "1m30s", ""},
		{"timeout", options.Duration, "90", `want a duration such as 90s, 2m or 1h30m, got "90"`},
		{"at-once", options.Count, "12", ""},
		{"at-once", options.Count, "1.5", `want a whole number, got "1.5"`},
	} {
		got := ""
		if err := call.Set(c.name, c.kind, c.text); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s = %q: %q, want %q", c.name, c.text, got, c.want)
		}
	}
	if !call.IsSet("stage") || call.IsSet("hosts") || call.Text("stage") != "" || call.Text("hosts") != "" {
		t.Errorf("stage %q, hosts %q", call.Text("stage"), call.Text("hosts"))
	}
	if only := call.List("only"); !slices.Equal(only, []string{"web1", ""}) || call.List("except") != nil {
		t.Errorf("only %q, except %q", only, call.List("except"))
	}
	if !call.Bool("yes") || call.Bool("no") || call.Duration("timeout") != 90*time.Second ||
		call.Count("at-once") != 12 {
		t.Errorf("yes %v, timeout %v, at-once %d", call.Bool("yes"), call.Duration("timeout"), call.Count("at-once"))
	}
	if call.Argument() != "a" || options.New(t.Context(), nil).Argument() != "" {
		t.Errorf("first argument %q", call.Argument())
	}
}
