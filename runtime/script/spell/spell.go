// Package spell suggests the name that a misspelt one was meant to be.
package spell

import (
	"fmt"
	"strings"

	"github.com/hbollon/go-edlib"
)

// Nearest returns the candidate that name is most likely a misspelling of, or "" when none is near.
// One letter in three may differ; two swapped letters count as one difference.
func Nearest(name string, candidates []string) string {
	best, nearest := max(1, (len(name)+1)/3)+1, ""
	for _, c := range candidates {
		if d := edlib.OSADamerauLevenshteinDistance(strings.ToLower(name), strings.ToLower(c)); d < best {
			best, nearest = d, c
		}
	}
	return nearest
}

// DidYouMean returns ` (did you mean "NEAREST"?)`, to append to an error, or "" when no candidate
// is near.
func DidYouMean(name string, candidates []string) string {
	if n := Nearest(name, candidates); n != "" {
		return fmt.Sprintf(" (did you mean %q?)", n)
	}
	return ""
}
