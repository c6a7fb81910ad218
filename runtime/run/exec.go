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
	"runbook/runtime/ssh/shell"
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

// Exec runs one command on every host, even if it fails on others. What the command prints
// are Output events. The error has all failures by host: StatusRefused when the command ran
// on no host, else StatusFailed. With a limit for unreachable hosts, all are connected to first,
// and more unreachable ones are a refusal.
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
	pool := shell.NewPool(stream, shell.Options{Options: reach, NoLocks: true})
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
	// The connection isn't needed any more: of many hosts only those being worked on keep one.
	return Join(locate(ctx, err), locate(ctx, h.Close()))
}
