package ci

import (
	"crypto/rand"
	"io"
	"os"
	"strings"
	"sync"

	"golang.org/x/term"
)

// Shield keeps a service from taking text for commands of the job, for as long as a program runs: text of a host is in nearly all that
// runbook prints, and the service reads it all.
//
// GitHub is told on standard error to take no commands until it hears a word that nobody can guess; for standard output see Guard. GitLab
// can't be told that; where it reads the log, text must be cleaned, which takes the control characters from its markers of sections.
type Shield struct {
	w      io.Writer
	word   string // ends the time in which GitHub takes no commands; "" elsewhere
	cleans bool   // whatever is printed for people must be cleaned

	mu    sync.Mutex
	notes strings.Builder // the program's own commands
}

// Protect begins it. Commands go to w, which the service reads. getenv reads the service's variables.
func Protect(getenv func(string) string, w io.Writer) (*Shield, error) {
	s := &Shield{w: w, cleans: getenv("GITLAB_CI") == "true"}
	if getenv("GITHUB_ACTIONS") != "true" {
		return s, nil
	}
	s.word = rand.Text()
	_, err := io.WriteString(w, "::stop-commands::"+s.word+"\n")
	return s, err
}

// note keeps a command until commands are taken again.
func (s *Shield) note(command string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notes.WriteString(command)
}

// Afterwards writes what another process of this program has printed, which protects itself: once commands are taken again.
func (s *Shield) Afterwards(text string) error {
	if s.word != "" {
		s.note(text)
		return nil
	}
	_, err := io.WriteString(s.w, text)
	return err
}

// Close ends it, and writes the commands that were kept. Nothing of a host may be written any more.
func (s *Shield) Close() error {
	if s.word == "" {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err := io.WriteString(s.w, "::"+s.word+"::\n"+s.notes.String())
	return err
}

// Passes says whether bytes of a host may go to w as they are: it is no terminal, and no service reads them as its log. A regular file is
// never a log.
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
