package shell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"runbook/runtime/event"
	"runbook/runtime/internal/sshtest"
	"runbook/runtime/lab/labtest"
	"runbook/runtime/ssh"
)

// alive reports whether a process exists and is not a zombie.
func alive(t *testing.T, pid string) bool {
	t.Helper()
	out, err := exec.Command("ps", "-o", "stat=", "-p", pid).Output()
	return err == nil && !strings.HasPrefix(strings.TrimSpace(string(out)), "Z")
}

// family starts two children in the background and a grandchild, prints their pids and waits.
// In stubborn, one of them ignores TERM.
const (
	family   = `sleep 1000 & echo $!; sh -c 'echo $$; sleep 1000' & sh -c 'sh -c "echo \$\$; exec sleep 1000"'`
	stubborn = `sleep 1000 & echo $!; sh -c 'trap "" TERM; echo $$; while :; do sleep 1; done' & ` +
		`sh -c 'sh -c "echo \$\$; exec sleep 1000"'`
)

func TestTimeoutEndsEverything(t *testing.T) {
	onEach(t, func(t *testing.T, h *Host) {
		for name, c := range map[string]Command{
			"in the shell":   {Script: stubborn, Timeout: time.Second},
			"in a session":   {Script: family, Timeout: time.Second, Stdin: new("x")},
			"without output": {Script: family, IdleTimeout: time.Second},
		} {
			r, err := h.Run(t.Context(), c)
			var late *TimeoutError
			if !errors.As(err, &late) || late.Left != nil || late.Idle != (c.IdleTimeout > 0) {
				t.Fatalf("%s: %v", name, err)
			}
			pids := strings.Fields(r.Stdout)
			if len(pids) != 3 {
				t.Fatalf("%s: pids %q", name, r.Stdout)
			}
			for _, pid := range pids {
				if alive(t, pid) {
					t.Errorf("%s: process %s outlived the timeout", name, pid)
				}
			}
			if got := run(t, h, Command{Script: "echo on"}); got.Stdout != "on\n" {
				t.Errorf("%s: the next command printed %q", name, got.Stdout)
			}
		}
	})
}

// A command gets TERM before KILL, so that it can clean up.
func TestTimeoutAsksFirst(t *testing.T) {
	onEach(t, func(t *testing.T, h *Host) {
		mark := filepath.Join(t.TempDir(), "mark")
		program := []string{"/bin/sh", "-c", `trap 'echo clean >"$1"; exit' TERM; while :; do sleep 0.1; done`, "sh",
			mark}
		_, err := h.Run(t.Context(), Command{Argv: program, Timeout: 500 * time.Millisecond})
		var late *TimeoutError
		if !errors.As(err, &late) || late.Left != nil {
			t.Fatal(err)
		}
		if text, err := os.ReadFile(mark); err != nil || string(text) != "clean\n" {
			t.Errorf("%q, %v", text, err)
		}
	})
}

func TestIdleTimeoutIsNoTimeout(t *testing.T) {
	h := newPool(t, Options{}).Localhost()
	run(t, h, Command{Script: "for i in 1 2 3 4 5 6 7 8; do echo $i; sleep 0.2; done", IdleTimeout: time.Second})
}

func TestInterrupt(t *testing.T) {
	onEach(t, func(t *testing.T, h *Host) {
		interrupted := errors.New("interrupted")
		for _, stdin := range []*string{nil, new("")} {
			ctx, cancel := context.WithCancelCause(t.Context())
			sink := sinkFunc(func(e event.Event) {
				if e.Kind == event.Output {
					cancel(interrupted)
				}
			})
			r, err := h.Run(event.WithStream(ctx, event.NewStream(sink)),
				Command{Script: "echo $$; exec sleep 1000", Stdin: stdin})
			if !errors.Is(err, interrupted) {
				t.Fatalf("error %v", err)
			}
			// $$ in a subshell is the pid of the shell, which ends too.
			if pid := strings.TrimSpace(r.Stdout); alive(t, pid) {
				t.Errorf("process %s outlived the interrupt", pid)
			}
			run(t, h, Command{Script: "true"})
			cancel(nil)
		}
	})
}

type sinkFunc func(event.Event)

func (f sinkFunc) Event(e event.Event) { f(e) }
func (f sinkFunc) Close() error        { return nil }

