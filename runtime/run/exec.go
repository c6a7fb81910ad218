package run

import (
	"context"
	"sync/atomic"
	"time"

	"runbook/runtime/event"
	"runbook/runtime/inventory"
	"runbook/runtime/inventory/selection"
	"runbook/runtime/recipe"
	"runbook/runtime/ssh"
	"runbook/runtime/ssh/interactive"
	"runbook/runtime/ssh/shell"
	"runbook/runtime/ssh/shell/typed"
)

// ExecOptions configure a command to run on every host.
type ExecOptions struct {
	Hosts          []inventory.Host
	Name           string                      // what the events call it, instead of a recipe
	Script         string                      // text for /bin/sh, or
	Argv           []string                    // a command and its arguments, which are quoted
	AtOnce         int                         // how many hosts at the same time, at least 1
	ConnectTimeout time.Duration               // as in inventory.Options
	Skip           selection.Limit             // how many unreachable hosts to go on without
	Prompt         recipe.Prompt               // nil without a terminal
	Explain        Explain                     // words a failure for the last event; nil takes the error's own words
	Later          func(hosts []string) string // builds the command line for skipped hosts; nil builds none
}

// Exec runs one command on every host, even if it fails on others. What the command prints are
// Output events. The error has all failures by host: StatusRefused when the command ran on no host,
// else StatusFailed. With a limit for unreachable hosts, Exec first connects to all, and refuses to
// run if more are unreachable.
func Exec(ctx context.Context, stream *event.Stream, o ExecOptions) error {
	ctx = event.WithStream(ctx, stream)
	began := time.Now()
	event.Emit(ctx, Begun(o.Name, o.Hosts))
	skipped, err := o.exec(ctx, stream)
	ended := Ended(began, err, o.Explain)
	ended.Hosts = skipped
	if err == nil && len(skipped) > 0 && o.Later != nil {
		ended.Hint = LaterHint(o.Later(skipped))
	}
	event.Emit(ctx, ended)
	return err
}

func (o ExecOptions) exec(ctx context.Context, stream *event.Stream) (skipped []string, err error) {
	reach := ssh.Options{ConnectTimeout: o.ConnectTimeout, Prompt: o.Prompt}
	pool := shell.NewPool(stream, shell.Options{Options: reach, OneCommand: true})
	defer func() { err = Join(err, pool.Close()) }()
	hosts := make([]*shell.Host, len(o.Hosts))
	for i, target := range o.Hosts {
		hosts[i] = pool.Host(target)
	}
	if o.Skip.IsSet() {
		c := &connections{hosts: hosts, table: &table{}, limit: o.Skip}
		c.open(ctx)
		if err := c.err(); err != nil {
			return nil, o.withStatus(ctx, err, StatusRefused)
		}
		hosts, _ = c.split()
		skipped = c.skippedNames()
	}
	var ran atomic.Bool
	err = Join(forEach(hosts, o.AtOnce, func(_ int, h *shell.Host) error {
		ctx := event.WithHost(ctx, h.Name())
		if ctx.Err() != nil {
			return locate(ctx, context.Cause(ctx))
		}
		began := time.Now()
		event.Emit(ctx, event.Event{Kind: event.HostBegun})
		err := o.onHost(ctx, h, &ran)
		ended := event.Event{Kind: event.HostEnded, Seconds: time.Since(began).Seconds(), State: "done"}
		if err != nil {
			ended.State, ended.Error = "failed", headline(err)
		}
		event.Emit(ctx, ended)
		return err
	})...)
	if !ran.Load() {
		return skipped, o.withStatus(ctx, err, StatusRefused)
	}
	return skipped, o.withStatus(ctx, err, StatusFailed)
}

// withStatus attaches a status to err, or that of an interrupt.
func (o ExecOptions) withStatus(ctx context.Context, err error, status int) error {
	if ctx.Err() != nil {
		status = StatusInterrupted
	}
	return WithStatus(err, status)
}

func (o ExecOptions) onHost(ctx context.Context, h *shell.Host, ran *atomic.Bool) error {
	if err := h.Connect(ctx); err != nil {
		return locate(ctx, err)
	}
	ran.Store(true)
	_, err := h.Run(ctx, shell.Command{Script: o.Script, Argv: o.Argv, ShowOnly: true})
	// With many hosts, only those being worked on keep a connection open.
	return Join(locate(ctx, err), locate(ctx, h.Close()))
}

// SessionOptions configure a session on one host, for a person or for a command.
type SessionOptions struct {
	interactive.Options // the streams; Line is built from the fields below
	Host                inventory.Host
	Folder              string        // where it begins on the host, if the folder exists; "" for the home
	Script              string        // text for /bin/sh, or
	Argv                []string      // a command and its arguments, which are quoted; neither starts the login shell
	ConnectTimeout      time.Duration // as in inventory.Options
	Prompt              recipe.Prompt // nil without a terminal
	Explain             Explain       // as in ExecOptions
}

// Session runs a session on one host and returns the exit status of what ran in it. The events
// record who was on which host and for how long, but nothing of what went over the streams. The
// error has an exit status: StatusRefused if there was no session.
func Session(ctx context.Context, stream *event.Stream, o SessionOptions) (code int, err error) {
	ctx = event.WithStream(ctx, stream)
	began := time.Now()
	event.Emit(ctx, Begun("ssh "+o.Host.Name, []inventory.Host{o.Host}))
	code, err = o.connect(event.WithHost(ctx, o.Host.Name), stream)
	event.Emit(ctx, Ended(began, err, o.Explain))
	return code, err
}

// connect logs in and runs the session.
func (o SessionOptions) connect(ctx context.Context, stream *event.Stream) (code int, err error) {
	dialer := ssh.NewDialer(stream, ssh.Options{ConnectTimeout: o.ConnectTimeout, Prompt: o.Prompt})
	defer func() { err = Join(err, dialer.Close()) }()
	conn, err := dialer.Dial(ctx, o.Host)
	if err != nil {
		return 0, ExecOptions{}.withStatus(ctx, locate(ctx, &unreachableError{err}), StatusRefused)
	}
	defer func() { err = Join(err, conn.Close()) }()
	title := "login shell"
	switch {
	case o.Argv != nil:
		title = typed.Line(o.Argv, stream.Redact)
	case o.Script != "":
		title = o.Script
	}
	if o.Line, err = o.line(); err != nil {
		return 0, Usage(err)
	}
	event.Emit(ctx, event.Event{Kind: event.CommandBegun, Text: title})
	began := time.Now()
	code, err = interactive.Run(ctx, conn, o.Options)
	ended := event.Event{Kind: event.CommandEnded, Text: title, Seconds: time.Since(began).Seconds()}
	if err != nil {
		ended.Error = headline(err)
	} else {
		ended.Code = &code
	}
	event.Emit(ctx, ended)
	return code, ExecOptions{}.withStatus(ctx, locate(ctx, err), StatusFailed)
}

// line returns a command line that means the same in every login shell.
func (o SessionOptions) line() (string, error) {
	command := o.Script
	if o.Argv != nil {
		words, err := ssh.QuoteAll(o.Argv)
		if err != nil {
			return "", err
		}
		command = words
	}
	if command == "" && o.Folder == "" {
		return "", nil
	}
	if command == "" {
		command = `exec "${SHELL:-/bin/sh}" -l`
	}
	if o.Folder != "" {
		dir, err := ssh.Quote(o.Folder)
		if err != nil {
			return "", err
		}
		command = "cd -- " + dir + " 2>/dev/null; " + command
	}
	return ssh.QuoteAll([]string{"/bin/sh", "-c", command})
}
