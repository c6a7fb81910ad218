package ssh

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"runbook/runtime/event"
)

// Run runs c and waits for its end. The status is an *ExitError when it isn't 0, unless c.AnyStatus; other errors
// are *TimeoutError, *LostError, *SudoError, why ctx ended, or why the host could not be reached. The Result holds
// what was printed until then, whatever the error.
//
// A command that goes on in the background must send its output elsewhere, or it ends up in that of a later one.
func (h *Host) Run(ctx context.Context, c Command) (Result, error) {
	ctx = h.context(ctx)
	for _, s := range c.Secrets {
		event.AddSecret(ctx, s)
	}
	if _, err := c.body(nil); err != nil {
		return Result{}, err
	}
	conn, err := h.connection(ctx)
	if err != nil {
		return Result{}, err
	}
	env := map[string]string{}
	maps.Copy(env, envOf(ctx, h))
	maps.Copy(env, c.Env)
	if a := agentOf(ctx); a != nil {
		path, err := conn.link.agentSocket(ctx)
		if err != nil {
			return Result{}, err
		}
		lent := conn.link.lenders().lend(ctx, a, h.Name())
		defer lent.end()
		env["SSH_AUTH_SOCK"] = path
	}
	body, err := c.body(env)
	if err != nil {
		return Result{}, err
	}
	program, err := c.program(env)
	if err != nil {
		return Result{}, err
	}
	r := &running{host: h, conn: conn, c: c, body: body, program: program, text: c.text(redactor(ctx)), out: newOutput(ctx, c)}
	return r.run(ctx)
}

// running is a command on its way.
type running struct {
	host    *Host
	conn    *connection
	c       Command
	body    string // see Command.body
	program string // see Command.program
	text    string
	out     *output

	code    int
	started bool // sudo, if any, let it run
}

func (r *running) run(ctx context.Context) (Result, error) {
	if !r.c.Quiet {
		event.Emit(ctx, event.Event{Kind: event.CommandBegun, Text: r.text})
	}
	began := time.Now()
	err := r.dispatch(ctx)
	r.out.flush()
	if err == nil {
		err = r.out.overflow()
	}
	stdout, stderr := r.out.text()
	result := Result{Code: r.code, OK: err == nil && r.code == 0, Stdout: stdout, Stderr: stderr, Seconds: time.Since(began).Seconds()}
	ended := event.Event{Kind: event.CommandEnded, Text: r.text, Seconds: result.Seconds}
	if err != nil {
		ended.Error, ended.Hint = err.Error(), event.Hint(err)
	} else {
		ended.Code = &result.Code
	}
	if !r.c.Quiet {
		event.Emit(ctx, ended)
	}
	if err == nil && r.code != 0 && !r.c.AnyStatus {
		err = &ExitError{Host: r.host.Name(), Command: r.text, Result: result, Tail: r.out.tail()}
	}
	return result, err
}

// dispatch chooses how to run the command: in the shell when it needs no input, else on a session of its own.
func (r *running) dispatch(ctx context.Context) error {
	password := ""
	if r.c.Sudo != "" {
		var err error
		if password, err = r.host.sudo(ctx, r.conn, r.c.Sudo); err != nil {
			return err
		}
	}
	if r.c.Stdin == nil && r.c.Input == nil && password == "" {
		return r.inShell(ctx)
	}
	return r.inSession(ctx, password)
}

// inShell runs the command in the long-lived shell.
func (r *running) inShell(ctx context.Context) error {
	if err := r.conn.turn.lock(ctx); err != nil {
		return err
	}
	defer r.conn.turn.unlock()
	s, err := r.conn.startedShell(ctx)
	if err != nil {
		return err
	}
	begin, end := newMark(), newMark()
	body, err := inShellBody(r.body, r.c.Sudo, begin)
	if err != nil {
		return err
	}
	script := s.release() + framed(body, r.program, end)
	run := s.drain(func() error {
		if err := feed(s.proc.stdin, script); err != nil {
			return err
		}
		return r.readStdout(s, end)
	}, func() error {
		_, err := r.readStderr(s, begin, end)
		return err
	})
	err = r.await(ctx, s, run)
	if err != nil {
		r.conn.shell = nil // the next command starts another
	}
	return err
}