func TestMuchOutput(t *testing.T) {
	onEach(t, func(t *testing.T, h *Host) {
		r := run(t, h, Command{Script: "head -c 3000000 /dev/zero; head -c 2000000 /dev/zero >&2", Quiet: true})
		if len(r.Stdout) != 3000000 || len(r.Stderr) != 2000000 {
			t.Errorf("kept %d and %d bytes", len(r.Stdout), len(r.Stderr))
		}
		n := counter(0)
		run(t, h, Command{Script: "head -c 100000000 /dev/zero", Output: &n, Quiet: true})
		if n != 100000000 {
			t.Errorf("%d bytes came through", n)
		}
	})
}

// counter counts the bytes that are written to it.
type counter int

func (c *counter) Write(b []byte) (int, error) {
	*c += counter(len(b))
	return len(b), nil
}

func TestTooMuchOutput(t *testing.T) {
	h := newPool(t, Options{}).Localhost()
	for _, stream := range []string{"stdout", "stderr"} {
		ctx, rec := sshtest.Recording(t)
		c := Command{Script: "head -c 1001 /dev/zero | tr '\\0' x >/dev/" + stream, Max: 1000}
		_, err := h.Run(ctx, c)
		var long *ssh.TooLongError
		if !errors.As(err, &long) || long.What != stream || !strings.Contains(event.Hint(err), "max =") ||
			!strings.Contains(err.Error(), "1001 bytes") {
			t.Errorf("error %v, hint %q", err, event.Hint(err))
		}
		if n := rec.Output(); len(n) != 1001 {
			t.Errorf("the events had %d bytes", len(n))
		}
		c.Max = 1001
		run(t, h, c)
	}
	if _, err := h.Run(t.Context(), Command{Script: "head -c 16777217 /dev/zero", Quiet: true}); err == nil ||
		!strings.Contains(err.Error(), "16 MiB") {
		t.Errorf("by default: %v", err)
	}
	run(t, h, Command{Script: "head -c 16777217 /dev/zero", Quiet: true, Max: 17 << 20})
}

// Output that is only shown has no limit, and an error has its last lines.
func TestShowOnly(t *testing.T) {
	h := newPool(t, Options{}).Localhost()
	n := 0
	ctx := event.WithStream(t.Context(), event.NewStream(sinkFunc(func(e event.Event) {
		if e.Kind == event.Output {
			n += len(e.Text)
		}
	})))
	r, err := h.Run(ctx, Command{Script: "yes | head -c 20000000; echo the reason >&2; exit 1", ShowOnly: true})
	var exit *ExitError
	if !errors.As(err, &exit) || exit.Tail != "the reason" || n != 20000011 || r.Stdout != "" || r.Stderr != "" {
		t.Errorf("%v, tail %q; %d bytes were shown, %d and %d kept", err, exit.Tail, n, len(r.Stdout), len(r.Stderr))
	}
}

// An error has the last lines even of output beyond the limit.
func TestTailOfTooMuch(t *testing.T) {
	h := newPool(t, Options{}).Localhost()
	_, err := h.Run(t.Context(), Command{Script: "yes | head -c 300000; echo the reason; sleep 1000", Max: 100,
		IdleTimeout: 500 * time.Millisecond})
	var late *TimeoutError
	if !errors.As(err, &late) || !strings.HasSuffix(late.Tail, "y\nthe reason") {
		t.Errorf("%v, tail %q", err, late.Tail)
	}
}

