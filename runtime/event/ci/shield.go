package ci

import (
	"crypto/rand"
	"io"
	"os"
	"strings"
	"sync"

	"golang.org/x/term"
)

// Shield protects the job from commands in text of hosts while the program runs: nearly everything
// that runbook prints may contain such text, and the service reads all of it.
//
// On standard error, GitHub is told to ignore commands until an unguessable word; for standard
// output see Guard. GitLab has no such command. Text for its log must be cleaned, which removes the
// control characters of its section markers.
type Shield struct {
	w      io.Writer
	word   string // ends GitHub's protection; "" elsewhere
	cleans bool   // text for people must be cleaned

	mu    sync.Mutex
	notes strings.Builder // the program's own commands
}

// Protect begins the protection. Commands go to w, which the service reads. getenv reads the
// service's environment.
func Protect(getenv func(string) string, w io.Writer) (*Shield, error) {
	s := &Shield{w: w, cleans: getenv("GITLAB_CI") == "true"}
	if getenv("GITHUB_ACTIONS") != "true" {
		return s, nil
	}
	s.word = rand.Text()
	_, err := io.WriteString(w, "::stop-commands::"+s.word+"\n")
	return s, err
}

// note keeps a command until the protection ends.
func (s *Shield) note(command string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notes.WriteString(command)
}

// Afterwards writes the output of a child process of this program, which protects itself, after the
// protection has ended.
func (s *Shield) Afterwards(text string) error {
	if s.word != "" {
		s.note(text)
		return nil
	}
	_, err := io.WriteString(s.w, text)
	return err
}

// Close ends the protection and writes the kept commands. No text of a host may be written any
// more.
func (s *Shield) Close() error {
	if s.word == "" {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err := io.WriteString(s.w, "::"+s.word+"::\n"+s.notes.String())
	return err
}

// Passes reports whether bytes of a host may go to w unchanged: it is not a terminal, and no
// service reads it as a log. A regular file is never a log.
func (s *Shield) Passes(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return !s.cleans
	}
	info, err := f.Stat()
	if err != nil {
		return false
	}
	return info.Mode().IsRegular() || !s.cleans && !term.IsTerminal(int(f.Fd()))
}
