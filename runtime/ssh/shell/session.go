package shell

import (
	"context"
	"errors"
	"io"
	"strings"

	"runbook/runtime/ssh"
	"runbook/runtime/ssh/shell/commandline"
	"runbook/runtime/ssh/shell/frame"
)

// sessionScripts are the texts of a command in a session of its own, with the marks in its output.
type sessionScripts struct {
	outer string // for the session's shell
	inner string // for the shell that sudo starts, or ""
	pid   string // on stderr, before the process group of the session
	begin string // on stderr, when sudo has started the command
	end   string // on both, after the command
	ask   string // on stderr, sudo's prompt for the password
}

func (e *execution) sessionScripts(password string) (sessionScripts, error) {
	s := sessionScripts{pid: frame.NewMark(), begin: frame.NewMark(), end: frame.NewMark(), ask: frame.NewMark()}
	body := "( " + e.host.umask() + e.body + "\n)"
	if e.c.Sudo != "" {
		user, err := ssh.Quote(e.c.Sudo)
		if err != nil {
			return s, err
		}
		s.inner = body
		how := "-n"
		if password != "" {
			how = "-S -p " + s.ask
		}
		reader := commandline.Script(len(s.inner))
		if e.resident() {
			s.inner, reader = "", "unset CDPATH; "+commandline.Guarded(e.conn.guard.Silence())
		}
		wrapper, err := ssh.Quote("printf '%s' '" + s.begin + "' >&2; " + reader)
		if err != nil {
			return s, err
		}
		body = "sudo " + how + " -u " + user + " -- /bin/sh -c " + wrapper
	}
	s.outer = "unset CDPATH; printf '%s' '" + s.pid + "' >&2; { " + commandline.Group + "; } >&2; " +
		body + "; " + frame.EndMarks(s.end)
	return s, nil
}

// runInSession runs the command in a session of its own, so that it can have input. password is for
// sudo, or "".
//
// The session's stdin carries, one after the other: the outer script, the password if sudo asks for
// it, the inner script, and the command's input. Text that sudo could read by mistake is sent only
// after its intended reader has started.
func (e *execution) runInSession(ctx context.Context, password string) error {
	scripts, err := e.sessionScripts(password)
	if err != nil {
		return err
	}
	start := e.conn.start
	if e.c.Yield != nil {
		defer e.conn.addYielding(e)()
		start = e.conn.link.Start
	}
	p, err := start(ctx, commandline.Script(len(scripts.outer)))
	if err != nil {
		return err
	}
	s := newShell(p)
	t := &sudoDialog{execution: e, shell: s, scripts: scripts, password: password, begun: make(chan struct{})}
	stop := make(chan struct{})
	fed := make(chan struct{})
	go func() { // the command need not read its input, so nobody waits for this
		defer close(fed)
		select {
		case <-t.begun:
			t.feedInput()
		case <-stop:
		}
	}()
	reading := s.readBoth(func() error {
		if err := feed(p.Stdin, scripts.outer); err != nil {
			return err
		}
		if e.c.Sudo == "" {
			close(t.begun) // dd reads no byte too many, so the input may follow at once
		}
		return e.readStdout(s, scripts.end)
	}, t.readStderr)
	err = e.wait(ctx, s, reading)
	if err == nil {
		e.conn.removeGroup(s.group())
	}
	close(stop)
	p.Close()
	<-fed
	if t.wrong && (err == nil || ctx.Err() == nil) {
		return e.host.wrongPassword(e.c.Sudo)
	}
	return err
}

// sudoDialog answers sudo's prompt on the stderr of a session, and then reads the command's own
// errors there.
type sudoDialog struct {
	*execution
	shell    *shell
	scripts  sessionScripts
	password string
	begun    chan struct{} // closed when the command may get its input
	wrong    bool          // sudo asked for the password again
}

// feedInput sends the inner script and the command's input.
func (t *sudoDialog) feedInput() {
	in := t.shell.proc.Stdin
	input := t.c.Input
	if t.c.Stdin != nil {
		input = strings.NewReader(*t.c.Stdin)
	}
	if feed(in, t.scripts.inner) == nil && input != nil {
		const piece = 256 << 10
		// If reading fails, the command must notice that its input is incomplete.
		_, _ = io.CopyBuffer(struct{ io.Writer }{in}, struct{ io.Reader }{input}, make([]byte, piece))
	}
	_ = in.Close() // it may be gone
}

func (t *sudoDialog) readStderr() error {
	if err := t.begin(); err != nil || t.c.Sudo != "" && !t.started {
		return err
	}
	return t.execution.readStderr(t.shell, t.scripts.begin, t.scripts.end)
}

// begin reads the session's process group, and with sudo waits until sudo has started the command.
func (t *sudoDialog) begin() error {
	s := t.shell
	if _, err := s.err.Until(frame.LoginOutput().Add, t.scripts.pid); err != nil {
		return err
	}
	line, err := s.err.Line()
	if err != nil {
		return err
	}
	s.identify(line)
	t.conn.addGroup(s.group())
	if t.c.Sudo == "" {
		return nil
	}
	return t.awaitSudo()
}

// awaitSudo answers sudo until sudo has started the command, or has exited without starting it.
func (t *sudoDialog) awaitSudo() error {
	s := t.shell
	for asked := 0; ; {
		which, err := s.err.Until(t.out.Stderr, t.scripts.end, t.scripts.begin, t.scripts.ask)
		if err != nil {
			return err
		}
		switch which {
		case 0:
			return nil
		case 1:
			t.started = true
			close(t.begun)
			return nil
		}
		if asked++; asked > 1 {
			// Without stdin sudo gives up at once, and the outer script prints the end mark.
			t.wrong = true
			if err := s.proc.Stdin.Close(); err != nil && !errors.Is(err, io.EOF) {
				return err
			}
			continue
		}
		if err := feed(s.proc.Stdin, t.password+"\n"); err != nil {
			return err
		}
	}
}
