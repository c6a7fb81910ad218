package run

import "errors"

// The exit statuses of runbook.
const (
	StatusDone        = 0   // done on every host
	StatusFailed      = 1   // a step failed on some host
	StatusUsage       = 2   // the command line, a recipe or a hosts file is wrong; no host was contacted
	StatusRefused     = 3   // refused before any change
	StatusInterrupted = 130 // interrupted by SIGINT or SIGTERM
)

// ErrInterrupted is the cause of a context that SIGINT or SIGTERM ended.
var ErrInterrupted = errors.New("interrupted")

// statusError attaches an exit status to an error.
type statusError struct {
	error
	status int
}

func (e statusError) Unwrap() error { return e.error }

// WithStatus attaches an exit status to err. A nil err stays nil.
func WithStatus(err error, status int) error {
	if err == nil {
		return nil
	}
	return statusError{err, status}
}

// Usage attaches StatusUsage to err, or StatusInterrupted to an interrupt. A nil err stays nil.
func Usage(err error) error {
	if errors.Is(err, ErrInterrupted) {
		return WithStatus(err, StatusInterrupted)
	}
	return WithStatus(err, StatusUsage)
}

// Status returns the outermost exit status attached to err; StatusFailed if there is none.
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
