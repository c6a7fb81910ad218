package run

import (
	"context"
	"errors"
	"sync"

	"runbook/runtime/event"
	"runbook/runtime/ssh"
)

// connectAtOnce is how many hosts are connected to at the same time.
const connectAtOnce = 50

// connect connects to all hosts and returns why it failed, in the hosts' order.
func (r *runner) connect(ctx context.Context) []error {
	errs := forAll(r.hosts, connectAtOnce, func(h *ssh.Host) error {
		ctx := event.WithHost(ctx, h.Name())
		if err := h.Connect(ctx); err != nil {
			return locate(ctx, &unreachable{err})
		}
		return nil
	})
	for i, err := range errs {
		if err != nil && !errors.Is(err, ErrInterrupted) {
			r.table.with(r.hosts[i].Name(), func(row *row) { row.failed = "no connection" })
		}
	}
	return errs
}

// unreachable is why a host could not be connected to. No line of the recipe is to blame for it.
type unreachable struct{ error }

func (u *unreachable) Unwrap() error { return u.error }

// forAll calls fn for every item, a limited number at once, and returns the errors in the items' order.
func forAll[T any](items []T, atOnce int, fn func(T) error) []error {
	var wg sync.WaitGroup
	places := make(chan struct{}, max(1, atOnce))
	errs := make([]error, len(items))
	for i, item := range items {
		places <- struct{}{}
		wg.Go(func() {
			defer func() { <-places }()
			errs[i] = fn(item)
		})
	}
	wg.Wait()
	return errs
}
