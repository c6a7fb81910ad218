package run

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"runbook/runtime/event"
	"runbook/runtime/script"
	"runbook/runtime/ssh"
)

// The exit statuses.
const (
	StatusDone        = 0   // done on every host
	StatusFailed      = 1   // a step failed on some host
	StatusUsage       = 2   // the command line, a recipe or a hosts file is wrong; no host was contacted
	StatusRefused     = 3   // refused before any change
	StatusInterrupted = 130 // by SIGINT or SIGTERM
)

// ErrInterrupted is the cause of a run's context that a signal ended.
var ErrInterrupted = errors.New("interrupted")

// statusError is an error with the exit status that it means.
type statusError struct {
	error
	status int
}

func (e statusError) Unwrap() error { return e.error }

// WithStatus returns err with the exit status that it means. A nil err stays nil.
func WithStatus(err error, status int) error {
	if err == nil {
		return nil
	}
	return statusError{err, status}
}

// Usage returns err as a mistake on the command line or in a file: nothing was contacted. An interrupt stays one.
func Usage(err error) error {
	if errors.Is(err, ErrInterrupted) {
		return WithStatus(err, StatusInterrupted)
	}
	return WithStatus(err, StatusUsage)
}

// Status is the exit status that err means: the outermost one stated, or StatusFailed.
func Status(err error) int {
	var e statusError
	switch {
	case err == nil:
		return StatusDone
	case errors.As(err, &e):
		return e.status
	}
	return StatusFailed
}

// located is an error with the host and the step in which it came up.
type located struct {
	error
	host string
	step []string
	line string // of an interrupt alone: other errors have it from Lua
}

func (l *located) Unwrap() error { return l.error }

// locate adds host and step of ctx to err, once: the innermost place counts.
func locate(ctx context.Context, err error) error {
	var l *located
	if err == nil || errors.As(err, &l) {
		return err
	}
	return &located{error: err, host: event.Host(ctx), step: event.Step(ctx)}
}

// failures are the failures of several hosts, or of one host and its hooks.
type failures []error

func (f failures) Error() string {
	var words []string
	for _, err := range f {
		words = append(words, err.Error())
	}
	return strings.Join(words, "; ")
}

func (f failures) Unwrap() []error { return f }

// joined is nil, the one error, or all of them together.
func joined(errs ...error) error {
	errs = slices.DeleteFunc(slices.Clone(errs), func(err error) bool { return err == nil })
	switch len(errs) {
	case 0:
		return nil
	case 1:
		return errs[0]
	}
	return failures(errs)
}

// Fault is one failure, in the parts that a person asks for.
type Fault struct {
	Host    string   // "" when no host is to blame
	Address string   // host:port that could not be connected to, or ""
	Step    []string // outermost first
	Line    string   // FILE:LINE of the recipe, or ""
	Chain   []string // the lines that led there, innermost first
	Source  []Line   // the recipe around Line
	Call    string   // what was called there, with the values given, as a recipe would write it; "" when it was no primitive
	Message string   // what was wrong, one cause
	Command string   // the command that failed, or ""
	Code    *int     // its exit status
	Tail    string   // the last lines that it printed
	Hint    string   // what to do next, or ""
	Listed  bool     // each line of the message has a place of its own
	Stated  bool     // the words are the recipe's own, or an interrupt, so its line has nothing to add
}

// Line is a line of a recipe.
type Line = script.Line

