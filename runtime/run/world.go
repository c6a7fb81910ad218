package run

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"runbook/runtime/event"
	"runbook/runtime/fs/overlay"
	"runbook/runtime/inventory"
	"runbook/runtime/inventory/selection"
	"runbook/runtime/onchange"
	"runbook/runtime/recipe"
	"runbook/runtime/run/choice"
	"runbook/runtime/run/preview"
	"runbook/runtime/script"
	"runbook/runtime/script/source"
	"runbook/runtime/ssh"
	"runbook/runtime/ssh/shell"
)

// World is a Lua state with hosts to work on, for a run, the console or a test of recipes.
type World struct {
	opts        WorldOptions
	stream      *event.Stream
	evaluation  *recipe.Evaluation
	pool        *shell.Pool
	hosts       []*shell.Host
	localhost   *shell.Host
	connections *connections
	table       *table
	hooks       *hookRunner
	resumer     resumer
	notes       onchange.Notes
	skipped     overlay.Overlay   // the changes of files that a dry run skips
	plan        preview.Collector // what a dry run skips, and what the recipe states about it
	changed     atomic.Bool       // a primitive that changes something has begun
	state       *script.State
}

// WorldOptions configure a world.
type WorldOptions struct {
	Stream         *event.Stream    // carries the events and redacts the secrets; required
	Hosts          []inventory.Host // the global hosts
	KnownHosts     []string         // known_hosts files for servers reached from the hosts; none for the default ones
	Names          *inventory.Names // what this machine calls repositories and git servers; may be nil
	ConnectTimeout time.Duration
	Skip           selection.Limit // how many unreachable hosts to go on without
	LockWait       time.Duration   // how long to wait for another run's lock
	Locks          func() bool     // whether hosts may be locked, see shell.Options
	DryRun         bool
	Yes            bool            // answer yes to confirmations
	Prompt         recipe.Prompt   // nil without a terminal
	Hooks          context.Context // as in Options
	BeforeStep     func(ctx context.Context, title string) error
	Steps          *choice.Choice // which steps run; nil for all
	Extension      Extension
	Settings       *recipe.Settings                       // for validate; may be nil
	Answers        *recipe.Answers                        // the secrets that reading the recipe asked for; may be nil
	Print          func(ctx context.Context, text string) // gets each printed line; nil makes events of them
	// Interactive is for a console. Each host is connected to when it is first used, and recipe{ …
	// } returns the defaults of its options. Otherwise recipe{ … } is an error.
	Interactive bool
	// OnRead is called before a call on a host that changes nothing, and what it returns is called
	// after it. Interactive only.
	OnRead func(host string) (done func())
	Files  *source.Cache // files that were read already; nil for none
}

var errNoRecipe = errors.New("recipe{ … } is for recipes, and this is not one")

// NewWorld makes a world without a run. It has contacted nothing yet. The caller closes it.
func NewWorld(o WorldOptions) (*World, error) {
	w := newWorld(o)
	opts := script.StateOptions{Intercept: locateErrors, Print: w.opts.Print, Files: o.Files}
	if o.Interactive {
		w.evaluation.Declare, opts.Intercept = w.declareDefaults, w.connectAtFirstUse
	}
	if err := w.open(opts); err != nil {
		return nil, Join(err, w.pool.Close())
	}
	return w, nil
}

// newWorld makes a world that has no Lua state yet, see open.
func newWorld(o WorldOptions) *World {
	if o.Hooks == nil {
		o.Hooks = context.Background()
	}
	if o.BeforeStep == nil {
		o.BeforeStep = func(context.Context, string) error { return nil }
	}
	if o.Print == nil {
		o.Print = emitPrinted
	}
	w := &World{opts: o, stream: o.Stream, resumer: noResumer{}, hooks: &hookRunner{skip: o.Hooks, root: &frame{}}}
	noRecipe := func(context.Context, recipe.Declaration) (script.Proxy, error) { return script.Proxy{}, errNoRecipe }
	w.evaluation = &recipe.Evaluation{Stream: o.Stream, Declare: noRecipe, Settings: o.Settings, Answers: o.Answers,
		Prompt: o.Prompt}
	name, machine := inventory.Operator()
	reach := ssh.Options{ConnectTimeout: o.ConnectTimeout, Prompt: o.Prompt}
	w.notes = onchange.Notes{By: name + " from " + machine, DryRun: o.DryRun}
	w.pool = shell.NewPool(o.Stream, shell.Options{Options: reach, Operator: w.notes.By, LockWait: o.LockWait,
		Locks: o.Locks, DryRun: o.DryRun})
	w.localhost = w.pool.Localhost()
	w.table = &table{dryRun: o.DryRun, changed: w.changed.Load}
	w.connections = &connections{table: w.table, limit: o.Skip}
	w.setHosts(o.Hosts)
	return w
}

func (w *World) setHosts(targets []inventory.Host) {
	w.opts.Hosts, w.hosts = targets, make([]*shell.Host, len(targets))
	for i, target := range targets {
		w.hosts[i] = w.pool.Host(target)
	}
	w.connections.hosts = w.hosts
	w.table.reserve(w.hosts)
}

