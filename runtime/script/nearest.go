package script

import (
	"fmt"
	"strings"

	"github.com/agext/levenshtein"
)

// Nearest returns the candidate that name is most likely a misspelling of, or "" when none is near.
func Nearest(name string, candidates []string) string {
	best, nearest := 0.0, ""
	for _, c := range candidates {
		similarity := levenshtein.Similarity(strings.ToLower(name), strings.ToLower(c), nil)
		if similarity > best {
			best, nearest = similarity, c
		}
	}
	if best < 0.5 {
		return ""
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
