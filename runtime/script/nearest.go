package script

import (
	"fmt"
	"strings"

	"github.com/hbollon/go-edlib"
)

// Nearest returns the candidate that name is most likely a misspelling of, or "" when none is near: one letter in
// three may differ, and two that changed places count as one.
func Nearest(name string, candidates []string) string {
	best, nearest := max(1, (len(name)+1)/3)+1, ""
	for _, c := range candidates {
		if d := edlib.OSADamerauLevenshteinDistance(strings.ToLower(name), strings.ToLower(c)); d < best {
			best, nearest = d, c
		}
	}
	return nearest
}

// DidYouMean returns ` (did you mean "NEAREST"?)`, or "" when no candidate is near, to stand behind an error.
func DidYouMean(name string, candidates []string) string {
	if n := Nearest(name, candidates); n != "" {
		return fmt.Sprintf(" (did you mean %q?)", n)
	}
	return ""
}
