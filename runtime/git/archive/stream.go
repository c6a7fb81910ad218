package archive

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// stream writes commands of git fast-import.
type stream struct {
	w     io.Writer
	marks int
}

// blob writes a content of a size, and returns its mark.
func (s *stream) blob(size int64, r io.Reader) (mark int, err error) {
	s.marks++
	if _, err := fmt.Fprintf(s.w, "blob\nmark :%d\ndata %d\n", s.marks, size); err != nil {
		return 0, err
	}
	if _, err := io.CopyN(s.w, r, size); errors.Is(err, io.EOF) {
		return 0, errors.New("it ended early, or became shorter while it was read")
	} else if err != nil {
		return 0, err
	}
	_, err = io.WriteString(s.w, "\n")
	return s.marks, err
}

// commit writes the commit, which has no parent, and the end of the stream.
func (s *stream) commit(ref, message, tree string) error {
	_, err := fmt.Fprintf(s.w, "commit %s\ncommitter runbook <runbook@localhost> 0 +0000\ndata %d\n%s\n%s\ndone\n",
		ref, len(message), message, tree)
	return err
}

// quoted returns a path as fast-import reads it.
func quoted(name string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name) + `"`
}
