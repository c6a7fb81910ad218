package recipe

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"runbook/runtime/event"
)

// comparison matches one condition on runbook's version: >= 1.2.
var comparison = regexp.MustCompile(`^\s*(>=|<=|>|<|=)\s*v?(\d{1,9}(?:\.\d{1,9}){0,2})\s*$`)

// releaseNumber matches the version of a release: v1.2.3. The version of a build between two
// releases goes on after the number. In a repository without a release, the Go tool stamps a
// version that begins with v0.0.0.
var releaseNumber = regexp.MustCompile(`^v?(\d{1,9}(?:\.\d{1,9}){0,2})(?:[-+.].*)?$`)

// checkVersion returns an error unless a version of runbook meets a recipe's condition: ">= 1.2",
// or several comparisons separated by commas. A development build, which has no version, satisfies
// any.
func checkVersion(want, version string) error {
	parts := releaseNumber.FindStringSubmatch(version)
	isRelease := parts != nil && !strings.HasPrefix(version, "v0.0.0-")
	for text := range strings.SplitSeq(want, ",") {
		c := comparison.FindStringSubmatch(text)
		if c == nil {
			return fmt.Errorf("runbook: want a comparison with a version such as \">= 1.2\", got %q", want)
		}
		if isRelease && !compare(numbers(parts[1]), c[1], numbers(c[2])) {
			return event.WithHint(fmt.Errorf("the recipe needs runbook %s, and this is %s", want, version),
				"install such a version, or change runbook in recipe{ … }")
		}
	}
	return nil
}

// numbers splits a version of digits and dots into three numbers. Missing ones are 0.
func numbers(version string) []int {
	found := make([]int, 3)
	for i, text := range strings.Split(version, ".") {
		found[i], _ = strconv.Atoi(text) // at most nine digits
	}
	return found
}

func compare(a []int, operator string, b []int) bool {
	order := slices.CompareFunc(a, b, cmp.Compare)
	return order == 0 && strings.Contains(operator, "=") || order < 0 && operator[0] == '<' || order > 0 &&
		operator[0] == '>'
}
