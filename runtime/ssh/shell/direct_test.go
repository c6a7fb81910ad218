package shell

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"runbook/runtime/event"
	"runbook/runtime/internal/sshtest"
	"runbook/runtime/inventory"
)

// program writes a script and returns its path, which only has plain characters.
func program(t *testing.T, text string) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "direct")
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	path := filepath.Join(dir, "program")
	must(t, os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o700))
	return path
}

// onlyCommand runs c as the only command of a new host.
func onlyCommand(t *testing.T, target inventory.Host, c Command) (Result, error) {
	t.Helper()
	return newPool(t, Options{OneCommand: true}).Host(target).Run(t.Context(), c)
}

func TestOnlyCommand(t *testing.T) {
	target := sshtest.Start(t).Target(t)
	for _, tt := range []struct {
		name   string
		c      Command
		code   int
		stdout string
		stderr string
	}{
		{"words", Command{Argv: []string{program(t, `cat; printf '%s|' "$@"; echo no >&2; exit 4`), "a=b", "-c", "+%d"}}, 4,
			"a=b|-c|+%d|", "no\n"},
		{"a line of plain words", Command{Script: "id  -u"}, 0, "*", ""},
		{"a line for sh", Command{Script: "echo a; false || exit 5"}, 5, "a\n", ""},
		{"a builtin", Command{Argv: []string{"test", "-d", "/nosuch"}}, 1, "", ""},
		{"quoted words", Command{Argv: []string{"printf", "%s|", "a b", ""}}, 0, "a b||", ""},
		{"a variable", Command{Argv: []string{"printenv", "A"}, Env: map[string]string{"A": "b"}}, 0, "b\n", ""},
		{"a folder", Command{Argv: []string{"readlink", "/proc/self/cwd"}, Cwd: "/usr"}, 0, "/usr\n", ""},
		{"input", Command{Argv: []string{"cat"}, Stdin: new("in")}, 0, "in", ""},
		{"none of that name", Command{Argv: []string{"nosuch-program"}}, 127, "", "*not found*"},
		{"not executable", Command{Argv: []string{"/etc/passwd"}}, 126, "", "*"},
		{"a signal", Command{Argv: []string{program(t, "kill -s USR1 $$")}}, 138, "", "ended by signal USR1\n"},
		{"both streams closed early", Command{Argv: []string{program(t, "echo a; exec >&- 2>&-; sleep 0.3; exit 6")}}, 6,
			"a\n", ""},
		{"much output", Command{Argv: []string{"head", "-c", "3000000", "/dev/zero"}, Quiet: true}, 0,
			strings.Repeat("\x00", 3000000), ""},
	} {
		r, err := onlyCommand(t, target, tt.c)
		var exit *ExitError
		if r.Code != tt.code || tt.code == 0 && err != nil || tt.code != 0 && !errors.As(err, &exit) {
			t.Errorf("%s: status %d, %v", tt.name, r.Code, err)
		}
		if !like(r.Stdout, tt.stdout) || !like(r.Stderr, tt.stderr) {
			t.Errorf("%s: got %q %q", tt.name, sshtest.Last(r.Stdout, 200), r.Stderr)
		}
	}
}

// The server's child is the command itself: no shell waits for it.
func TestOnlyCommandStartsNothingElse(t *testing.T) {
	target := sshtest.Start(t).Target(t)
	r, err := onlyCommand(t, target, Command{Argv: []string{"cat", "/proc/self/stat"}})
	must(t, err)
	// pid (comm) state ppid pgrp session
	if f := strings.Fields(r.Stdout); len(f) < 6 || f[0] != f[5] {
		t.Errorf("the command is not the first process of its session: %s", r.Stdout)
	}
}

// What the start-up files of the login print is no output of the command.
func TestOnlyCommandWithoutLoginOutput(t *testing.T) {
	s := sshtest.Start(t)
	must(t, os.WriteFile(filepath.Join(s.Dir, ".bashrc"), []byte("echo noise; echo noise >&2\n"), 0o600))
	r, err := onlyCommand(t, s.Target(t), Command{Argv: []string{"id", "-u"}})
	if err != nil || strings.Contains(r.Stdout+r.Stderr, "noise") {
		t.Errorf("%q, %q, %v", r.Stdout, r.Stderr, err)
	}
}

