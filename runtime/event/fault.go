package event

import "errors"

// hinted is an error with a hint on what to do next.
type hinted struct {
	error
	hint string
}

func (h hinted) Unwrap() error { return h.error }

// WithHint adds a hint on what to do next. It does not change the text of err: a hint is shown on
// its own line. A nil err stays nil.
func WithHint(err error, hint string) error {
	if err == nil {
		return nil
	}
	return hinted{err, hint}
}

// Hint returns the outermost hint of err, or "": the outermost caller knows the most about the
// situation.
func Hint(err error) string {
	var h hinted
	if errors.As(err, &h) {
		return h.hint
	}
	return ""
}
