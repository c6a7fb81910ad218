//go:build unix

package interactive_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/term"

	"runbook/runtime/event"
	"runbook/runtime/internal/sshtest"
	"runbook/runtime/ssh"
	"runbook/runtime/ssh/interactive"
)

func dial(t *testing.T) ssh.Conn {
	t.Helper()
	server := sshtest.Start(t, "LogLevel INFO") // a higher level would write to a session's stderr

	dialer := ssh.NewDialer(event.NewStream(), ssh.Options{})
	conn, err := dialer.Dial(t.Context(), server.Target(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(conn.Close(), dialer.Close()); err != nil {
			t.Error(err)
		}
	})
	return conn
}

// input returns a file with text to read.
func input(t *testing.T, text string) *os.File {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	if _, err := w.WriteString(text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return r
}

// TestWithoutTerminal runs lines whose streams are files.
func TestWithoutTerminal(t *testing.T) {
	conn := dial(t)
	for line, want := range map[string]struct {
		in, out, errs string
		code          int
	}{
		"cat; echo oops >&2; exit 3":             {"a\x00b\n", "a\x00b\n", "oops\n", 3},
		"exec /bin/sh -c 'kill -TERM $$; sleep'": {"", "", "", 143},
		"":                                       {"echo $((6 * 7)); exit 9\n", "42\n", "", 9},
		"tty":                                    {"", "not a tty\n", "", 1},
	} {
		var out, errs bytes.Buffer
		code, err := interactive.Run(t.Context(), conn,
			interactive.Options{Line: line, In: input(t, want.in), Out: &out, Err: &errs})
		if err != nil || code != want.code || out.String() != want.out || errs.String() != want.errs {
			t.Errorf("%q: got %d, %v, %q, %q; want %+v", line, code, err, out.String(), errs.String(), want)
		}
	}
}

// terminal is a terminal of 31 lines and 97 columns with a session on it.
type terminal struct {
	t          *testing.T
	keys, here *os.File
	out        *io.PipeReader
	ended      chan error
	code       int
}

func onTerminal(ctx context.Context, t *testing.T, conn ssh.Conn, line string) *terminal {
	t.Helper()
	keys, here, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = keys.Close(), here.Close() })
	if err := pty.Setsize(here, &pty.Winsize{Rows: 31, Cols: 97}); err != nil {
		t.Fatal(err)
	}
	out, w := io.Pipe()
	tt := &terminal{t: t, keys: keys, here: here, out: out, ended: make(chan error, 1)}
	before := tt.mode()
	go func() {
		var err error
		tt.code, err = interactive.Run(ctx, conn,
			interactive.Options{Line: line, In: here, Out: w, Err: w, Terminal: true, Term: "vt220"})
		_ = w.Close()
		if *before != *tt.mode() {
			t.Error("the terminal did not get its mode back")
		}
		tt.ended <- err
	}()
	return tt
}

func (tt *terminal) mode() *term.State {
	state, err := term.GetState(int(tt.here.Fd()))
	if err != nil {
		tt.t.Error(err)
	}
	return state
}

// expect reads until text appears.
func (tt *terminal) expect(text string) {
	tt.t.Helper()
	var seen strings.Builder
	one := make([]byte, 1)
	for !strings.HasSuffix(seen.String(), text) {
		if _, err := tt.out.Read(one); err != nil {
			tt.t.Fatalf("no %q in %q: %v", text, seen.String(), err)
		}
		seen.Write(one)
	}
}

func (tt *terminal) send(keys string) {
	tt.t.Helper()
	if _, err := tt.keys.WriteString(keys); err != nil {
		tt.t.Fatal(err)
	}
}

// TestTerminal has a session on a terminal: its size and kind, a change of the size, and keys that
// the host interprets.
func TestTerminal(t *testing.T) {
	tt := onTerminal(t.Context(), t, dial(t),
		`/bin/sh -c 'trap "echo key" INT; trap "stty size" WINCH; echo $TERM; stty size; `+
			`while :; do read x; test "$x" != end || exit 5; done'`)
	tt.expect("vt220\r\n31 97\r\n")
	if err := pty.Setsize(tt.here, &pty.Winsize{Rows: 40, Cols: 120}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(os.Getpid(),
		syscall.SIGWINCH); err != nil { // the kernel signals only the terminal's foreground
		t.Fatal(err)
	}
	tt.expect("40 120\r\n")
	tt.send("\x03")
	tt.expect("key\r\n")
	tt.send("end\r")
	go func() { _, _ = io.Copy(io.Discard, tt.out) }()
	if err := <-tt.ended; err != nil || tt.code != 5 {
		t.Errorf("got %d, %v", tt.code, err)
	}
}

// TestEnds ends a session by an interrupt of this process, and by the loss of the connection.
func TestEnds(t *testing.T) {
	stop := errors.New("stop")
	for name, want := range map[string]error{"interrupt": stop, "lost": interactive.ErrLost} {
		t.Run(name, func(t *testing.T) {
			conn := dial(t)
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			tt := onTerminal(ctx, t, conn, "echo here; exec cat")
			tt.expect("here\r\n")
			go func() { _, _ = io.Copy(io.Discard, tt.out) }()
			if name == "lost" {
				conn.Abandon()
			} else {
				cancel(stop)
			}
			select {
			case err := <-tt.ended:
				if !errors.Is(err, want) {
					t.Errorf("got %v", err)
				}
			case <-time.After(time.Minute):
				t.Fatal("it did not end")
			}
		})
	}
}

// failing is an output whose reader is gone.
type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, syscall.EPIPE }

// TestNobodyReads ends a command whose output nobody reads any more.
func TestNobodyReads(t *testing.T) {
	_, err := interactive.Run(t.Context(), dial(t),
		interactive.Options{Line: "yes", In: input(t, ""), Out: failing{}, Err: io.Discard})
	if !errors.Is(err, syscall.EPIPE) {
		t.Errorf("got %v", err)
	}
}
