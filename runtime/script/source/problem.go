package source

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Problem is a mistake in a Lua file that can be found without running it.
type Problem struct {
	File      string
	Line, Col int // from 1; Col counts bytes, and is 0 where it is not known
	Message   string
	Kind      Kind
}

// Kind is the severity of a problem.
type Kind int

// The kinds of problem.
const (
	Mistake Kind = iota // cannot work: a run refuses to start
	Warning             // works, but has no effect, such as a local that is never read, or may not do what is meant
)

// Error returns FILE:LINE:COL: message, the form that editors parse.
func (p Problem) Error() string {
	message := p.Message
	if p.Kind == Warning {
		message = "warning: " + message
	}
	return fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, max(1, p.Col), message)
}

// SortProblems sorts problems by file, line and column.
func SortProblems(problems []Problem) {
	slices.SortStableFunc(problems, func(a, b Problem) int {
		return cmp.Or(strings.Compare(a.File, b.File), a.Line-b.Line, a.Col-b.Col,
			strings.Compare(a.Message, b.Message))
	})
}

// SplitPlace splits FILE:LINE.
func SplitPlace(at string) (file string, line int, ok bool) {
	i := strings.LastIndex(at, ":")
	if i < 0 {
		return "", 0, false
	}
	line, err := strconv.Atoi(at[i+1:])
	return at[:i], line, err == nil
}