// Faults takes err apart into what failed, host by host.
func Faults(err error) []Fault {
	var many failures
	if errors.As(err, &many) {
		var faults []Fault
		for _, e := range many {
			faults = append(faults, Faults(e)...)
		}
		return faults
	}
	f := Fault{Message: err.Error(), Hint: event.Hint(err)}
	if mistakes := mistakesIn(err); mistakes != nil {
		f.Message, f.Listed, f.Stated = mistakes.Error(), true, true
		return []Fault{f}
	}
	var (
		place *located
		away  *unreachable
		at    *script.Error
	)
	if errors.As(err, &place) {
		f.Host, f.Step, f.Line = place.host, place.step, place.line
	}
	switch {
	case errors.As(err, &away):
		f.Message = away.Error()
	case errors.As(err, &at):
		f.Line, f.Chain, f.Message = at.Line, at.Chain(), at.Err.Error()
	}
	f.Message = strings.TrimPrefix(f.Message, f.Host+": ")
	f.Address = addressOf(err)
	// What a primitive was called with is wrong, rather than what it did: then its name helps.
	if at != nil && away == nil && at.Call != "" && at.Call != "fail" && !fromPrimitive(at.Err) {
		f.Message = at.Call + ": " + f.Message
	}
	var stated *failure
	f.Stated = errors.As(err, &stated) || errors.Is(err, ErrInterrupted)
	if !f.Stated && at != nil && away == nil {
		f.Source, f.Call = at.Lines, at.Given
	}
	f.command(err)
	if f.Hint == "" {
		f.Hint = usualHint(err, f.Tail)
	}
	return []Fault{f}
}

// addressOf is what could not be connected to or logged in at, host:port, or "".
func addressOf(err error) string {
	var (
		connect *ssh.ConnectError
		login   *ssh.LoginError
	)
	switch {
	case errors.As(err, &connect):
		return connect.Address
	case errors.As(err, &login):
		return login.Address
	}
	return ""
}

// General is the message without the host's own address, so that hosts that failed alike have the same.
func (f Fault) General() string {
	if f.Address == "" {
		return f.Message
	}
	message := strings.ReplaceAll(f.Message, f.Address, "the host")
	if name, _, err := net.SplitHostPort(f.Address); err == nil {
		message = strings.ReplaceAll(message, "the name "+name+" ", "the host's name ")
	}
	return message
}

// fromPrimitive tells what a primitive's function returned from what came before it was called.
func fromPrimitive(err error) bool {
	_, ok := err.(*located)
	return ok
}

// usualHint is what to do next about failures that say so little of themselves. tail is what the command printed last.
func usualHint(err error, tail string) string {
	var (
		timeout *ssh.TimeoutError
		lost    *ssh.LostError
	)
	switch {
	case errors.As(err, &timeout):
		return "see on the host why it takes so long, or raise its limit in the recipe"
	case errors.As(err, &lost):
		return "see on the host what was done before running again"
	case strings.Contains(tail, "No space left on device"), strings.Contains(tail, "Disk quota exceeded"):
		return "the host's disk is full: remove old releases, or make the disk larger"
	}
	return ""
}

// command fills in what is known of the command that failed.
func (f *Fault) command(err error) {
	var (
		exit    *ssh.ExitError
		timeout *ssh.TimeoutError
		lost    *ssh.LostError
	)
	switch {
	case errors.As(err, &exit):
		f.Host, f.Command, f.Code, f.Tail = exit.Host, exit.Command, &exit.Result.Code, exit.Tail
		f.Message = "the command failed"
	case errors.As(err, &timeout):
		f.Host, f.Command, f.Tail = timeout.Host, timeout.Command, timeout.Tail
		f.Message = "the command took longer than " + timeout.Limit.String()
		if timeout.Idle {
			f.Message = "the command printed nothing for " + timeout.Limit.String()
		}
		f.Message += ", and was ended"
		if timeout.Left != nil {
			f.Message += "; what it started may still run: " + timeout.Left.Error()
		}
	case errors.As(err, &lost):
		f.Host, f.Command, f.Tail = lost.Host, lost.Command, lost.Tail
		f.Message = fmt.Sprintf("the connection was lost (%v); whether the command was done is unknown", lost.Err)
	}
}

// failure is what fail("…") raises, in the recipe's own words, and confirm("…") after a no.
type failure struct{ message string }

func (f *failure) Error() string { return f.message }

// Joined is nil, the one error, or all of them together, for Faults to take apart again.
func Joined(errs ...error) error { return joined(errs...) }

// Nearest returns the candidate that name is most likely a misspelling of, or "".
func Nearest(name string, candidates []string) string { return script.Nearest(name, candidates) }

// DidYouMean returns ` (did you mean "NEAREST"?)`, or "" when no candidate is near.
func DidYouMean(name string, candidates []string) string { return script.DidYouMean(name, candidates) }
