package run

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"runbook/runtime/event"
	"runbook/runtime/inventory"
	"runbook/runtime/script"
	"runbook/runtime/ssh"
)

// runner is a run under way.
type runner struct {
	opts         Options
	plan         *Plan
	pool         *ssh.Pool
	hosts        []*ssh.Host
	table        table
	root         *frame          // hooks outside of any each
	hooks        context.Context // ends at a second interrupt
	settings     *Settings       // how validate treats the project's files
	more         Extension       // what Lua has beside what recipes can use
	placeholders *placeholders   // what env and secret.* return instead of reading anything, or nil
	changed      atomic.Bool     // a primitive that changes something has begun

	recipe  func(context.Context, recipeArgs) (script.Proxy, error) // what recipe{ … } does
	here    *ssh.Host
	started bool // recipe{ … } was reached, or something that is not pure
	begun   sync.Once

	mu         sync.Mutex // guards what follows: the threads of hosts are side by side
	reachedOut bool       // the hosts were connected to, or it was tried
	asked      bool       // before that, this machine asked a git server
	missing    []error    // why hosts could not be connected to, in the hosts' order; nil for those that could
	unready    error      // the same as one error, or nil
	partly     bool       // the recipe goes on to look at the hosts that could be
	failed     []error    // of the hosts' functions and their hooks
	resume     resumption // what the recipe stated by resume
}

// keep remembers the failure of a host's function. The recipe may catch it, and after an interrupt Lua raises nothing
// but the interrupt, yet the admin must hear of a hook that failed.
func (r *runner) keep(err error) {
	if err != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.failed = append(r.failed, err)
	}
}

// Start runs the plan, with its events to stream, and returns when everything has ended: the recipe, its hooks
// and every connection. The error has the exit status that it means; stream is left open.
func (p *Plan) Start(ctx context.Context, stream *event.Stream) error {
	ctx = event.WithStream(ctx, stream)
	r := &runner{opts: p.opts, plan: p, settings: p.Recipe.settings, root: &frame{}, hooks: p.opts.Hooks}
	if r.hooks == nil {
		r.hooks = context.Background()
	}
	r.table = table{dry: p.opts.DryRun, changed: r.changed.Load}
	began := time.Now()
	event.Emit(ctx, p.begun())
	for _, n := range p.Notes {
		event.Emit(ctx, event.Event{Kind: event.Info, Text: n})
	}
	for _, w := range p.Warnings {
		event.Emit(ctx, event.Event{Kind: event.Warning, Text: w})
	}
	err := r.status(ctx, r.run(ctx))
	r.table.emit(ctx)
	ended := p.opts.ended(began, err)
	ended.Args = r.about()
	if err == nil {
		ended.Hint = r.rest()
	} else {
		ended.Hint = r.finish(ended.Hint, Status(err) == StatusInterrupted)
	}
	event.Emit(ctx, ended)
	return err
}

// ended is the last event of what began then and came to err.
func (o Options) ended(began time.Time, err error) event.Event {
	status := Status(err)
	e := event.Event{Kind: event.RunEnded, Seconds: time.Since(began).Seconds(), Code: &status}
	if err != nil {
		e.Error, e.Hint, e.Faults = err.Error(), event.Hint(err), faultsOf(err)
		if o.Explain != nil {
			e.Error, e.Hint = o.Explain(err)
		}
	}
	return e
}

// faultsOf are the failures in err for programs.
func faultsOf(err error) []event.Fault {
	var out []event.Fault
	for _, f := range Faults(err) {
		out = append(out, event.Fault{Host: f.Host, Step: f.Step, Line: f.Line, Message: f.Message, Command: f.Command, Code: f.Code, Hint: f.Hint})
	}
	return out
}

// begun is the first event.
func (p *Plan) begun() event.Event {
	e := begun(p.Recipe.Path, p.Hosts)
	e.Args, e.DryRun = p.args(), p.opts.DryRun
	return e
}

func begun(name string, hosts []inventory.Host) event.Event {
	e := event.Event{Kind: event.RunBegun, Text: name, By: me(), Version: event.Version}
	for _, h := range hosts {
		e.Hosts = append(e.Hosts, h.Name)
	}
	return e
}

