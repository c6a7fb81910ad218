package shell

import (
	"context"
	"errors"
	"io"
	"time"

	"runbook/runtime/ssh/exit"
	"runbook/runtime/ssh/shell/commandline"
)

// directLine returns the command line for the login shell if the command is the only one on its
// host and needs no /bin/sh; "" for any other command. The server must be OpenSSH: awaitRest and
// endOthers rely on what it does.
func (e *execution) directLine(mark string) string {
	c := e.c
	alone := e.host.pool.opts.OneCommand && e.conn.link.OpenSSH() && e.host.umask() == ""
	simple := c.Cwd == "" && c.Sudo == "" && len(e.env) == 0 && len(c.Args) == 0 && !c.Pipefail
	if !alone || !simple || c.Stdin != nil || c.Input != nil || c.Output != nil {
		return ""
	}
	line, err := c.line()
	if err != nil {
		return ""
	}
	return commandline.Direct(line, mark)
}

// runDirect runs a command by directLine, in a session of its own.
func (e *execution) runDirect(ctx context.Context, line, mark string) error {
	if err := e.conn.turn.Lock(ctx); err != nil {
		return err
	}
	defer e.conn.turn.Unlock()
	e.conn.setDirect(true)
	defer e.conn.setDirect(false)
	p, err := e.conn.start(ctx, line)
	if err != nil {
		return err
	}
	s := newShell(p)
	reading := s.readBoth(func() error { return s.out.AfterLogin(mark, e.out.Stdout) },
		func() error { return s.err.AfterLogin(mark, e.out.Stderr) })
	done := make(chan struct{})
	var status exit.Status
	var exited bool
	go func() {
		defer close(done)
		if status, exited = <-p.Exit; exited {
			e.awaitRest(reading.done)
		}
		s.settle(reading, e.conn.link)
	}()
	cause := e.watch(ctx, done)
	if cause == nil && exited && errors.Join(reading.errs[:]...) == nil {
		e.code = status.Code
		if status.Signal != "" { // as a shell would say
			return e.out.Stderr([]byte("ended by signal " + status.Signal + "\n"))
		}
		return nil
	}
	left := e.conn.endOthers(ctx)
	s.settle(reading, e.conn.link)
	<-done
	if errors.Is(left, errNoOthers) && (exited || cause == nil) {
		left = nil
	}
	if cause != nil {
		return e.endedError(cause, left)
	}
	if err := errors.Join(reading.errs[:]...); err != nil {
		return errors.Join(startError(err, ""), left)
	}
	return e.lostError(ctx, s, errors.Join(io.EOF, left))
}

// setDirect records whether a command runs without a shell, for endAllGroups.
func (c *connection) setDirect(runs bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.direct = runs
}

// awaitRest waits for the end of the output of a command that has exited. A process that it left in
// the background may hold the streams open. So the output is over, too, when nothing came for a
// second although the host answers. If such a process goes on printing, the output is over when an
// answer shows that the network is fast: then nothing that the command printed is under way.
func (e *execution) awaitRest(done <-chan struct{}) {
	for began := time.Now(); ; {
		select {
		case <-done:
			return
		case <-time.After(time.Second):
		}
		asked := time.Now()
		if p, err := e.conn.link.Start(context.Background(), "exit"); err == nil { // a refusal is an answer too
			p.Close()
		}
		if e.out.Idle() >= time.Second || time.Since(began) > e.host.pool.rest && time.Since(asked) < time.Second {
			return
		}
	}
}
