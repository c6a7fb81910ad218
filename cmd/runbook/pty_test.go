//go:build unix

package main

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
)

// session is a program on a terminal of its own.
type session struct {
	t    *testing.T
	file *os.File
	cmd  *exec.Cmd

	mu    sync.Mutex
	shown strings.Builder // all that has appeared
	more  chan struct{}   // text has appeared, or the program has ended
	ended bool
	from  int // the end of expect's last match
}

// onTerminal starts cmd on a terminal of 24 lines and 120 columns. It ends with the test.
func onTerminal(t *testing.T, cmd *exec.Cmd) *session {
	t.Helper()
	file, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 24, Cols: 120})
	if err != nil {
		t.Fatal(err)
	}
	s := &session{t: t, file: file, cmd: cmd, more: make(chan struct{}, 1)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.read()
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
		_ = file.Close()
		<-done
	})
	return s
}

func (s *session) read() {
	b := make([]byte, 4096)
	for {
		n, err := s.file.Read(b)
		s.mu.Lock()
		s.shown.Write(b[:n])
		s.ended = err != nil
		s.mu.Unlock()
		select {
		case s.more <- struct{}{}:
		default:
		}
		if err != nil {
			return
		}
	}
}

// send types text.
func (s *session) send(text string) {
	s.t.Helper()
	if _, err := s.file.WriteString(text); err != nil {
		s.t.Fatalf("typing %q: %v\n%s", text, err, s.screen())
	}
}

// expect waits for a text after the one that an earlier expect found, and returns what comes before
// it.
func (s *session) expect(text string) string {
	s.t.Helper()
	limit := time.After(60 * time.Second)
	for {
		s.mu.Lock()
		new, ended := plainText(s.shown.String()), s.ended
		s.mu.Unlock()
		new = new[min(s.from, len(new)):]
		if i := strings.Index(new, text); i >= 0 {
			s.from += i + len(text)
			return new[:i]
		}
		if ended {
			s.t.Fatalf("it ended without %q:\n%s", text, s.screen())
		}
		select {
		case <-s.more:
		case <-limit:
			s.t.Fatalf("no %q:\n%s", text, s.screen())
		}
	}
}

// ends waits until the program ends by itself with status 0.
func (s *session) ends() {
	s.t.Helper()
	limit := time.After(60 * time.Second)
	for {
		s.mu.Lock()
		ended := s.ended
		s.mu.Unlock()
		if ended {
			break
		}
		select {
		case <-s.more:
		case <-limit:
			s.t.Fatalf("it did not end:\n%s", s.screen())
		}
	}
	if err := s.cmd.Wait(); err != nil {
		s.t.Fatalf("%v:\n%s", err, s.screen())
	}
}

func (s *session) screen() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return fmt.Sprintf("%q", s.shown.String())
}

var controls = regexp.MustCompile(`\x1b\[[0-9;?=>]*[a-zA-Z]|\x1b[()][A-Z0-9]|\x1b\][^\x07]*\x07|\x1b[=>]|\r|\x07|\x08`)

// plainText returns terminal output without the sequences that move the cursor.
func plainText(text string) string { return controls.ReplaceAllString(text, "") }
