package script_test

import (
	"strings"
	"testing"

	"runbook/runtime/script"
)

func TestFormat(t *testing.T) {
	long := strings.Repeat("x", 60)
	tests := []struct {
		value any
		want  string
	}{
		{nil, "nil"},
		{true, "true"},
		{3.0, "3"},
		{0.25, "0.25"},
		{1e300, "1e+300"},
		{"a \"b\"\n\x1b[1m\\é", `"a \"b\"\n\027[1m\\é"`},
		{script.Table{}, "{}"},
		{script.Table{List: []any{1.0, "a"}, Fields: map[string]any{"b": nil, "a c": true}},
			`{ 1, "a", ["a c"] = true, b = nil }`},
		{script.Table{List: []any{long, script.Table{List: []any{long, long}}}},
			"{\n  \"" + long + "\",\n  {\n    \"" + long + "\",\n    \"" + long + "\",\n  },\n}"},
	}
	for _, tt := range tests {
		if got := script.Format(tt.value); got != tt.want {
			t.Errorf("got  %s\nwant %s", got, tt.want)
		}
	}
}
