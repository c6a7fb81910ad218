package run

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"runbook/runtime/event"
	"runbook/runtime/script"
	"runbook/runtime/ssh"
)

type eachArgs struct {
	Hosts  []*ssh.Host     `lua:"hosts,arg" doc:"the hosts, such as the global hosts"`
	AtOnce int             `lua:"at_once" doc:"how many hosts to do at the same time" default:"1"`
	Fn     script.Callback `lua:"fn,arg" doc:"what to do on each; it gets the host" passes:"host"`
}

func (r *runner) eachPrimitive() script.Primitive {
	return script.Func("each", script.Reads, "Does fn for every host, one after the other unless at_once says more. "+
		"After a failure no further host is begun; those that are running finish, and all failures are raised together.", r.each).
		With("each(hosts, { at_once = 10 }, function(host)\n  host:run(\"uptime\")\nend)")
}

// each runs fn for every host on a Lua thread of its own.
func (r *runner) each(ctx context.Context, _ script.None, a eachArgs) (script.None, error) {
	if a.AtOnce < 1 {
		return script.None{}, fmt.Errorf("at_once: want at least 1, got %d", a.AtOnce)
	}
	for _, h := range a.Hosts {
		r.table.plan(h.Name())
	}
	var (
		wg     sync.WaitGroup
		places = make(chan struct{}, a.AtOnce)
		failed = make(chan struct{}) // closed by the first failure
		once   sync.Once
		errs   = make([]error, len(a.Hosts)) // by place, so that the report has the hosts' order
	)
	for i, h := range a.Hosts {
		select {
		case places <- struct{}{}:
		case <-ctx.Done():
		}
		if ctx.Err() != nil || isClosed(failed) {
			break
		}
		wg.Go(func() {
			defer func() { <-places }()
			if errs[i] = r.onHost(ctx, h, a.Fn); errs[i] != nil {
				once.Do(func() { close(failed) })
			}
		})
	}
	wg.Wait()
	if err := joined(errs...); err != nil {
		return script.None{}, err
	}
	return script.None{}, context.Cause(ctx)
}

// onHost does one host's function and what it left for its end.
func (r *runner) onHost(ctx context.Context, h *ssh.Host, fn script.Callback) error {
	ctx = event.WithHost(ctx, h.Name())
	f := &frame{}
	began := time.Now()
	r.table.begin(h.Name())
	event.Emit(ctx, event.Event{Kind: event.HostBegun})
	_, err := fn.Thread(withFrame(ctx, f), h)
	err = locate(ctx, f.placed(err))
	if err != nil {
		r.table.fail(h.Name(), err)
	}
	hookErr := r.runHooks(withFrame(ctx, f), f, err != nil)
	if err == nil && hookErr != nil {
		r.table.fail(h.Name(), hookErr)
	}
	err = joined(err, hookErr)
	r.keep(err)
	took := time.Since(began)
	r.table.end(h.Name(), took)
	ended := event.Event{Kind: event.HostEnded, Seconds: took.Seconds(), State: r.table.state(h.Name())}
	if err != nil {
		ended.Error = headline(err)
	}
	event.Emit(ctx, ended)
	return err
}

// headline is an error in one line, for progress; the whole comes at the end.
func headline(err error) string {
	faults := Faults(err)
	f := faults[0]
	text, _, _ := strings.Cut(f.Message, "\n")
	if f.Code != nil {
		command, _, more := strings.Cut(strings.TrimSpace(f.Command), "\n")
		if more {
			command += " …"
		}
		text = fmt.Sprintf("%s: exit status %d", command, *f.Code)
	}
	if errors.Is(err, ErrInterrupted) {
		text = ErrInterrupted.Error()
	}
	if len(faults) > 1 {
		text += fmt.Sprintf(" (and %d more)", len(faults)-1)
	}
	return text
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
