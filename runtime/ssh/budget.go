package ssh

import (
	"fmt"
	"io"

	"runbook/runtime/event"
)

// budget is how much of this machine what a host sends may still take.
type budget struct {
	what      string
	most      int64 // the limit, for the error
	bytes     int64 // what may still be written
	names     int
	nameBytes int64
}

func newBudget(what string, most int64) *budget {
	return &budget{what: what, most: most, bytes: most, names: mostNames, nameBytes: mostNameBytes}
}

// name takes the room of one more file, folder or link, or of one more entry of a listing.
func (b *budget) name(name string) error {
	b.names--
	b.nameBytes -= int64(len(name))
	switch {
	case len(name) > longestWord:
		return &TooLongError{What: fmt.Sprintf("a name in %s", b.what), Most: size(longestWord)}
	case b.names < 0:
		return &TooLongError{What: b.what, Most: fmt.Sprintf("%d names", mostNames)}
	case b.nameBytes < 0:
		return &TooLongError{What: "the names in " + b.what, Most: size(mostNameBytes)}
	}
	return nil
}

// budgeted writes what the budget allows.
type budgeted struct {
	w io.Writer
	b *budget
}

func (w budgeted) Write(p []byte) (int, error) {
	if w.b.bytes -= int64(len(p)); w.b.bytes < 0 {
		return 0, event.WithHint(&TooLongError{What: w.b.what, Most: size(w.b.most)}, "raise the limit with { max = BYTES }")
	}
	return w.w.Write(p)
}
