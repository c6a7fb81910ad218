package shell

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"runbook/runtime/ssh"
	"runbook/runtime/ssh/shell/commandline"
	"runbook/runtime/ssh/shell/frame"
)

// resident reports whether the command runs in a shell that is started once and kept.
func (e *execution) resident() bool {
	return e.c.Resident && e.c.Stdin == nil && e.c.Input == nil
}

// runResident runs the command in a long-lived shell of the login user or of the user of sudo.
func (e *execution) runResident(ctx context.Context) error {
	at, err := e.conn.takeSeat(ctx, e.c.Sudo)
	if err != nil {
		return err
	}
	defer at.turn.Unlock()
	if at.shell == nil { // that of the user of sudo
		if at.shell, err = e.startResident(ctx); err != nil {
			return err
		}
	}
	e.started = true
	return e.runOn(ctx, at, e.body, frame.NewMark())
}

// takeSeat waits for the turn in a shell of a user of sudo, or of the login user for "". The login
// user has a second shell for what runs while the first one is busy: a recipe may wait in one
// function for what another one does. It is started only when it is needed, and it is not needed
// where the server refuses one more session.
func (c *connection) takeSeat(ctx context.Context, user string) (*seat, error) {
	second := c.seatOf(user)
	if user != "" {
		return second, second.turn.Lock(ctx)
	}
	select {
	case <-c.begun:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	at := &c.seat
	if !at.turn.TryLock() {
		select {
		case at.turn <- struct{}{}:
		case second.turn <- struct{}{}:
			at = second
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	err := c.ensureShell(ctx, at)
	if full := new(ssh.SessionError); at == second && errors.As(err, &full) {
		at.turn.Unlock()
		at = &c.seat
		if err = at.turn.Lock(ctx); err != nil {
			return nil, err
		}
		err = c.ensureShell(ctx, at)
	}
	if err != nil {
		at.turn.Unlock()
		return nil, err
	}
	return at, nil
}

// seatOf returns the seat of a user of sudo, or the second one of the login user for "".
func (c *connection) seatOf(user string) *seat {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.others[user] == nil {
		c.others[user] = &seat{turn: ssh.NewMutex()}
	}
	return c.others[user]
}

// startResident lets sudo start a shell that reads commands from the stdin of a session of its own.
func (e *execution) startResident(ctx context.Context) (*shell, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, shellLimit, fmt.Errorf("sudo started no shell within %v", shellLimit))
	defer cancel()
	password, err := e.host.sudoPassword(ctx, e.conn, e.c.Sudo)
	if err != nil {
		return nil, err
	}
	scripts, err := e.sessionScripts(password)
	if err != nil {
		return nil, err
	}
	p, err := e.conn.start(ctx, commandline.Script(len(scripts.outer)))
	if err != nil {
		return nil, err
	}
	t := &sudoDialog{execution: e, shell: newShell(p), scripts: scripts, password: password, begun: make(chan struct{})}
	reading := t.shell.readBoth(func() error { return feed(p.Stdin, scripts.outer) }, t.begin)
	select {
	case <-reading.done:
		err = errors.Join(reading.errs[:]...)
	case <-ctx.Done():
		t.shell.settle(reading, e.conn.link)
		err = context.Cause(ctx)
	case <-e.conn.link.Done():
		t.shell.settle(reading, e.conn.link)
		err = e.conn.link.Lost()
	}
	switch {
	case t.wrong && ctx.Err() == nil:
		err = e.host.wrongPassword(e.c.Sudo)
	case err == nil && !t.started:
		err = e.host.sudoRefused(e.c.Sudo, e.out, 1)
	}
	if err != nil {
		p.Close()
		e.conn.removeGroup(t.shell.group())
		return nil, err
	}
	_ = feed(p.Stdin, "\n") // see ensureShell
	return t.shell, nil
}

// endSeat ends the shell of a seat. The caller holds the seat's turn.
func (c *connection) endSeat(at *seat) {
	if at.shell == nil {
		return
	}
	at.shell.end(c.link)
	c.removeGroup(at.shell.group())
	at.shell = nil
}

// endIdle ends the shells that run nothing, except for the first of the login user.
func (c *connection) endIdle() {
	c.mu.Lock()
	seats := slices.Collect(maps.Values(c.others))
	c.mu.Unlock()
	for _, at := range seats {
		select {
		case at.turn <- struct{}{}:
			c.endSeat(at)
			at.turn.Unlock()
		default:
		}
	}
}
