package selection

import (
	"fmt"
	"strconv"
	"strings"
)

// Limit is how many hosts may be missing: a number, or a percentage of all. The zero value is none.
type Limit struct {
	text    string // as typed
	number  int
	percent bool
}

// ParseLimit parses "2" or "25%".
func ParseLimit(text string) (Limit, error) {
	digits, percent := strings.CutSuffix(text, "%")
	n, err := strconv.ParseUint(digits, 10, 31)
	if err != nil || percent && n > 100 {
		return Limit{}, fmt.Errorf("want a number of hosts or a percentage of them, such as 1 or 10%%; got %q", text)
	}
	return Limit{text, int(n), percent}, nil
}

// Of returns how many of total hosts may be missing. A percentage is rounded down.
func (l Limit) Of(total int) int {
	if l.percent {
		return total * l.number / 100
	}
	return l.number
}

// IsSet reports whether there is a limit, even of 0.
func (l Limit) IsSet() bool { return l.text != "" }

// String returns the limit as it was typed.
func (l Limit) String() string { return l.text }
