package run

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"runbook/runtime/event"
	"runbook/runtime/recipe"
	"runbook/runtime/script"
	"runbook/runtime/script/source"
	"runbook/runtime/ssh"
	"runbook/runtime/ssh/shell"
)

// locatedError is an error with the host and the step where it occurred.
type locatedError struct {
	error
	host string
	step []string
	line string // set for an interrupt only: other errors get their line from Lua
}

func (l *locatedError) Unwrap() error { return l.error }

// locate adds the host and step of ctx to err, unless err has a location
// already: the innermost one counts.
func locate(ctx context.Context, err error) error {
	var l *locatedError
	if err == nil || errors.As(err, &l) {
		return err
	}
	return &locatedError{error: err, host: event.Host(ctx), step: event.Step(ctx)}
}

// unreachableError is a failure to connect to a host. No line of the recipe caused it.
type unreachableError struct{ error }

func (u *unreachableError) Unwrap() error { return u.error }

// recipeError is raised by fail("…"), in the recipe's own words, and by confirm("…") after a no.
type recipeError struct{ message string }

func (e *recipeError) Error() string { return e.message }

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

// Join returns nil, the only error that is not nil, or all errors as one that Faults can split.
func Join(errs ...error) error {
	errs = slices.DeleteFunc(slices.Clone(errs), func(err error) bool { return err == nil })
	switch len(errs) {
	case 0:
		return nil
	case 1:
		return errs[0]
	}
	return failures(errs)
}

// Fault is one failure, split into the parts that an admin needs.
type Fault struct {
	Host    string   // "" if no host caused it
	Address string   // host:port that could not be connected to, or ""
	Step    []string // outermost first
	Line    string   // FILE:LINE of the recipe, or ""
	Chain   []string // the callers of Line, innermost first
	Source  []Line   // the recipe around Line
	Call    string   // the primitive called at Line with its arguments, as a recipe would write it, or ""
	Message string   // one cause
	Command string   // the command that failed, or ""
	Code    *int     // its exit status
	Tail    string   // the last lines it printed
	Hint    string   // what to do next, or ""
	Listed  bool     // each line of Message has its own location
	Worded  bool     // the message is the recipe's own, or an interrupt: its line adds nothing
}

// Line is a line of a recipe.
type Line = source.Line

// Faults splits err into the failures it holds, in the order of the hosts.
func Faults(err error) []Fault {
	var many failures
	if errors.As(err, &many) {
		var faults []Fault
		for _, e := range many {
			faults = append(faults, Faults(e)...)
		}
		return faults
	}
	if mistakes := recipe.MistakesIn(err); mistakes != nil {
		return []Fault{{Message: mistakes.Error(), Hint: event.Hint(err), Listed: true, Worded: true}}
	}
	return []Fault{faultOf(err)}
}

// faultOf describes a single failure.
func faultOf(err error) Fault {
	f := Fault{Message: err.Error(), Hint: event.Hint(err)}
	var (
		place       *locatedError
		unreachable *unreachableError
		at          *script.Error
		own         *recipeError
	)
	if errors.As(err, &place) {
		f.Host, f.Step, f.Line = place.host, place.step, place.line
	}
	isUnreachable := errors.As(err, &unreachable)
	hasLine := errors.As(err, &at) && !isUnreachable
	switch {
	case isUnreachable:
		f.Message = unreachable.Error()
	case hasLine:
		f.Line, f.Chain, f.Message = at.Line, at.Chain(), at.Err.Error()
	}
	f.Message = strings.TrimPrefix(f.Message, f.Host+": ")
	f.Address = addressOf(err)
	// The primitive's name helps when its arguments are wrong, rather than what it did.
	if hasLine && at.Call != "" && at.Call != "fail" && !fromPrimitive(at.Err) {
		f.Message = at.Call + ": " + f.Message
	}
	f.Worded = errors.As(err, &own) || errors.Is(err, ErrInterrupted)
	if hasLine && !f.Worded {
		f.Source, f.Call = at.Lines, at.Text
	}
	f.describeCommand(err)
	if f.Hint == "" {
		f.Hint = genericHint(err, f.Tail)
	}
	return f
}

// addressOf returns the host:port that could not be connected to or logged in at, or "".
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

// General returns the message without the host's own address, so that hosts with the same failure
// have the same message.
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

// fromPrimitive reports whether err comes from a primitive's function, rather than
// from unpacking its arguments.
func fromPrimitive(err error) bool {
	_, ok := err.(*locatedError)
	return ok
}

// genericHint returns what to do next about an error that has no hint of its own. tail is the
// command's last output.
func genericHint(err error, tail string) string {
	var (
		timeout *shell.TimeoutError
		lost    *shell.LostError
	)
	switch {
	case errors.As(err, &timeout):
		return "find out on the host why it takes so long, or raise the timeout in the recipe"
	case errors.As(err, &lost):
		return "check on the host what was done before running again"
	case strings.Contains(tail, "No space left on device"), strings.Contains(tail, "Disk quota exceeded"):
		return "the host's disk is full: remove old releases, or make the disk larger"
	}
	return ""
}

// describeCommand fills in the command that failed, if there is one.
func (f *Fault) describeCommand(err error) {
	var (
		exit    *shell.ExitError
		timeout *shell.TimeoutError
		lost    *shell.LostError
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

// headline returns an error in one line, for progress; the whole error comes at the end of the run.
func headline(err error) string {
	faults := Faults(err)
	f := faults[0]
	text, _, _ := strings.Cut(f.Message, "\n")
	if f.Code != nil {
		command, _, more := strings.Cut(strings.TrimSpace(f.Command), "\n")
		if more {
			command += " …"
		}
		text = fmt.Sprintf("%s: exit status %d", command, *f.Code)
	}
	if errors.Is(err, ErrInterrupted) {
		text = ErrInterrupted.Error()
	}
	if len(faults) > 1 {
		text += fmt.Sprintf(" (and %d more)", len(faults)-1)
	}
	return text
}
