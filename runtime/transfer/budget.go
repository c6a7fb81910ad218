package transfer

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"runbook/runtime/event"
	"runbook/runtime/ssh"
)

// The limits of what a host may send.
const (
	longestName   = 4 << 10   // of a path, in bytes
	mostNames     = 1_000_000 // in a folder
	mostNameBytes = 256 << 20
)

// budget is how much a host may still send.
type budget struct {
	what      string // for errors
	most      int64  // the limit, for the error
	bytes     int64  // left for the contents of files
	names     int
	nameBytes int64
}

func newBudget(what string, most int64) *budget {
	return &budget{what: what, most: most, bytes: most, names: mostNames, nameBytes: mostNameBytes}
}

// addName counts one more file, folder or link.
func (b *budget) addName(name string) error {
	b.names--
	b.nameBytes -= int64(len(name))
	switch {
	case len(name) > longestName:
		return &ssh.TooLongError{What: fmt.Sprintf("a name in %s", b.what), Most: longestName}
	case b.names < 0:
		return &ssh.TooLongError{What: b.what, Most: mostNames, Unit: "names"}
	case b.nameBytes < 0:
		return &ssh.TooLongError{What: "the names in " + b.what, Most: mostNameBytes}
	}
	return nil
}

// budgetWriter writes as much as the budget allows.
type budgetWriter struct {
	w io.Writer
	b *budget
}

func (w budgetWriter) Write(p []byte) (int, error) {
	if w.b.bytes -= int64(len(p)); w.b.bytes < 0 {
		return 0, event.WithHint(&ssh.TooLongError{What: w.b.what, Most: w.b.most},
			"raise the limit with { max = BYTES }")
	}
	return w.w.Write(p)
}

// writeFile writes a new file.
func (b *budget) writeFile(r io.Reader, open func(flag int) (*os.File, error), mode fs.FileMode) (err error) {
	f, err := open(os.O_WRONLY | os.O_CREATE | os.O_EXCL)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := io.Copy(budgetWriter{f, b}, r); err != nil {
		return err
	}
	return f.Chmod(mode)
}