// framed is the script of one command: a subshell with body, or program by itself, and then the marks.
//
// Where the connection dies in the middle of it, a shell would still do a line that has lost its end. It does nothing of what is in
// brackets that were not closed.
func framed(body, program, end string) string {
	command := "( " + body + "\n)"
	if program != "" {
		command = "{ " + program + "\n}"
	}
	return command + " </dev/null; printf '%s %s\\n' '" + end + "' \"$?\"; printf '%s' '" + end + "' >&2\n"
}

// readStdout reads a command's output and status.
func (r *running) readStdout(s *shell, end string) error {
	take := r.out.to(&r.out.stdout)
	if r.c.Output != nil {
		take = r.out.through(r.c.Output)
	}
	if _, err := s.out.until(take, end); err != nil {
		return err
	}
	word, err := s.out.word()
	if err != nil {
		return err
	}
	if _, err := fmt.Sscanf(word, "%d", &r.code); err != nil {
		return fmt.Errorf("the shell answered with %q in place of a status", word)
	}
	return nil
}

// readStderr reads a command's errors; the begin mark says that sudo has let it run.
func (r *running) readStderr(s *shell, begin, end string) (int, error) {
	take := r.out.to(&r.out.stderr)
	for {
		which, err := s.err.until(take, end, begin)
		if err != nil || which == 0 {
			return which, err
		}
		r.started = true
	}
}

// await waits for the command's end, or ends it.
func (r *running) await(ctx context.Context, s *shell, run *draining) error {
	cause := r.watch(ctx, run.done)
	if cause == nil {
		err := errors.Join(run.errs[:]...)
		switch {
		case err != nil:
			return r.broken(ctx, s, err)
		case r.c.Sudo != "" && !r.started:
			return r.host.sudoRefused(r.c.Sudo, r.out, r.code)
		}
		return nil
	}
	left := r.conn.endGroup(ctx, s, r.c.Sudo)
	s.settle(run, r.conn.link)
	var late *TimeoutError
	if errors.As(cause, &late) {
		late.Tail, late.Left = r.out.tail(), left
		return late
	}
	err := fmt.Errorf("%w while running: %s", cause, firstLine(r.text))
	if left != nil {
		err = fmt.Errorf("%w (it may still run: %w)", err, left)
	}
	return err
}

// broken is the error of streams that ended in the middle of a command.
func (r *running) broken(ctx context.Context, s *shell, err error) error {
	s.proc.close()
	select {
	case <-r.conn.link.done():
		err = r.conn.link.lost()
	case <-time.After(time.Second): // the shell alone is gone: something killed it, or the command did
		err = fmt.Errorf("the shell on the host ended: %w", err)
		if !s.begun() {
			break // it never was one of ours
		}
		if left := r.conn.endGroup(ctx, s, r.c.Sudo); left != nil {
			err = fmt.Errorf("%w; %w", err, left)
		}
	}
	return &LostError{Host: r.host.Name(), Command: r.text, Tail: r.out.tail(), Err: err}
}

// watch waits until done is closed, and returns nil then; or why the command has to be ended before.
func (r *running) watch(ctx context.Context, done <-chan struct{}) error {
	var total, idle <-chan time.Time
	if r.c.Timeout > 0 {
		t := time.NewTimer(r.c.Timeout)
		defer t.Stop()
		total = t.C
	}
	idleTimer := time.NewTimer(max(r.c.IdleTimeout, time.Millisecond))
	defer idleTimer.Stop()
	if r.c.IdleTimeout > 0 {
		idle = idleTimer.C
	}
	for {
		select {
		case <-done:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-total:
			return &TimeoutError{Host: r.host.Name(), Command: r.text, Limit: r.c.Timeout}
		case <-idle:
			rest := r.c.IdleTimeout - r.out.idle()
			if rest <= 0 {
				return &TimeoutError{Host: r.host.Name(), Command: r.text, Limit: r.c.IdleTimeout, Idle: true}
			}
			idleTimer.Reset(rest)
		}
	}
}
