// Package console is the Lua prompt: each input runs as a small recipe in one Lua state.
package console

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"runbook/runtime/event"
	"runbook/runtime/inventory"
	"runbook/runtime/inventory/selection"
	"runbook/runtime/recipe"
	"runbook/runtime/run"
	"runbook/runtime/script"
	"runbook/runtime/script/check"
	"runbook/runtime/script/source"
)

// typedPath is the name of the typed lines in errors, as if they were a file.
const typedPath = "console"

// Console runs Lua line by line. A host is connected to when it is first used, and stays connected.
type Console struct {
	world   *run.World
	session *script.Session
	stream  *event.Stream
	explain run.Explain
	began   time.Time
	first   int // the first line of what ran last
	reads   *readCounter
}

// Options configure a console.
type Options struct {
	Hosts          []inventory.Host // the global hosts
	KnownHosts     []string         // as in run.WorldOptions
	Names          *inventory.Names // likewise
	ConnectTimeout time.Duration
	Skip           selection.Limit // as in run.WorldOptions
	LockWait       time.Duration
	Yes            bool             // answer yes to confirmations
	Prompt         recipe.Prompt    // nil without a terminal
	Explain        run.Explain      // puts the error that ends the console into words, for the records
	Dir            string           // where require looks for files
	Settings       *recipe.Settings // for validate; may be nil
	Files          *source.Cache    // has the built-in files; may be nil
	Sink           event.Sink       // shows what happens, but not the output of calls that only read
	Records        []event.Sink     // get everything that happens
	Secrets        *event.Stream    // its secrets are redacted, too
}

// New makes a console. It has contacted nothing yet. The caller closes it.
func New(ctx context.Context, o Options) (*Console, error) {
	c := &Console{explain: o.Explain, began: time.Now(), reads: &readCounter{hosts: map[string]int{}}}
	c.stream = o.Secrets.To(append(slices.Clone(o.Records), &sinkWithoutReads{o.Sink, c.reads})...)
	event.Emit(event.WithStream(ctx, c.stream), run.Begun(typedPath, o.Hosts))
	var err error
	c.world, err = run.NewWorld(run.WorldOptions{
		Stream: c.stream, Hosts: o.Hosts, KnownHosts: o.KnownHosts, Names: o.Names, ConnectTimeout: o.ConnectTimeout,
		Skip: o.Skip, LockWait: o.LockWait, Yes: o.Yes, Prompt: o.Prompt, Interactive: true, OnRead: c.reads.begin,
		Settings: o.Settings, Files: o.Files,
	})
	if err != nil {
		return nil, run.Join(err, c.stream.Close())
	}
	ctx = event.WithStream(ctx, c.stream)
	if err := run.Join(c.world.SkipUnreachable(ctx), c.world.Unreachable()); err != nil {
		return nil, run.Join(run.WithStatus(err, run.StatusRefused), c.Close(err))
	}
	c.session = c.world.State().NewSession(typedPath, o.Dir)
	return c, nil
}

// Close ends all connections, and with them all locks on the hosts. failed is the error that ends
// the console, or nil.
func (c *Console) Close(failed error) error {
	ctx := event.WithStream(context.Background(), c.stream)
	err := c.world.Close(ctx, failed)
	event.Emit(ctx, run.Ended(c.began, run.Join(failed, err), c.explain))
	return run.Join(err, c.stream.Close())
}

// Run runs what was typed as a small recipe, with its hooks at the end, and returns its values in
// words. Secrets are redacted; the caller removes control characters before it shows the values to
// a person. hooks is as in run.Options. The error has an exit status.
func (c *Console) Run(ctx, hooks context.Context, text string) (values []string, err error) {
	c.first = c.session.Lines() + 1
	err = c.world.Do(event.WithStream(ctx, c.stream), hooks, func(ctx context.Context) (err error) {
		values, err = c.session.Run(ctx, text)
		return err
	})
	for i, v := range values {
		values[i] = c.stream.Hide(v)
	}
	return values, err
}

// Unfinished reports whether more lines may complete text.
func (c *Console) Unfinished(text string) bool { return c.session.Unfinished(text) }

// Complete returns the name being typed at the end of text, and the names that it may become.
func (c *Console) Complete(text string) (typed string, names []string) {
	return check.NewCompleter(c.session).Complete(text)
}

// Declared returns the name in the API of what is typed as text, such as host:run for h:run, or "".
func (c *Console) Declared(text string) string { return check.NewCompleter(c.session).Declared(text) }

// Stream returns the stream of the console's events, which knows its secrets.
func (c *Console) Stream() *event.Stream { return c.stream }

// IsWhole reports whether line, FILE:LINE, is all that ran last, so an error need not point to it.
func (c *Console) IsWhole(line string) bool {
	return c.first == c.session.Lines() && line == fmt.Sprintf("%s:%d", typedPath, c.first)
}

// readCounter counts the calls in progress that only read from a host.
type readCounter struct {
	mu    sync.Mutex
	hosts map[string]int
}

// begin counts a call on a host until end.
func (r *readCounter) begin(host string) (end func()) {
	r.add(host, 1)
	return func() { r.add(host, -1) }
}

func (r *readCounter) add(host string, n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hosts[host] += n
}

func (r *readCounter) isReading(host string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.hosts[host] > 0
}

// sinkWithoutReads leaves out the output of calls that only read.
type sinkWithoutReads struct {
	event.Sink
	reads *readCounter
}

// Event passes e on.
func (s *sinkWithoutReads) Event(e event.Event) {
	if e.Kind != event.Output || !s.reads.isReading(e.Host) {
		s.Sink.Event(e)
	}
}
