package source

import (
	"regexp"
	"slices"
	"testing"
)

// FuzzSplitLines compares the lines with those of a regular expression.
func FuzzSplitLines(f *testing.F) {
	newline := regexp.MustCompile(`\r\n|\n\r|\r|\n`)
	for _, text := range []string{"", "a", "a\n", "a\r\nb", "a\n\rb", "\n\n", "\r\r\n\n\r", "\n\r\n", "a\rb\nc"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if got, want := SplitLines(text), newline.Split(text, -1); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	})
}
