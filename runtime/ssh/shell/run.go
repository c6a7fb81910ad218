package shell

import (
	"context"
	"errors"
	"fmt"
	"time"

	"runbook/runtime/event"
	"runbook/runtime/ssh/shell/commandline"
	"runbook/runtime/ssh/shell/frame"
	"runbook/runtime/ssh/shell/output"
)

// runOnce is Run without retries. The context has the host.
func (h *Host) runOnce(ctx context.Context, c Command) (Result, error) {
	h.Hide(c.Secrets)
	if _, err := c.body(nil); err != nil { // before anything is contacted
		return Result{}, err
	}
	conn, err := h.connection(ctx)
	if err != nil {
		return Result{}, err
	}
	env, release, err := h.environment(ctx, conn, c.Env)
	if err != nil {
		return Result{}, err
	}
	defer release()
	body, err := c.body(env)
	if err != nil {
		return Result{}, err
	}
	program, err := c.program(env)
	if err != nil {
		return Result{}, err
	}
	e := &execution{host: h, conn: conn, c: c, env: env, body: body, program: program}
	e.text, e.out = c.text(h.pool.stream.Redact), newOutput(ctx, h, c)
	return e.run(ctx)
}

func newOutput(ctx context.Context, h *Host, c Command) *output.Collector {
	return output.New(ctx, h.pool.stream, output.Options{Max: c.Max, Quiet: c.Quiet || c.Explain != nil,
		ShowOnly: c.ShowOnly})
}

// execution is one run of a command.
type execution struct {
	host    *Host
	conn    *connection
	c       Command
	env     map[string]string // all variables of c
	body    string            // see Command.body
	program string            // see Command.program
	text    string            // see Command.text
	out     *output.Collector

	code    int
	started bool // sudo, if any, has started the command
}

func (e *execution) run(ctx context.Context) (Result, error) {
	if !e.c.Quiet {
		event.Emit(ctx, event.Event{Kind: event.CommandBegun, Text: e.text})
	}
	began := time.Now()
	err := e.dispatch(ctx)
	e.out.Flush()
	if err == nil {
		err = e.out.CheckLimits()
	}
	result := Result{Code: e.code, OK: err == nil && e.code == 0, Seconds: time.Since(began).Seconds()}
	result.Stdout, result.Stderr = e.out.Text()
	ended := event.Event{Kind: event.CommandEnded, Text: e.text, Seconds: result.Seconds}
	failed := err == nil && e.code != 0
	if err == nil {
		ended.Code = &result.Code
	}
	if failed && e.c.Explain != nil {
		err = e.c.Explain(result)
	}
	if err != nil {
		ended.Error, ended.Hint = err.Error(), event.Hint(err)
	}
	if !e.c.Quiet {
		event.Emit(ctx, ended)
	}
	if failed && err == nil && !e.c.accepts(e.code) {
		err = &ExitError{Host: e.host.Name(), Command: e.text, Result: result, Tail: e.out.Tail()}
	}
	return result, err
}

// dispatch runs the command in a long-lived shell, or in a session of its own if it needs input.
func (e *execution) dispatch(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if e.resident() {
		return e.runResident(ctx)
	}
	password := ""
	if e.c.Sudo != "" {
		var err error
		if password, err = e.host.sudoPassword(ctx, e.conn, e.c.Sudo); err != nil {
			return err
		}
	}
	mark := frame.NewMark()
	if line := e.directLine(mark); line != "" {
		return e.runDirect(ctx, line, mark)
	}
	if e.c.Stdin == nil && e.c.Input == nil && password == "" {
		return e.runInShell(ctx)
	}
	return e.runInSession(ctx, password)
}

// runInShell runs the command in a long-lived shell of the login user.
func (e *execution) runInShell(ctx context.Context) error {
	at, err := e.conn.takeSeat(ctx, "")
	if err != nil {
		return err
	}
	defer at.turn.Unlock()
	begin := frame.NewMark()
	body, err := commandline.WithSudo(e.host.umask(), e.body, e.c.Sudo, begin)
	if err != nil {
		return err
	}
	return e.runOn(ctx, at, body, begin)
}

