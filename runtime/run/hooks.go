package run

import (
	"context"
	"time"

	"runbook/runtime/event"
	"runbook/runtime/script"
	"runbook/runtime/ssh"
)

type hookArgs struct {
	Timeout time.Duration   `lua:"timeout" doc:"how long it may take" default:"60s"`
	Fn      script.Callback `lua:"fn,arg" doc:"what to do; it gets the host" passes:"host"`
}

// hookPrimitives are host:defer and host:on_failure.
func (r *runner) hookPrimitives() []script.Primitive {
	keep := func(onFailure bool) func(context.Context, *ssh.Host, hookArgs) (script.None, error) {
		return func(ctx context.Context, h *ssh.Host, a hookArgs) (script.None, error) {
			limit := a.Timeout
			if limit == 0 {
				limit = hookLimit
			}
			f := r.root
			if inner, ok := ctx.Value(frameKey{}).(*frame); ok {
				f = inner
			}
			f.add(hook{host: h, fn: a.Fn, onFailure: onFailure, limit: limit, line: event.Line(ctx)})
			return script.None{}, nil
		}
	}
	return []script.Primitive{
		script.Func("defer", script.Pure, "Runs fn when this host's function ends, however it ends; last in, first out. "+
			"Outside of each: when the run ends. An interrupt does not stop it; a second one leaves it out.", keep(false)).
			With(`host:defer(function() host:run({ "rm", "-rf", scratch }) end)`),
		script.Func("on_failure", script.Pure, "Runs fn when this host's function ends in an error or an interrupt, before what "+
			"host:defer left.", keep(true)).
			With(`host:on_failure(function() host.fs:symlink(before, root .. "/current") end)`),
	}
}
