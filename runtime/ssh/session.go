package ssh

import (
	"context"
	"errors"
	"io"
	"strings"
)

// inSession runs the command on a session of its own, so that it can be given input. password is for sudo, or "".
//
// The session's stdin carries, one after the other: the script of the outer shell, the password if sudo asks for it, the script
// that sudo starts, and the command's input. What sudo could take for its own is sent only when whoever reads it is seen to be there,
// so that none of it reaches the wrong reader.
func (r *running) inSession(ctx context.Context, password string) error {
	pid, begin, end, ask := newMark(), newMark(), newMark(), newMark()
	body := "( " + r.body + "\n)"
	input := r.c.Input
	if r.c.Stdin != nil {
		input = strings.NewReader(*r.c.Stdin)
	}
	inner := ""
	if r.c.Sudo != "" {
		user, err := Quote(r.c.Sudo)
		if err != nil {
			return err
		}
		inner = body
		how := "-n"
		if password != "" {
			how = "-S -p " + ask
		}
		wrapper, err := Quote("printf '%s' '" + begin + "' >&2; " + feedable(len(inner)))
		if err != nil {
			return err
		}
		body = "sudo " + how + " -u " + user + " -- /bin/sh -c " + wrapper
	}
	outer := "unset CDPATH; printf '%s' '" + pid + "' >&2; { " + probe + "; } >&2; " + body +
		"; printf '%s %s\\n' '" + end + "' \"$?\"; printf '%s' '" + end + "' >&2"

	p, err := r.conn.link.start(ctx, feedable(len(outer)))
	if err != nil {
		return err
	}
	s := newShell(p)
	begun := make(chan struct{}) // closed when the command itself may be fed
	stop := make(chan struct{})  // closed when nothing more is to be fed
	fed := make(chan struct{})
	conversation := &sudoTalk{running: r, shell: s, password: password, begun: begun}
	go func() { // the command need not read its input, so nobody waits for this
		defer close(fed)
		select {
		case <-begun:
			if feed(p.stdin, inner) == nil && input != nil {
				_, _ = io.CopyBuffer(struct{ io.Writer }{p.stdin}, struct{ io.Reader }{input}, make([]byte, piece)) // a part is what the command gets then
			}
			_ = p.stdin.Close() // it may be gone
		case <-stop:
		}
	}()
	run := s.drain(func() error {
		if err := feed(p.stdin, outer); err != nil {
			return err
		}
		if r.c.Sudo == "" {
			close(begun) // dd takes no byte too many, so the input may follow at once
		}
		return r.readStdout(s, end)
	}, func() error { return conversation.hold(pid, begin, end, ask) })
	err = r.await(ctx, s, run)
	if err == nil {
		r.conn.ended(s.group())
	}
	close(stop)
	p.close()
	<-fed
	if conversation.wrong && (err == nil || ctx.Err() == nil) {
		return r.host.wrongPassword(r.c.Sudo)
	}
	return err
}

// piece is how many bytes of a command's input are read at once.
const piece = 256 << 10

// sudoTalk is the reading of stderr of a session: the command's own errors and, before them, what sudo says.
type sudoTalk struct {
	*running
	shell    *shell
	password string
	begun    chan struct{}
	wrong    bool
}

func (t *sudoTalk) hold(pid, begin, end, ask string) error {
	s := t.shell
	said := noise("what the log-in prints before a command")
	if _, err := s.err.until(said.take, pid); err != nil {
		return err
	}
	word, err := s.err.word()
	if err != nil {
		return err
	}
	s.tell(word)
	t.conn.began(s.group())
	if t.c.Sudo == "" {
		_, err := t.readStderr(s, begin, end)
		return err
	}
	take := t.out.to(&t.out.stderr)
	for asked := 0; ; {
		which, err := s.err.until(take, end, begin, ask)
		if err != nil {
			return err
		}
		switch which {
		case 0:
			return nil
		case 1:
			t.started = true
			close(t.begun)
			_, err := t.readStderr(s, begin, end)
			return err
		}
		if asked++; asked > 1 {
			// Closing stdin makes sudo give up at once, and the outer shell says so.
			t.wrong = true
			if err := s.proc.stdin.Close(); err != nil && !errors.Is(err, io.EOF) {
				return err
			}
			continue
		}
		if err := feed(s.proc.stdin, t.password+"\n"); err != nil {
			return err
		}
	}
}
