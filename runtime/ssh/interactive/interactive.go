// Package interactive connects this machine's terminal, or its standard streams, with a session on
// a host.
//
// Its one rule: whatever ends the session, the terminal gets its mode back, and the host is told to
// end what runs there.
package interactive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	gossh "golang.org/x/crypto/ssh"
	"golang.org/x/term"

	"runbook/runtime/ssh"
)

// Options configure a session.
type Options struct {
	Line     string // a command line for the host's login shell; "" starts that shell itself
	In       *os.File
	Out, Err io.Writer
	Terminal bool   // ask the host for a terminal; In and Out are the terminal of this machine
	Term     string // its kind, such as xterm
}

// ErrLost is the error of a session that ended without an exit status, mostly because the
// connection was lost.
var ErrLost = errors.New("the connection was lost")

// grace limits how long what ran in an interrupted session may take to end.
const grace = 3 * time.Second

// Run runs a session to its end and returns the exit status of what ran in it, or 128 plus the
// number of the signal that ended it. It fails with ErrLost, the cause of ctx, or the error of a
// stream that cannot be written to.
//
// After it, one goroutine may still read In until the process ends: nothing can cancel that.
func Run(ctx context.Context, conn ssh.Conn, o Options) (code int, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	s, err := conn.Session(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { _ = s.Close() }() // it fails only if either side has closed it before
	s.Stdout, s.Stderr = outlet{o.Out, cancel}, outlet{o.Err, cancel}
	stdin, err := s.StdinPipe()
	if err != nil {
		return 0, err
	}
	if o.Terminal {
		release, refused := attach(ctx, s, o)
		if refused != nil {
			return 0, refused
		}
		defer func() { err = errors.Join(err, release()) }()
	}
	_, err = ssh.Await(ctx, func() (struct{}, error) {
		if o.Line == "" {
			return struct{}{}, s.Shell()
		}
		return struct{}{}, s.Start(o.Line)
	}, func(struct{}) {})
	if err != nil {
		return 0, err
	}
	go func() {
		_, _ = io.Copy(stdin, o.In) // an input that cannot be read has ended
		_ = stdin.Close()           // the session may be over
	}()
	ended := make(chan error, 1)
	go func() { ended <- s.Wait() }()
	select {
	case err = <-ended:
	case <-ctx.Done():
		stop(s, ended, o.Terminal)
		return 0, context.Cause(ctx)
	}
	return status(conn, err)
}

// stop ends what runs in a session. With a terminal the host hangs up, as for a closed window.
// Otherwise it gets SIGTERM, and SIGKILL after a while, where the server sends signals: OpenSSH
// does unless the login is root.
func stop(s *gossh.Session, ended <-chan error, terminal bool) {
	for _, name := range []string{"TERM", "KILL"} {
		sent := false
		if !terminal {
			sent, _ = s.SendRequest("signal", true,
				gossh.Marshal(struct{ Name string }{name})) // a lost connection ends it, too
		}
		if !sent {
			break
		}
		select {
		case <-ended:
			return
		case <-time.After(grace):
		}
	}
	_ = s.Close() // either side may have closed it
}

// status returns the exit status of a session that ended with err.
func status(conn ssh.Conn, err error) (int, error) {
	var (
		exit    *gossh.ExitError
		missing *gossh.ExitMissingError
	)
	switch {
	case errors.As(err, &exit):
		return exit.ExitStatus(), nil
	case !errors.As(err, &missing):
		return 0, err
	}
	select {
	case <-conn.Done():
		return 0, fmt.Errorf("%w: %w", ErrLost, conn.Lost())
	case <-time.After(grace): // the host closed the session alone
		return 0, fmt.Errorf("%w: the host ended the session without an exit status", ErrLost)
	}
}

// attach asks for a terminal on the host and passes all keys typed here to it, until release is
// called.
func attach(ctx context.Context, s *gossh.Session, o Options) (release func() error, err error) {
	fd := int(o.In.Fd())
	width, height, err := term.GetSize(fd)
	if err != nil {
		return nil, fmt.Errorf("the terminal: %w", err)
	}
	_, err = ssh.Await(ctx, func() (struct{}, error) {
		return struct{}{}, s.RequestPty(o.Term, height, width, gossh.TerminalModes{})
	}, func(struct{}) {})
	if err != nil {
		return nil, fmt.Errorf("the host gives no terminal (PermitTTY in its sshd_config?): %w", err)
	}
	before, err := term.MakeRaw(fd)
	if err != nil {
		return nil, fmt.Errorf("the terminal: %w", err)
	}
	unfollow := followSize(func() {
		if width, height, err := term.GetSize(fd); err == nil {
			_ = s.WindowChange(height, width) // the session may be over
		}
	})
	return func() error {
		unfollow()
		if err := term.Restore(fd, before); err != nil {
			return fmt.Errorf("the terminal: %w", err)
		}
		return nil
	}, nil
}

// outlet writes what the host sends. If it cannot, the session ends: nobody would see the rest. It
// goes on reading, because a host that cannot send does not end the session.
type outlet struct {
	io.Writer
	stop context.CancelCauseFunc
}

func (o outlet) Write(b []byte) (int, error) {
	if _, err := o.Writer.Write(b); err != nil {
		o.stop(err)
	}
	return len(b), nil
}
