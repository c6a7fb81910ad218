package ssh

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"io"
	"strings"
)

// newMark is a word that no output can hold by chance: each command has two of its own, so that even a mark that
// leaked means nothing later.
func newMark() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // it never fails, says its documentation
	return "=" + hex.EncodeToString(b[:]) + "="
}

// scanner reads a stream that marks divide. The bytes between them may be anything, and a mark may stand behind
// an unfinished line.
type scanner struct {
	r       io.Reader
	pending []byte // read, and not yet passed on
	buf     []byte
	err     error // of the last read
}

func newScanner(r io.Reader) *scanner { return &scanner{r: r, buf: make([]byte, 32<<10)} }

// until passes all bytes before the first of the marks to out and returns which mark it was. out is given
// everything as soon as it can't be the beginning of a mark, and ends the reading by an error. io.EOF means that the stream ended without a
// mark, behind its last byte.
func (s *scanner) until(out func([]byte) error, marks ...string) (int, error) {
	for {
		first, which := -1, 0
		for i, m := range marks {
			if at := bytes.Index(s.pending, []byte(m)); at >= 0 && (first < 0 || at < first) {
				first, which = at, i
			}
		}
		if first >= 0 {
			if first > 0 {
				if err := out(s.pending[:first]); err != nil {
					return 0, err
				}
			}
			s.pending = s.pending[first+len(marks[which]):]
			return which, nil
		}
		keep := 0
		for _, m := range marks {
			keep = max(keep, overlap(s.pending, m))
		}
		if n := len(s.pending) - keep; n > 0 {
			if err := out(s.pending[:n]); err != nil {
				return 0, err
			}
			s.pending = s.pending[n:]
		}
		if s.err != nil {
			rest := s.pending
			s.pending = nil
			if len(rest) > 0 {
				if err := out(rest); err != nil {
					return 0, err
				}
			}
			return 0, s.err
		}
		s.fill()
	}
}

// word returns the rest of the line, without its end.
func (s *scanner) word() (string, error) {
	line := limitedText{what: "a word of the shell on the host", most: longestWord}
	_, err := s.until(line.take, "\n")
	return strings.TrimSpace(line.text()), err
}

func (s *scanner) fill() {
	n, err := s.r.Read(s.buf)
	s.pending, s.err = append(s.pending, s.buf[:n]...), err
}

// overlap is the length of the longest end of b that mark begins with.
func overlap(b []byte, mark string) int {
	for n := min(len(b), len(mark)-1); n > 0; n-- {
		if string(b[len(b)-n:]) == mark[:n] {
			return n
		}
	}
	return 0
}
