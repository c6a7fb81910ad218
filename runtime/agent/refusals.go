package agent

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"runbook/runtime/event"
)

// refusal records why a request of a host was refused, and what to do about it.
type refusal struct{ host, reason, hint string }

// refusedCount counts the refusals of one host.
type refusedCount struct {
	n   int
	ctx context.Context // of the last one, for the event about the rest
}

// maxRefusals is how many refusals of a host become an event each. One more event counts the rest.
const maxRefusals = 20

// maxReasons limits the distinct refusals that Explain lists.
const maxReasons = 16

// addRefusal records a refusal for Explain. It returns false if the host has had maxRefusals
// before.
func (f *Forwarder) addRefusal(ctx context.Context, r refusal) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !slices.Contains(f.refusals, r) && len(f.refusals) < maxReasons {
		f.refusals = append(f.refusals, r)
	}
	count := f.refused[r.host]
	if count == nil {
		count = &refusedCount{}
		f.refused[r.host] = count
	}
	count.n++
	count.ctx = ctx
	return count.n <= maxRefusals
}

// reportRefusals emits one event per host for the refusals beyond maxRefusals.
func (f *Forwarder) reportRefusals() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, host := range slices.Sorted(maps.Keys(f.refused)) {
		if count := f.refused[host]; count.n > maxRefusals {
			event.Emit(count.ctx, event.Event{Kind: event.KeyRefused, Host: host,
				Text: fmt.Sprintf("%d more requests", count.n-maxRefusals),
				Hint: "find out what on " + host + " asked the agent so often"})
		}
	}
	f.refused = map[string]*refusedCount{}
}

// Explain adds what f refused to err, because a git client only says "agent refused operation". If
// ctx has a host, it adds only the refusals of that host.
func (f *Forwarder) Explain(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	var reasons []string
	hint := event.Hint(err)
	for _, r := range f.refusals {
		if about := event.Host(ctx); about != "" && about != r.host {
			continue
		}
		reasons = append(reasons, r.reason)
		if r.hint != "" {
			hint = r.hint
		}
	}
	if len(reasons) == 0 {
		return err
	}
	err = fmt.Errorf("%w (the forwarded agent refused: %s)", err, strings.Join(reasons, "; "))
	if hint != "" {
		err = event.WithHint(err, hint)
	}
	return err
}
