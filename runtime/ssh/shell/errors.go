package shell

import (
	"fmt"
	"strings"
	"time"
)

// ExitError reports a command that ended with a status other than 0.
type ExitError struct {
	Host    string // the host's name
	Command string // as a person would type it
	Result  Result
	Tail    string // the last lines that it printed, of stderr if there are any
}

func (e *ExitError) Error() string {
	return fmt.Sprintf("%s: exited %d: %s", e.Host, e.Result.Code, firstLine(e.Command))
}

// LastOutput returns the last lines that the command printed.
func (e *ExitError) LastOutput() string { return e.Tail }

// TimeoutError reports a command that took too long and was ended, together with all that it had
// started.
type TimeoutError struct {
	Host    string
	Command string
	Limit   time.Duration
	Idle    bool   // the limit was one for a time without output
	Tail    string // the last lines that it printed
	Left    error  // why what it started may still run; nil if it has ended
}

func (e *TimeoutError) Error() string {
	what := "took longer than " + e.Limit.String()
	if e.Idle {
		what = "printed nothing for " + e.Limit.String()
	}
	end := "ended"
	if e.Left != nil {
		end = "not ended: " + e.Left.Error()
	}
	return fmt.Sprintf("%s: %s and was %s: %s", e.Host, what, end, firstLine(e.Command))
}

// LastOutput returns the last lines that the command printed.
func (e *TimeoutError) LastOutput() string { return e.Tail }

// LostError reports a command whose connection was lost, so that its outcome is unknown.
type LostError struct {
	Host    string
	Command string
	Tail    string
	Err     error // why the connection was lost
}

func (e *LostError) Error() string {
	return fmt.Sprintf("%s: the connection was lost (%v), so whether this was done is unknown: %s",
		e.Host, e.Err, firstLine(e.Command))
}

func (e *LostError) Unwrap() error { return e.Err }

// SudoError reports a command that sudo did not start.
type SudoError struct {
	Host   string
	User   string // who it was to run as
	Reason string // in sudo's words, or ours
}

func (e *SudoError) Error() string {
	return fmt.Sprintf("%s: sudo did not run it as %s: %s", e.Host, e.User, e.Reason)
}

// firstLine returns the first line of text, with an ellipsis if there are more.
func firstLine(text string) string {
	line, rest, _ := strings.Cut(strings.TrimSpace(text), "\n")
	if strings.TrimSpace(rest) != "" {
		line += " …"
	}
	return line
}
