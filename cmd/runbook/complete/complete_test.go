package complete

import (
	"strings"
	"testing"
)

// TestSplit splits lines as a shell does.
func TestSplit(t *testing.T) {
	for line, want := range map[string]string{
		`a  b\ c "d e" 'f\'g `: `a|b c|d e|f\g|`, `a ""`: `a|`, ``: ``, `a "b`: `a|b (open)`, `a b\`: `a|b (open)`,
	} {
		words, open := split(line)
		got := strings.Join(words, "|")
		if open {
			got += " (open)"
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", line, got, want)
		}
	}
}
