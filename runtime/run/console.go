package run

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"runbook/runtime/event"
	"runbook/runtime/inventory"
	"runbook/runtime/script"
	"runbook/runtime/ssh"
)

// typedPath is what errors show for the file that was typed.
const typedPath = "console"

// Console is a Lua world that is worked in line by line. Hosts are connected to when they are first used, and stay connected.
type Console struct {
	r       *runner
	state   *script.State
	session *script.Session
	stream  *event.Stream
	began   time.Time
	first   int // the first line of what was run last
	reading reading
}

// ConsoleOptions say what a console is made for.
type ConsoleOptions struct {
	Options                  // Inventory.ConnectTimeout, LockWait, Prompt and Yes count
	Hosts   []inventory.Host // the global hosts
	Dir     string           // where require looks for files
	Sink    event.Sink       // sees what happens; of commands that only read, not what they print, which is returned
	Records []event.Sink     // see all that happens
	Secrets *event.Stream    // what it hides already
}

// NewConsole makes a console that has contacted nothing. Close it.
func NewConsole(ctx context.Context, o ConsoleOptions) (*Console, error) {
	r := &runner{opts: o.Options, plan: &Plan{Hosts: o.Hosts, opts: o.Options}, root: &frame{}, started: true}
	r.pool = newPool(o.Options)
	for _, target := range o.Hosts {
		r.hosts = append(r.hosts, r.pool.Host(target))
	}
	c := &Console{r: r, began: time.Now(), reading: reading{hosts: map[string]int{}}}
	c.stream = o.Secrets.To(append(slices.Clone(o.Records), &unread{o.Sink, &c.reading})...)
	event.Emit(event.WithStream(ctx, c.stream), begun(typedPath, o.Hosts))
	r.recipe = c.recipe
	var err error
	c.state, err = r.newState(script.StateOptions{Around: c.around, Print: printed}, r.hosts)
	if err != nil {
		return nil, joined(err, r.pool.Close(), c.stream.Close())
	}
	c.session = c.state.NewSession(typedPath, o.Dir)
	return c, nil
}

// Close ends all connections, and with them what is held on the hosts. failed is why the console ends, for the record, or
// nil.
func (c *Console) Close(failed error) error {
	err := c.r.pool.Close()
	event.Emit(event.WithStream(context.Background(), c.stream), c.r.opts.ended(c.began, joined(failed, err)))
	c.state.Close()
	return joined(err, c.stream.Close())
}

// Run runs what was typed as a small recipe, with what it leaves for its end by defer, and returns its values in words, with secrets
// replaced. Who shows them to a person cleans them.
// hooks is as in Options. The error has the exit status that it means.
func (c *Console) Run(ctx, hooks context.Context, text string) ([]string, error) {
	r := c.r
	ctx = event.WithStream(ctx, c.stream)
	f := &frame{}
	r.hooks, r.failed, c.first = hooks, nil, c.session.Lines()+1
	r.table = table{changed: r.changed.Load}
	values, err := c.session.Run(withFrame(ctx, f), text)
	err = f.placed(err)
	hookErr := r.runHooks(ctx, f, err != nil)
	for i, v := range values {
		values[i] = c.stream.Hide(v)
	}
	return values, r.status(ctx, joined(err, hookErr))
}

// Unfinished says whether text is the beginning of something that more lines may complete.
func (c *Console) Unfinished(text string) bool { return c.session.Unfinished(text) }

// Complete returns the name that is being typed at the end of text, and the names that it may become.
func (c *Console) Complete(text string) (typed string, names []string) {
	return c.session.Complete(text)
}

// Stream carries what happens, and knows the secrets.
func (c *Console) Stream() *event.Stream { return c.stream }

// Typed says whether line, FILE:LINE, is all that was run last.
func (c *Console) Typed(line string) bool {
	return c.first == c.session.Lines() && line == fmt.Sprintf("%s:%d", typedPath, c.first)
}

// recipe is recipe{ … }, so that lines of a recipe can be tried: every option has its default.
func (c *Console) recipe(_ context.Context, a recipeArgs) (script.Proxy, error) {
	options, err := a.options()
	if err != nil {
		return script.Proxy{}, err
	}
	v, _, err := newValues(options, nil, c.r.plan.Hosts)
	return script.Proxy{Name: "options", Get: v.get}, err
}

// around stands between a line and every primitive that is not pure.
func (c *Console) around(ctx context.Context, call script.Call, next func() (any, error)) (any, error) {
	r := c.r
	if call.Name == "connect" {
		r.reachOut(ctx)
	}
	r.mu.Lock()
	r.reachedOut = true
	r.mu.Unlock()
	if h, ok := call.Receiver.(*ssh.Host); ok {
		ctx := onReceiver(ctx, call)
		if err := h.Connect(ctx); err != nil {
			return nil, locate(ctx, &unreachable{err})
		}
		if call.Effect == script.Reads {
			c.reading.add(h.Name(), 1)
			defer c.reading.add(h.Name(), -1)
		}
	}
	if call.Effect == script.Changes {
		r.changed.Store(true)
	}
	result, err := next()
	err = locate(onReceiver(ctx, call), err)
	endedBy(onReceiver(ctx, call), err)
	return result, err
}

// reading is which hosts are asked something, by how many calls.
type reading struct {
	mu    sync.Mutex
	hosts map[string]int
}

func (r *reading) add(host string, n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hosts[host] += n
}

func (r *reading) of(host string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.hosts[host] > 0
}

// unread leaves out what is printed to answer a question: it is the answer.
type unread struct {
	event.Sink
	reading *reading
}

// Event passes e on.
func (u *unread) Event(e event.Event) {
	if e.Kind != event.Output || !u.reading.of(e.Host) {
		u.Sink.Event(e)
	}
}
