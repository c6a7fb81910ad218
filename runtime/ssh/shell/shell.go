package shell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"runbook/runtime/event"
	"runbook/runtime/ssh"
	"runbook/runtime/ssh/shell/commandline"
	"runbook/runtime/ssh/shell/frame"
)

// grace limits how long a server may take to end a session that was closed.
const grace = 5 * time.Second

// shell is a /bin/sh on a host.
type shell struct {
	proc *ssh.Process
	out  *frame.Scanner
	err  *frame.Scanner

	umask string // the command that set it last; only the holder of the connection's turn uses it

	known chan struct{} // closed when pgid is set
	pgid  int64         // its process group, or 0 if it leads none
}

func newShell(p *ssh.Process) *shell {
	return &shell{proc: p, out: frame.NewScanner(p.Stdout), err: frame.NewScanner(p.Stderr), known: make(chan struct{})}
}

// identify parses the line that commandline.Group printed.
func (s *shell) identify(line string) {
	s.pgid = commandline.LedGroup(line)
	close(s.known)
}

// identified reports whether the shell has printed its process group.
func (s *shell) identified() bool {
	select {
	case <-s.known:
		return true
	default:
		return false
	}
}

// group returns the shell's process group, or 0.
func (s *shell) group() int64 {
	if s.identified() {
		return s.pgid
	}
	return 0
}

// startShell starts the long-lived shell. What the start-up files of the login print is dropped.
// It is a commandline.Guarded.
func startShell(ctx context.Context, link ssh.Conn, guard ssh.KeepAlive) (*shell, error) {
	mark := frame.NewMark()
	p, err := link.Start(ctx, commandline.Start("unset CDPATH; printf %s "+mark+" >&2; printf %s "+mark+"; "+
		commandline.Group+"; "+commandline.Guarded(guard.Silence())))
	if err != nil {
		return nil, fmt.Errorf("start a shell: %w", err)
	}
	s := newShell(p)
	if err := s.greet(ctx, link, mark); err != nil {
		p.Close()
		return nil, err
	}
	return s, nil
}

// greet waits until the shell has printed its process group.
func (s *shell) greet(ctx context.Context, link ssh.Conn, mark string) error {
	var line string
	stdout, stderr := frame.LoginOutput(), frame.LoginOutput()
	reading := s.readBoth(func() error {
		if _, err := s.out.Until(stdout.Add, mark); err != nil {
			return err
		}
		var err error
		line, err = s.out.Line()
		return err
	}, func() error {
		_, err := s.err.Until(stderr.Add, mark)
		return err
	})
	select {
	case <-reading.done:
	case <-ctx.Done():
		s.settle(reading, link)
		return context.Cause(ctx)
	case <-link.Done():
		s.settle(reading, link)
		return fmt.Errorf("start a shell: %w", link.Lost())
	}
	if err := errors.Join(reading.errs[:]...); err != nil {
		return startError(err, stderr.String()+stdout.String())
	}
	s.identify(line)
	return nil
}

// startError returns the error of a shell that did not start. said is what the login printed
// instead.
func startError(err error, said string) error {
	var long *ssh.TooLongError
	if errors.As(err, &long) {
		return event.WithHint(fmt.Errorf("start a shell: %w", long),
			"what do the start-up files of the login shell, such as ~/.bashrc, print?")
	}
	if said = strings.TrimSpace(said); said != "" {
		return fmt.Errorf("the host started no shell: %.300s", said)
	}
	if errors.Is(err, io.EOF) {
		return errors.New("the host started no shell: the session ended at once")
	}
	return fmt.Errorf("start a shell: %w", err)
}

// reading is the reading of both output streams at the same time, so that neither blocks the other.
type reading struct {
	done chan struct{}
	errs [2]error
}

// readBoth starts reading with both functions. A stream that exceeds its limit ends both.
func (s *shell) readBoth(out, err func() error) *reading {
	r := &reading{done: make(chan struct{})}
	second := make(chan struct{})
	limited := func(read func() error) error {
		err := read()
		var long *ssh.TooLongError
		if errors.As(err, &long) {
			s.proc.Close()
		}
		return err
	}
	go func() {
		defer close(second)
		r.errs[1] = limited(err)
	}()
	go func() {
		r.errs[0] = limited(out)
		<-second
		close(r.done)
	}()
	return r
}

// settle closes the shell's streams and waits until nobody reads them. A server that does not let
// go of them is not trusted with anything more: its connection is cut.
func (s *shell) settle(r *reading, link ssh.Conn) {
	s.proc.Close()
	select {
	case <-r.done:
	case <-time.After(grace):
		link.Abandon()
		<-r.done
	}
}

// end lets the shell exit by itself and closes it.
func (s *shell) end(link ssh.Conn) {
	_ = s.proc.Stdin.Close() // it may be gone
	drain := func(sc *frame.Scanner) func() error {
		return func() error { _, err := sc.Until(discard); return err }
	}
	r := s.readBoth(drain(s.out), drain(s.err))
	select {
	case <-r.done:
	case <-time.After(time.Second): // a background process may keep the streams open
	}
	s.settle(r, link)
}

// discard drops bytes that nobody needs.
func discard([]byte) error { return nil }

// feed writes all of text.
func feed(w io.Writer, text string) error {
	_, err := io.WriteString(w, text)
	return err
}
