package event

import "errors"

// hinted is an error with what to do next beside it.
type hinted struct {
	error
	hint string
}

func (h hinted) Unwrap() error { return h.error }

// WithHint returns err with what to do next beside it. The words of err stay as they are: a hint is shown on a
// line of its own. A nil err stays nil.
func WithHint(err error, hint string) error {
	if err == nil {
		return nil
	}
	return hinted{err, hint}
}

// Hint returns what to do next about err, or "". The outermost hint counts: who knows more of the whole speaks
// last.
func Hint(err error) string {
	var h hinted
	if errors.As(err, &h) {
		return h.hint
	}
	return ""
}
