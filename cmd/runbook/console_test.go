//go:build linux

package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"runbook/runtime/lab/labtest"
)

// TestConsole uses a console as a person does: Tab completes, Ctrl-C cancels a line or only what it
// runs, arrows go back in the history, also to an earlier console's, and Ctrl-D ends it with
// nothing left behind.
func TestConsole(t *testing.T) {
	l := labtest.Start(t, "web1", "web2")
	web := l.Hosts
	dir := t.TempDir()
	begun := filepath.Join(dir, "begun")
	if err := syscall.Mkfifo(begun, 0o600); err != nil {
		t.Fatal(err)
	}
	start := func() *session {
		cmd := exec.Command("runbook", "console", "--hosts", l.HostsFile())
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_STATE_HOME="+dir, "TERM=xterm", "CI=", "NO_COLOR=1")
		s := onTerminal(t, cmd)
		s.expect("hosts: web1, web2; Tab completes")
		s.expect("> ")
		return s
	}
	s := start()
	s.send("ho\t") // hosts is the only candidate
	s.expect("hosts")
	s.send("[1]:ca\t{ \"echo\", \"com\" .. \"pleted\" }\r")
	s.expect("\"completed\"\n> ")
	s.send("h = hosts[1]\r")
	s.expect("h = hosts[1]\n> ")
	s.send("h.fs:\t\t")
	s.expect("symlink")
	s.expect("exists")
	s.edits()
	s.send("\x03")
	s.expect("^C")
	s.expect("> ")
	s.send("h:run('echo > " + begun + "; sleep 600', { tim\t\"9m\" })\r")
	s.expect("timeout = ")
	if _, err := os.ReadFile(begun); err != nil { // the command has written to it
		t.Fatal(err)
	}
	s.send("\x03")
	s.expect("web1: interrupted")
	s.expect("> ")
	s.send("h:capture('echo still' .. ' here')\r")
	s.expect("\"still here\"\n> ")
	for _, line := range []string{"each(hosts, function(host)", "print(#hosts, host.name)"} {
		s.send(line + "\r")
		s.expect(">> ")
	}
	s.edits()
	s.send("\x03")
	s.expect("> ")
	// Between two prompts Ctrl-C is a signal, which arrives here after the prompt appears. It may
	// cancel the next line, but not the one after it.
	if err := s.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		s.send(" 'go' .. 'es on'\r")
	}
	s.expect("\"goes on\"\n> ")
	s.send("nosuch\r")
	s.expect("runbook: undeclared global \"nosuch\"\n> ")
	s.send(" hel\t host:capt\t\r") // a space keeps it out of the history
	s.expect(" help host:capture\n")
	s.expect("host:capture(cmd")
	s.expect("> ")
	s.send(" 'not ' .. 'kept'\r")
	s.expect("\"not kept\"\n> ")
	s.send("\x1b[A\r")                                    // the previous line
	s.expect("runbook: undeclared global \"nosuch\"\n> ") // until the prompt, the terminal handles Ctrl-D
	s.send("\x04")
	s.ends()
	if n := web[0].Logins(); n != 1 {
		t.Errorf("%d logins", n)
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(time.Minute); ; <-tick.C { // the server ends processes after the connection
		left, err := l.Processes.List()
		if err != nil {
			t.Fatal(err)
		}
		if len(left) == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("left behind: %v", left)
		}
	}

	history := filepath.Join(dir, "runbook", "history")
	text, err := os.ReadFile(history)
	if err != nil || strings.Contains(string(text), "kept") ||
		!strings.HasSuffix(string(text), "host.name)\nnosuch\n") {
		t.Errorf("history %q, %v", text, err)
	}
	if info, err := os.Stat(history); err != nil || info.Mode() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	s = start()
	s.send("\x12still") // Ctrl-R
	s.expect("echo still")
	s.send("\r")
	s.expect("undeclared global \"h\"\n> ")
	s.send("exit\r")
	s.ends()
}

// edits waits until the terminal is in raw mode, where Ctrl-C is a key. The prompt appears a little
// earlier.
func (s *session) edits() {
	s.t.Helper()
	terminal, err := s.file.SyscallConn()
	if err != nil {
		s.t.Fatal(err)
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(time.Minute); ; <-tick.C {
		var mode *unix.Termios
		var modeErr error
		err := terminal.Control(func(fd uintptr) { mode, modeErr = unix.IoctlGetTermios(int(fd), unix.TCGETS) })
		if err := errors.Join(err, modeErr); err != nil {
			s.t.Fatal(err)
		}
		if mode.Lflag&unix.ISIG == 0 {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("no line is edited:\n%s", s.screen())
		}
	}
}
