package run

import (
	"context"
	"sync/atomic"
	"time"

	"runbook/runtime/event"
	"runbook/runtime/inventory"
	"runbook/runtime/ssh"
)

// ExecOptions say what to run on every host.
type ExecOptions struct {
	Hosts   []inventory.Host
	Name    string   // what the events call it, in place of a recipe
	Script  string   // a text for /bin/sh, or
	Argv    []string // a command and its arguments, which are quoted
	AtOnce  int      // how many hosts at the same time
	Options Options  // Inventory.ConnectTimeout, Prompt and Explain count
}

// Exec runs one command on every host, whatever becomes of it on the others. What it prints are Output events.
// The error holds all failures by host: StatusRefused when it ran on none, else StatusFailed.
func Exec(ctx context.Context, stream *event.Stream, o ExecOptions) error {
	ctx = event.WithStream(ctx, stream)
	began := time.Now()
	event.Emit(ctx, begun(o.Name, o.Hosts))
	err := execute(ctx, o)
	event.Emit(ctx, o.Options.ended(began, err))
	return err
}

func execute(ctx context.Context, o ExecOptions) (err error) {
	pool := ssh.NewPool(ssh.PoolOptions{ConnectTimeout: o.Options.Inventory.ConnectTimeout, Prompt: o.Options.Prompt, NoLocks: true})
	defer func() { err = joined(err, pool.Close()) }()
	var ran atomic.Int64
	errs := forAll(o.Hosts, o.AtOnce, func(target inventory.Host) error {
		ctx := event.WithHost(ctx, target.Name)
		if ctx.Err() != nil {
			return locate(ctx, context.Cause(ctx))
		}
		began := time.Now()
		event.Emit(ctx, event.Event{Kind: event.HostBegun})
		err := o.on(ctx, pool.Host(target), &ran)
		ended := event.Event{Kind: event.HostEnded, Seconds: time.Since(began).Seconds(), State: "done"}
		if err != nil {
			ended.State, ended.Error = "failed", headline(err)
		}
		event.Emit(ctx, ended)
		return err
	})
	err = joined(errs...)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return WithStatus(err, StatusInterrupted)
	case ran.Load() == 0:
		return WithStatus(err, StatusRefused)
	}
	return WithStatus(err, StatusFailed)
}

// on runs the command on one host.
func (o ExecOptions) on(ctx context.Context, h *ssh.Host, ran *atomic.Int64) error {
	if err := h.Connect(ctx); err != nil {
		return locate(ctx, err)
	}
	ran.Add(1)
	_, err := h.Run(ctx, ssh.Command{Script: o.Script, Argv: o.Argv, ShowOnly: true})
	// Nothing more is asked of it: of many hosts only those that are at work have a connection.
	return joined(locate(ctx, err), locate(ctx, h.Close()))
}

func newPool(o Options) *ssh.Pool {
	return ssh.NewPool(ssh.PoolOptions{ConnectTimeout: o.Inventory.ConnectTimeout, LockWait: o.LockWait, Prompt: o.Prompt})
}