func TestOnlyCommandIsEnded(t *testing.T) {
	target := sshtest.Start(t).Target(t)
	interrupted := errors.New("interrupted")
	for name, end := range map[string]func(context.CancelCauseFunc, *Host) error{
		"interrupt": func(cancel context.CancelCauseFunc, _ *Host) error { cancel(interrupted); return nil },
		"close":     func(_ context.CancelCauseFunc, h *Host) error { return h.Close() },
		"timeout":   nil,
	} {
		ctx, cancel := context.WithCancelCause(t.Context())
		began := make(chan bool, 1)
		lines := 0
		sink := sinkFunc(func(e event.Event) {
			if e.Kind == event.Output {
				if lines += strings.Count(e.Text, "\n"); lines == 3 {
					began <- true
				}
			}
		})
		h := newPool(t, Options{OneCommand: true}).Host(target)
		c := Command{Argv: []string{program(t, family)}}
		var ending sync.WaitGroup
		if end == nil {
			c.Timeout = 2 * time.Second
		} else {
			ending.Go(func() {
				<-began
				h.conn.patience = time.Second
				err := end(cancel, h)
				if name == "close" && (err == nil || !strings.Contains(err.Error(), "still running")) {
					t.Errorf("close: %v", err)
				}
			})
		}
		r, err := h.Run(event.WithStream(ctx, event.NewStream(sink)), c)
		ending.Wait()
		var late *TimeoutError
		if name == "interrupt" && (!errors.Is(err, interrupted) || strings.Contains(err.Error(), "may still run")) ||
			name == "timeout" && (!errors.As(err, &late) || late.Left != nil) || err == nil {
			t.Errorf("%s: %v", name, err)
		}
		pids := strings.Fields(r.Stdout)
		if len(pids) != 3 {
			t.Errorf("%s: pids %q", name, pids)
		}
		for _, pid := range pids {
			if alive(t, pid) {
				t.Errorf("%s: process %s was left", name, pid)
			}
		}
		cancel(nil)
	}
}

// A command is over when it has exited, even if a process that it left holds its streams open, and
// even if that goes on printing.
func TestOnlyCommandLeavesProcess(t *testing.T) {
	target := sshtest.Start(t).Target(t)
	for text, rest := range map[string]time.Duration{"sleep 60 & echo $!; exit 3": time.Hour,
		"(while sleep 0.2; do echo on; done) & echo $!; exit 3": 2 * time.Second} {
		p := newPool(t, Options{OneCommand: true})
		p.rest = rest
		began := time.Now()
		r, err := p.Host(target).Run(t.Context(), Command{Argv: []string{program(t, text)}})
		pid, _, _ := strings.Cut(r.Stdout, "\n")
		if took := time.Since(began); r.Code != 3 || pid == "" || took > 20*time.Second {
			t.Errorf("%q: %d %q after %v, %v", text, r.Code, r.Stdout, took, err)
		}
		if strings.HasPrefix(text, "sleep") { // the other one ends when nobody reads its output
			kill(t, pid)
		}
	}
}

func TestOnlyCommandLosesConnection(t *testing.T) {
	s := sshtest.Start(t)
	h := newPool(t, Options{OneCommand: true}).Host(s.Target(t))
	pids := make(chan string, 1)
	sink := sinkFunc(func(e event.Event) {
		if e.Kind == event.Output {
			pids <- strings.TrimSpace(e.Text)
		}
	})
	go func() {
		pid := <-pids
		h.conn.link.Abandon()
		kill(t, pid)
	}()
	_, err := h.Run(event.WithStream(t.Context(), event.NewStream(sink)),
		Command{Argv: []string{program(t, "echo $$; exec sleep 60")}})
	var lost *LostError
	if !errors.As(err, &lost) {
		t.Errorf("%v", err)
	}
}

func kill(t *testing.T, pid string) {
	t.Helper()
	must(t, exec.Command("kill", "-s", "KILL", pid).Run())
}

// A user other than root has a server process of its own, and can start and end the command from
// each login shell.
func TestOnlyCommandOfUser(t *testing.T) {
	if os.Getuid() != 0 {
		t.Fatal("this test adds a user: run it as root")
	}
	for _, name := range []string{"dash", "bash", "zsh", "fish", "tcsh"} {
		shell, err := exec.LookPath(name)
		must(t, err)
		home, err := os.MkdirTemp("", "direct")
		must(t, err)
		defer os.RemoveAll(home)
		must(t, os.Chown(home, 54321, 54321))
		for _, file := range []string{".tcshrc", ".zshenv", ".bashrc"} {
			must(t, os.WriteFile(filepath.Join(home, file), []byte("echo noise\n"), 0o644))
		}
		users := filepath.Join(home, "passwd")
		text, err := os.ReadFile("/etc/passwd")
		must(t, err)
		must(t, os.WriteFile(users, append(text, "somebody:x:54321:54321::"+home+":"+shell+"\n"...), 0o644))
		s := sshtest.StartIn(t, "mount --bind "+users+" /etc/passwd", "SetEnv HOME="+home,
			"AuthorizedKeysFile "+home+"/authorized")
		keys, err := os.ReadFile(filepath.Join(s.Dir, "authorized"))
		must(t, err)
		must(t, os.WriteFile(filepath.Join(home, "authorized"), keys, 0o644))
		target := s.Target(t)
		target.User = "somebody"
		r, err := onlyCommand(t, target, Command{Argv: []string{"id", "-u"}})
		if r.Stdout != "54321\n" || r.Stderr != "" || err != nil {
			t.Errorf("%s: %q, %q, %v", name, r.Stdout, r.Stderr, err)
		}
		r, err = onlyCommand(t, target, Command{Argv: []string{"sleep", "1000.54321"}, Timeout: 2 * time.Second})
		var late *TimeoutError
		if !errors.As(err, &late) || late.Left != nil {
			t.Errorf("%s: %d, %v", name, r.Code, err)
		}
		if out, err := exec.Command("pgrep", "-f", "^sleep 1000.54321").Output(); err == nil {
			t.Errorf("%s: left: %s", name, out)
		}
	}
}