// open makes the Lua state.
func (w *World) open(opts script.StateOptions) error {
	lib, err := w.library()
	if err != nil {
		return err
	}
	if w.state, err = lib.NewState(w.stream, opts); err != nil {
		return err
	}
	if err := Join(w.setLists(), w.state.SetGlobal("localhost", w.localhost),
		w.state.SetGlobal("dry_run", w.opts.DryRun)); err != nil {
		w.state.Close()
		return fmt.Errorf("preparing Lua: %w", err)
	}
	return nil
}

// setLists sets the globals hosts and skipped.
func (w *World) setLists() error {
	present, skipped := w.connections.split()
	return Join(w.state.SetGlobal("hosts", present), w.state.SetGlobal("skipped", skipped))
}

// SkipUnreachable connects to all hosts, if there is a limit for unreachable ones, and removes
// these from the global hosts. It must be called before any Lua uses them, so that a run never sees
// the skipped hosts.
func (w *World) SkipUnreachable(ctx context.Context) error {
	if !w.opts.Skip.IsSet() || len(w.hosts) == 0 {
		return nil
	}
	return w.openConnections(ctx)
}

func (w *World) openConnections(ctx context.Context) error {
	w.connections.open(ctx)
	return w.setLists()
}

// Unreachable returns why hosts that are not skipped can't be reached, or nil.
func (w *World) Unreachable() error { return w.connections.err() }

// locateErrors wraps every primitive that is not pure. It adds the host and step to an error.
func locateErrors(ctx context.Context, call script.Call, next func() (any, error)) (any, error) {
	result, err := next()
	return result, locate(withReceiver(ctx, call), err)
}

// connectAtFirstUse is locateErrors for a console: it connects to the host that the call is on.
func (w *World) connectAtFirstUse(ctx context.Context, call script.Call, next func() (any, error)) (any, error) {
	if call.Name == "connect" {
		if err := w.openConnections(ctx); err != nil {
			return nil, err
		}
	}
	w.connections.markTried()
	ctx = withReceiver(ctx, call)
	if h, ok := call.Receiver.(*shell.Host); ok {
		if err := connectHost(ctx, h); err != nil {
			return nil, err
		}
		if call.Effect == script.Reads && w.opts.OnRead != nil {
			defer w.opts.OnRead(h.Name())()
		}
	}
	if call.Effect == script.Changes {
		w.changed.Store(true)
	}
	result, err := w.notes.Call(ctx, call, next)
	err = locate(ctx, err)
	recordInterrupt(ctx, err)
	return result, err
}

// declareDefaults implements recipe{ … } in a console, so that lines of a recipe can be tried
// there.
func (w *World) declareDefaults(_ context.Context, d recipe.Declaration) (script.Proxy, error) {
	options, err := d.Parse()
	if err != nil {
		return script.Proxy{}, err
	}
	v, err := recipe.NewValues(options, nil, w.opts.Hosts)
	return script.Proxy{Name: "options", Get: v.Get}, err
}

// State returns the Lua state.
func (w *World) State() *script.State { return w.state }

// Connect replaces the global hosts and connects to them.
func (w *World) Connect(ctx context.Context, targets []inventory.Host) ([]*shell.Host, error) {
	w.setHosts(targets)
	if err := Join(w.connections.connect(ctx)...); err != nil {
		return nil, err
	}
	return w.hosts, w.setLists()
}

// RunFile runs a Lua file to its end.
func (w *World) RunFile(ctx context.Context, path string) error {
	return w.notes.During(ctx, func(ctx context.Context) error { return w.state.Run(ctx, path) })
}

// Do runs fn as a small run of its own: it also runs the hooks that fn registers, and its error has
// an exit status. hooks is as in Options.
func (w *World) Do(ctx, hooks context.Context, fn func(context.Context) error) error {
	f := &frame{}
	w.hooks.skip = hooks
	w.table.reset()
	err := f.locateInterrupt(w.notes.During(withFrame(ctx, f), fn))
	return w.withStatus(ctx, Join(err, w.hooks.run(ctx, f, err)), w.connections.wereTried())
}

// withStatus attaches the exit status to err, and turns failures that the recipe caught into an
// error. contacted says whether a host or a git server was contacted.
func (w *World) withStatus(ctx context.Context, err error, contacted bool) error {
	if err == nil && w.table.anyFailed() {
		return WithStatus(Join(append(w.table.sortedErrors(), errors.New("a host failed, but the recipe "+
			"continued"))...), StatusFailed)
	}
	if err == nil {
		return nil
	}
	changed := w.changed.Load()
	if !changed { // the table of a run that changed nothing lists all hosts
		for _, h := range w.hosts {
			w.table.list(h.Name())
		}
	}
	switch {
	case errors.Is(context.Cause(ctx), ErrInterrupted):
		if errs := w.table.sortedErrors(); len(errs) > 0 {
			err = Join(errs...)
		}
		return WithStatus(err, StatusInterrupted)
	case changed:
		return WithStatus(err, StatusFailed)
	case !contacted:
		return Usage(err) // a mistake in the recipe or in the values of its options
	}
	return WithStatus(err, StatusRefused)
}

// Close runs the hooks registered outside of any each, closes all connections and frees the Lua
// state. failure is the error of the work in this world, or nil.
func (w *World) Close(ctx context.Context, failure error) error {
	defer w.state.Close()
	return Join(w.hooks.run(ctx, w.hooks.root, failure), w.pool.Close())
}