// me is who runs runbook, as releases.log has it too: user@machine, as far as that is known.
func me() string {
	name := cmp.Or(os.Getenv("USER"), os.Getenv("LOGNAME"))
	if name == "" {
		if u, err := user.Current(); err == nil {
			name = u.Username
		}
	}
	machine, err := os.Hostname()
	if err != nil {
		machine = "unknown"
	}
	return name + "@" + machine
}

// args are the options as given, for the first event.
func (p *Plan) args() map[string]any {
	args := map[string]any{}
	for name := range p.opts.Given {
		args[name] = p.values.common[name]
	}
	return args
}

func (r *runner) run(ctx context.Context) (err error) {
	r.pool = newPool(r.opts)
	defer func() { err = joined(err, r.pool.Close()) }()
	for _, target := range r.plan.Hosts {
		r.hosts = append(r.hosts, r.pool.Host(target))
		r.table.expect(target.Name)
	}
	r.recipe = r.reached
	state, err := r.newState(script.StateOptions{Around: r.around, Assumed: r.assumed, Print: printed, Sources: r.plan.Recipe.sources}, r.hosts)
	if err != nil {
		return err
	}
	defer state.Close()
	ctx = withFrame(ctx, r.root)
	err = state.Run(ctx, r.plan.Recipe.Path)
	if err == nil {
		err = r.unready
	}
	hookErr := r.runHooks(ctx, r.root, err != nil)
	r.keep(hookErr)
	return joined(err, hookErr)
}

// inOrder are the failures of the hosts' functions in the hosts' order, whichever failed first.
func (r *runner) inOrder() []error {
	place := func(err error) int {
		name := Faults(err)[0].Host
		return slices.IndexFunc(r.hosts, func(h *ssh.Host) bool { return h.Name() == name })
	}
	return slices.SortedStableFunc(slices.Values(r.failed), func(a, b error) int { return cmp.Compare(place(a), place(b)) })
}

// status decides what a failure means for the exit status, and makes a failure of what the recipe passed over.
func (r *runner) status(ctx context.Context, err error) error {
	if err == nil && r.table.anyFailed() {
		return WithStatus(joined(append(r.inOrder(), errors.New("a host failed, and the recipe went on"))...), StatusFailed)
	}
	if err == nil {
		return nil
	}
	changed := r.changed.Load()
	if !changed { // whoever reads the table must find all hosts in it
		for _, h := range r.hosts {
			r.table.with(h.Name(), func(*row) {})
		}
	}
	switch {
	case errors.Is(context.Cause(ctx), ErrInterrupted):
		if len(r.failed) > 0 {
			err = joined(r.inOrder()...)
		}
		return WithStatus(err, StatusInterrupted)
	case changed:
		return WithStatus(err, StatusFailed)
	case !r.reachedOut && !r.asked:
		return Usage(err) // a mistake in the recipe or in what its options say, and no host was contacted
	}
	return WithStatus(err, StatusRefused)
}

// reached is recipe{ … } in a run: the options come back. The hosts are connected to when the recipe first does more than
// compute, so that it can refuse what the options say before any host is contacted.
func (r *runner) reached(_ context.Context, _ recipeArgs) (script.Proxy, error) {
	if r.started {
		return script.Proxy{}, errors.New("recipe{ … } must stand once, before anything that is done")
	}
	r.started = true
	return script.Proxy{Name: "options", Get: r.plan.values.get}, nil
}

// begin connects to all hosts, once.
func (r *runner) begin(ctx context.Context) {
	r.begun.Do(func() {
		r.started = true
		r.reachOut(ctx)
	})
}

func printed(ctx context.Context, text string) {
	event.Emit(ctx, event.Event{Kind: event.Printed, Text: text})
}

// newState makes the Lua world of a run.
func (r *runner) newState(opts script.StateOptions, hosts []*ssh.Host) (*script.State, error) {
	lib, err := r.library()
	if err != nil {
		return nil, err
	}
	state, err := lib.NewState(opts)
	if err != nil {
		return nil, err
	}
	r.here = r.pool.Localhost()
	err = joined(state.SetGlobal("hosts", hosts), state.SetGlobal("localhost", r.here))
	if err != nil {
		state.Close()
		return nil, fmt.Errorf("making the recipe's world: %w", err)
	}
	return state, nil
}

func hostObject() script.Object {
	return script.Object{Name: "host", Type: reflect.TypeFor[*ssh.Host](), Doc: "one server of the run, or this machine (localhost)"}
}