// runOn runs the body of the command in the shell of a seat. The caller holds the seat's turn.
func (e *execution) runOn(ctx context.Context, at *seat, body, begin string) error {
	s := at.shell
	end, umask, script := frame.NewMark(), e.host.umask(), ""
	if umask != s.umask {
		script += umask
		s.umask = umask
	}
	script += frame.Command(body, e.program, end)
	began := time.Now()
	reading := s.readBoth(func() error {
		if err := feed(s.proc.Stdin, script); err != nil {
			return err
		}
		return e.readStdout(s, end)
	}, func() error { return e.readStderr(s, begin, end) })
	err := e.wait(ctx, s, reading)
	if err != nil {
		at.shell = nil // the next command starts another
		return err
	}
	took := int64(time.Since(began))
	if trip := e.host.trip.Load(); trip == 0 || took < trip {
		e.host.trip.Store(took)
	}
	return nil
}

// readStdout reads a command's output and status.
func (e *execution) readStdout(s *shell, end string) error {
	take := e.out.Stdout
	if e.c.Output != nil {
		take = e.out.PassThrough(e.c.Output)
	}
	if _, err := s.out.Until(take, end); err != nil {
		return err
	}
	line, err := s.out.Line()
	if err != nil {
		return err
	}
	if _, err := fmt.Sscanf(line, "%d", &e.code); err != nil {
		return fmt.Errorf("the shell answered with %q instead of a status", line)
	}
	return nil
}

// readStderr reads a command's errors. The begin mark shows that sudo has started the command.
func (e *execution) readStderr(s *shell, begin, end string) error {
	for {
		which, err := s.err.Until(e.out.Stderr, end, begin)
		if err != nil || which == 0 {
			return err
		}
		e.started = true
	}
}

// wait waits for the end of the command. At a timeout, or when ctx ends, it ends the command.
func (e *execution) wait(ctx context.Context, s *shell, reading *reading) error {
	cause := e.watch(ctx, reading.done)
	if cause == nil {
		err := errors.Join(reading.errs[:]...)
		switch {
		case err != nil:
			return e.lostError(ctx, s, err)
		case e.c.Sudo != "" && !e.started:
			return e.host.sudoRefused(e.c.Sudo, e.out, e.code)
		}
		return nil
	}
	left := e.conn.endShellGroup(ctx, s, e.c.Sudo)
	s.settle(reading, e.conn.link)
	return e.endedError(cause, left)
}

// endedError returns the error of a command that was ended. left says why it may still run, or is nil.
func (e *execution) endedError(cause, left error) error {
	var late *TimeoutError
	if errors.As(cause, &late) {
		late.Tail, late.Left = e.out.Tail(), left
		return late
	}
	err := fmt.Errorf("%w while running: %s", cause, firstLine(e.text))
	if left != nil {
		err = fmt.Errorf("%w (it may still run: %w)", err, left)
	}
	return err
}

// lostError returns the error of streams that ended in the middle of a command.
func (e *execution) lostError(ctx context.Context, s *shell, err error) error {
	s.proc.Close()
	select {
	case <-e.conn.link.Done():
		err = e.conn.link.Lost()
	case <-time.After(time.Second): // the shell alone is gone: something killed it, perhaps the command
		err = fmt.Errorf("the shell on the host ended: %w", err)
		if !s.identified() {
			break // it started nothing
		}
		if left := e.conn.endShellGroup(ctx, s, e.c.Sudo); left != nil {
			err = fmt.Errorf("%w; %w", err, left)
		}
	}
	return &LostError{Host: e.host.Name(), Command: e.text, Tail: e.out.Tail(), Err: err}
}

// watch waits until done is closed and returns nil. If the command must be ended before, it returns
// the reason.
func (e *execution) watch(ctx context.Context, done <-chan struct{}) error {
	var total, idle <-chan time.Time
	if e.c.Timeout > 0 {
		t := time.NewTimer(e.c.Timeout)
		defer t.Stop()
		total = t.C
	}
	idleTimer := time.NewTimer(max(e.c.IdleTimeout, time.Millisecond))
	defer idleTimer.Stop()
	if e.c.IdleTimeout > 0 {
		idle = idleTimer.C
	}
	for {
		select {
		case <-done:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-total:
			return &TimeoutError{Host: e.host.Name(), Command: e.text, Limit: e.c.Timeout}
		case <-idle:
			rest := e.c.IdleTimeout - e.out.Idle()
			if rest <= 0 {
				return &TimeoutError{Host: e.host.Name(), Command: e.text, Limit: e.c.IdleTimeout, Idle: true}
			}
			idleTimer.Reset(rest)
		}
	}
}
