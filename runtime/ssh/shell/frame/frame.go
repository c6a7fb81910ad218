// Package frame extracts the output of one command from what a shell on a host prints, and limits
// it.
package frame

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"strings"
	"sync"

	"runbook/runtime/event"
	"runbook/runtime/ssh"
)

// The limits on text from a host. Everything that is kept in memory has one.
const (
	maxLine  = 4 << 10  // of a line in the protocol between runbook and its scripts, in bytes
	maxNoise = 64 << 10 // of output that nothing asked for: from a login before the shell answers, and from a keeper
)

// Command returns the script of one command: a subshell with body, or program itself, and then the
// end marks.
//
// If the connection dies in the middle, a shell would still execute an incomplete line. It executes
// nothing inside unclosed brackets.
func Command(body, program, end string) string {
	command := "( " + body + "\n)"
	if program != "" {
		command = "{ " + program + "\n}"
	}
	return command + " </dev/null; " + EndMarks(end)
}

// EndMarks returns the script that prints a mark and the status to stdout, and the mark to stderr.
func EndMarks(end string) string {
	return "printf '%s %s\\n' '" + end + "' \"$?\"; printf '%s' '" + end + "' >&2\n"
}

// NewMark returns a word that no output contains by chance. Each command gets new ones, so a mark
// that leaked is worthless.
func NewMark() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // documented never to fail
	return "=" + hex.EncodeToString(b[:]) + "="
}

// Scanner reads a stream up to marks. The bytes between them may be anything, and a mark may follow
// an unfinished line.
type Scanner struct {
	r       io.Reader
	pending []byte // read, but not passed on
	err     error  // of the last read
	fast    bool   // the last read filled its buffer
}

func NewScanner(r io.Reader) *Scanner { return &Scanner{r: r} }

// Streams are read into small buffers, and into large ones while they are busy: a run on a thousand
// hosts reads from a thousand shells at once when it begins and ends.
var (
	small = sync.Pool{New: func() any { return newBuffer(4 << 10) }}
	large = sync.Pool{New: func() any { return newBuffer(32 << 10) }}
)

func newBuffer(n int) *[]byte {
	b := make([]byte, n)
	return &b
}

// Until passes all bytes before the first of the marks to out, and returns the index of the mark.
// out gets bytes as soon as they cannot be the beginning of a mark; its error ends the reading. If
// the stream ends without a mark, Until passes on all of it and returns io.EOF.
func (s *Scanner) Until(out func([]byte) error, marks ...string) (int, error) {
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
			keep = max(keep, event.Overlap(s.pending, m))
		}
		if s.err != nil {
			keep = 0
		}
		if n := len(s.pending) - keep; n > 0 {
			if err := out(s.pending[:n]); err != nil {
				return 0, err
			}
			s.pending = s.pending[n:]
		}
		if s.err != nil {
			return 0, s.err
		}
		s.fill()
	}
}

// AfterLogin passes what follows the line mark to out, until the stream ends. What the start-up
// files of the login print before it is dropped. Without the mark all is passed on: a shell that
// could not print it said why.
func (s *Scanner) AfterLogin(mark string, out func([]byte) error) error {
	login := LoginOutput()
	_, err := s.Until(login.Add, mark+"\n")
	switch {
	case errors.Is(err, io.EOF):
		return out([]byte(login.String()))
	case err != nil:
		return err
	}
	if _, err := s.Until(out); !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// Line returns the rest of the line, without white space around it.
func (s *Scanner) Line() (string, error) {
	text := Text{what: "a line of the shell on the host", max: maxLine}
	_, err := s.Until(text.Add, "\n")
	return strings.TrimSpace(text.String()), err
}

// Read reads the bytes after a mark.
func (s *Scanner) Read(b []byte) (int, error) {
	if len(s.pending) == 0 && s.err == nil {
		s.fill()
	}
	n := copy(b, s.pending)
	s.pending = s.pending[n:]
	if n == 0 {
		return 0, s.err
	}
	return n, nil
}

func (s *Scanner) fill() {
	buffers := &small
	if s.fast {
		buffers = &large
	}
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	n, err := s.r.Read(*buf)
	s.fast = n == len(*buf)
	if len(s.pending) == 0 {
		s.pending = nil // releases the old buffer, which may be large
	}
	s.pending, s.err = append(s.pending, (*buf)[:n]...), err
}

// Text collects what a host says, up to a limit.
type Text struct {
	what string
	max  int
	said []byte
}

// LoginOutput collects what the start-up files of a login print before a command.
func LoginOutput() *Text {
	return &Text{what: "the output of the login before a command", max: maxNoise}
}

// KeeperOutput collects what a keeper prints apart from its answers.
func KeeperOutput() *Text {
	return &Text{what: "the output of the lock's keeper", max: maxNoise}
}

func (l *Text) Add(b []byte) error {
	if len(l.said)+len(b) > l.max {
		return &ssh.TooLongError{What: l.what, Most: int64(l.max)}
	}
	l.said = append(l.said, b...)
	return nil
}

// String returns what was collected.
func (l *Text) String() string { return string(l.said) }
