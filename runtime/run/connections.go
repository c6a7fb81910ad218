package run

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"runbook/runtime/event"
	"runbook/runtime/inventory/selection"
	"runbook/runtime/script"
	"runbook/runtime/ssh"
	"runbook/runtime/ssh/shell"
)

// connectLimit limits how many hosts are connected to at the same time.
const connectLimit = 50

// connections holds the connections to the hosts of a world, which are all opened together.
type connections struct {
	hosts []*shell.Host
	table *table
	limit selection.Limit // how many unreachable hosts may be skipped

	mu      sync.Mutex    // the threads of hosts run concurrently
	tried   bool          // whether the hosts were contacted
	errs    []error       // why hosts are unreachable, in the order of the hosts; nil for the others and the skipped
	failure error         // the same as one error, or nil
	partial bool          // the recipe called connect(), and goes on with the hosts that can be reached
	skipped []*shell.Host // the unreachable hosts that the run goes on without
}

// connect connects to all hosts and returns why some can't be reached, in the order of the hosts.
func (c *connections) connect(ctx context.Context) []error {
	errs := forEach(c.hosts, connectLimit, func(_ int, h *shell.Host) error { return connectHost(ctx, h) })
	c.listFailed(errs)
	return errs
}

// listFailed shows in the table that there is no connection to hosts.
func (c *connections) listFailed(errs []error) {
	for i, err := range errs {
		if err != nil && !errors.Is(err, ErrInterrupted) {
			c.table.update(c.hosts[i].Name(), func(r *row) { r.failed = "no connection" })
		}
	}
}

func connectHost(ctx context.Context, h *shell.Host) error {
	ctx = event.WithHost(ctx, h.Name())
	if err := h.Connect(ctx); err != nil {
		return locate(ctx, &unreachableError{err})
	}
	return nil
}

// open connects to all hosts, skips unreachable ones within the limit, and keeps the outcome for
// check, wereTried and the primitive connect.
func (c *connections) open(ctx context.Context) {
	errs := forEach(c.hosts, connectLimit, func(_ int, h *shell.Host) error { return connectHost(ctx, h) })
	var skipped []*shell.Host
	for _, i := range skip(c.limit, errs) {
		skipped = append(skipped, c.hosts[i])
		c.reportSkipped(ctx, c.hosts[i], errs[i])
		errs[i] = nil
	}
	c.listFailed(errs)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.errs, c.failure, c.tried, c.skipped = errs, Join(errs...), true, skipped
}

// skip returns the indexes of the hosts that a run goes on without: the unreachable ones, if the
// limit allows so many and another host is left. Otherwise it adds the reason to their errors. A
// key that is unknown or has changed, a refused login and a server that does not speak SSH are
// never skipped: a person must look at them.
func skip(limit selection.Limit, errs []error) []int {
	var away []int
	for i, err := range errs {
		if ssh.IsUnreachable(err) {
			away = append(away, i)
		}
	}
	most := limit.Of(len(errs))
	why := fmt.Sprintf("%d of %d hosts are unreachable; --skip-unreachable %s allows %d", len(away), len(errs), limit,
		most)
	switch {
	case !limit.IsSet():
		return nil
	case len(away) < len(errs) && len(away) <= most:
		return away
	case len(away) <= most:
		why = "--skip-unreachable leaves no host: at least one must be reachable"
	}
	for _, i := range away {
		errs[i] = event.WithHint(errs[i], event.Hint(errs[i])+"\n"+why)
	}
	return nil
}

// reportSkipped shows that a host is skipped, now and in the last table.
func (c *connections) reportSkipped(ctx context.Context, h *shell.Host, err error) {
	ctx = event.WithHost(ctx, h.Name())
	event.Emit(ctx, event.Event{Kind: event.Warning, Text: "unreachable, so it is skipped: " + headline(err)})
	event.Emit(ctx, event.Event{Kind: event.HostEnded, State: unreachableState})
	c.table.update(h.Name(), func(r *row) { r.skipped = true })
}

// split returns the hosts that are not skipped, and the skipped ones, in order.
func (c *connections) split() (present, skipped []*shell.Host) {
	c.mu.Lock()
	defer c.mu.Unlock()
	isSkipped := func(h *shell.Host) bool { return slices.Contains(c.skipped, h) }
	return slices.DeleteFunc(slices.Clone(c.hosts), isSkipped), c.skipped
}

// skippedNames returns the names of the skipped hosts, in order.
func (c *connections) skippedNames() []string {
	var names []string
	_, skipped := c.split()
	for _, h := range skipped {
		names = append(names, h.Name())
	}
	return names
}

func (c *connections) markTried() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tried = true
}

func (c *connections) wereTried() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.tried
}

// err returns why hosts can't be reached, or nil.
func (c *connections) err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.failure
}

// check refuses a call while hosts can't be reached. After connect() the recipe
// may still read from the others.
func (c *connections) check(call script.Call) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failure == nil || call.Name == "connect" || call.Name == "step" { // a step does nothing by itself
		return nil
	}
	if !c.partial || call.Effect == script.Changes {
		return c.failure
	}
	if h, ok := call.Receiver.(*shell.Host); ok {
		for i, err := range c.errs {
			if err != nil && c.hosts[i] == h {
				return err
			}
		}
	}
	return nil
}

// unreachable describes a host that can't be reached, as connect() returns it.
type unreachable struct {
	Host    string `lua:"host" doc:"its name"`
	Message string `lua:"message" doc:"why it can't be reached"`
	Hint    string `lua:"hint" doc:"what to do about it, or nothing"`
}

// primitive declares connect(). A recipe that calls it can report everything that is wrong at once:
// the hosts that can't be reached and the problems of the others.
func (c *connections) primitive() script.Primitive {
	return script.Func("connect", script.Reads, "Connect to all hosts and return the unreachable ones, each with "+
		"host, message and hint. The other hosts can then be read, but nothing can be changed. "+
		"No reachable host is an error. Without connect, a recipe connects when it first uses a host, "+
		"and an unreachable host is an error. "+
		"Hosts that --skip-unreachable skips are in skipped instead.", c.listUnreachable).
		With("for _, away in ipairs(connect()) do\n  log.warn(away.host .. \": \" .. away.message)\nend")
}

func (c *connections) listUnreachable(context.Context, script.None, struct{}) ([]unreachable, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var faults []Fault
	alike := map[string]int{}
	for _, err := range c.errs {
		if err != nil {
			f := Faults(err)[0]
			faults = append(faults, f)
			alike[f.General()+f.Hint]++
		}
	}
	out := []unreachable{}
	for _, f := range faults {
		if alike[f.General()+f.Hint] > 1 { // so the recipe can report these hosts in one line
			f.Message = f.General()
		}
		out = append(out, unreachable{Host: f.Host, Message: f.Message, Hint: f.Hint})
	}
	if len(out) == len(c.hosts)-len(c.skipped) && len(out) > 0 {
		return nil, c.failure
	}
	c.partial = true
	return out, nil
}
