package script

import (
	"regexp"
	"slices"
	"testing"
)

// The lines are those that the pattern of line ends finds.
func FuzzSplitLines(f *testing.F) {
	newline := regexp.MustCompile(`\r\n|\n\r|\r|\n`)
	for _, text := range []string{"", "a", "a\n", "a\r\nb", "a\n\rb", "\n\n", "\r\r\n\n\r", "\n\r\n", "a\rb\nc"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if got, want := splitLines(text), newline.Split(text, -1); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	})
}
