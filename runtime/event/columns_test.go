package event

import (
	"slices"
	"testing"
)

func TestColumnNames(t *testing.T) {
	results := []Event{{Columns: map[string]string{"b": "1", "release": "r1"}}, {},
		{Columns: map[string]string{"a": "2", "revision": "x", "b": "3"}}}
	for _, tt := range []struct{ order, want []string }{
		{[]string{"revision", "missing", "release"}, []string{"revision", "release", "a", "b"}},
		{[]string{"b", "b"}, []string{"b", "a", "release", "revision"}},
		{nil, []string{"a", "b", "release", "revision"}},
	} {
		if got := ColumnNames(tt.order, results); !slices.Equal(got, tt.want) {
			t.Errorf("order %q: %q, want %q", tt.order, got, tt.want)
		}
	}
}