func TestEvents(t *testing.T) {
	ctx, rec := sshtest.Recording(t)
	h := newPoolTo(t, rec.Stream, Options{}).Localhost()
	_, err := h.Run(ctx, Command{Argv: []string{"sh", "-c", `echo "token $T"; printf partial; cat; exit 3`},
		Cwd: "/usr", Env: map[string]string{"T": "hunter22"},
		Stdin: new("hidden-input"), Secrets: []string{"hunter22", "hidden-input"}, AnyStatus: true})
	must(t, err)
	var got []string
	for _, e := range rec.Events {
		code := ""
		if e.Code != nil {
			code = strconv.Itoa(*e.Code)
		}
		got = append(got, fmt.Sprintf("%s|%s|%s|%s", e.Kind, e.Host, e.Text, code))
	}
	command := `cd /usr && sh -c 'echo "token $T"; printf partial; cat; exit 3'`
	want := []string{"command_begun|localhost|" + command + "|", "output|localhost|token [secret]\n|",
		"output|localhost|partial[secret]|", "command_ended|localhost|" + command + "|3"}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("events:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestExitErrorTail(t *testing.T) {
	h := newPool(t, Options{}).Localhost()
	_, err := h.Run(t.Context(), Command{Script: "seq 1 30 >&2; echo out; exit 4"})
	var exit *ExitError
	if !errors.As(err, &exit) || exit.Tail != "21\n22\n23\n24\n25\n26\n27\n28\n29\n30" ||
		err.Error() != "localhost: exited 4: seq 1 30 >&2; echo out; exit 4" {
		t.Errorf("%v, tail %q", err, exit.Tail)
	}
}

// A command can kill the shell by accident. The next command gets another shell.
func TestShellKilled(t *testing.T) {
	onEach(t, func(t *testing.T, h *Host) {
		_, err := h.Run(t.Context(), Command{Script: "kill -s KILL $$"})
		var lost *LostError
		if !errors.As(err, &lost) {
			t.Fatalf("error %v", err)
		}
		run(t, h, Command{Script: "true"})
	})
}

func TestCommandMistakes(t *testing.T) {
	h := newPool(t, Options{}).Localhost()
	for _, c := range []Command{{}, {Script: " \n"}, {Argv: []string{}}, {Script: "a", Argv: []string{"b"}},
		{Script: "a\x00"}, {Argv: []string{"a", "\x00"}},
		{Script: "true", Cwd: "\x00"}, {Script: "true", Env: map[string]string{"A-B": ""}},
		{Script: "true", Env: map[string]string{"A": "\x00"}}} {
		if _, err := h.Run(t.Context(), c); err == nil {
			t.Errorf("%+v was accepted", c)
		}
	}
}

// Closing a host while a command runs returns an error and ends the command.
func TestCloseWhileRunning(t *testing.T) {
	onEach(t, func(t *testing.T, h *Host) {
		began := make(chan string, 1)
		sink := sinkFunc(func(e event.Event) {
			if e.Kind == event.Output {
				began <- strings.TrimSpace(e.Text)
			}
		})
		ended := make(chan error)
		go func() {
			_, err := h.Run(event.WithStream(t.Context(), event.NewStream(sink)),
				Command{Script: "echo $$; sleep 1000"})
			ended <- err
		}()
		pid := <-began
		h.conn.patience = time.Second
		if err := h.Close(); err == nil || !strings.Contains(err.Error(), "still running") {
			t.Errorf("%v", err)
		}
		var lost *LostError
		if err := <-ended; !errors.As(err, &lost) {
			t.Errorf("the command: %v", err)
		}
		if alive(t, pid) {
			t.Error("it outlived its connection")
		}
	})
}

// TestYield fills a server's sessions with a command that yields. Such a command is refused at once
// where there is no session, and ends where another command needs its session.
func TestYield(t *testing.T) {
	h := newPool(t, Options{}).Host(sshtest.Start(t, "MaxSessions 3").Target(t))
	run(t, h, Command{Script: "true"})
	in, out := io.Pipe()
	t.Cleanup(func() { _ = out.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	began, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		_, err := h.Run(t.Context(), Command{Script: "echo; cat", Input: in, Output: writerFunc(func(b []byte) (int, error) {
			close(began)
			return len(b), nil
		}), Yield: func() { _ = out.Close() }})
		ended <- err
		close(ended)
	}()
	<-began
	_, err := h.Run(ctx, Command{Script: "cat", Input: strings.NewReader(""), Yield: func() {}})
	var full *ssh.SessionError
	if !errors.As(err, &full) {
		t.Errorf("%v", err)
	}
	select {
	case err := <-ended:
		t.Errorf("it yielded to a command that yields: %v", err)
	default:
	}
	input := "text"
	if r, err := h.Run(ctx, Command{Script: "cat", Stdin: &input}); err != nil || r.Stdout != input {
		t.Errorf("%+v, %v", r, err)
	}
	_ = out.Close()
	must(t, <-ended)
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

// TestRoundTripTime measures a host behind a delay, before and after commands that take longer.
func TestRoundTripTime(t *testing.T) {
	const oneWay = 20 * time.Millisecond
	s := sshtest.Start(t)
	target := s.Target(t)
	target.HostKey, target.Port = s.HostKey, labtest.Relay{Delay: oneWay}.Listen(t, s.Address())
	h := newPool(t, Options{}).Host(target)
	first, err := h.RoundTrip(t.Context())
	must(t, err)
	run(t, h, Command{Script: "sleep 0.2"})
	if trip, err := h.RoundTrip(t.Context()); err != nil || first < 2*oneWay || trip > first {
		t.Errorf("first %v, then %v, %v; one way takes %v", first, trip, err, oneWay)
	}
}
