package shell

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"runbook/runtime/event"
	"runbook/runtime/ssh"
)

// LockedError reports a lock that somebody else holds.
type LockedError struct {
	Path   string
	Holder string // who, from where and since when; "" if the lock file does not name the holder
}

func (e *LockedError) Error() string {
	if e.Holder == "" {
		return e.Path + " is locked by somebody who left no name"
	}
	return e.Path + " is locked by " + e.Holder
}

// Lock acquires the lock file at path on the host with flock(1). It is held until the pool is
// closed or this process dies, however that happens. The folder must exist. If somebody else holds
// the lock, Lock waits for at most wait, in whole seconds, and then fails with a *LockedError. A
// lock that this host already holds is acquired at once.
func (h *Host) Lock(ctx context.Context, path string, wait time.Duration) error {
	ctx = h.context(ctx)
	if _, err := ssh.Quote(path); err != nil || path == "" || strings.Contains(path, "\n") {
		return errors.Join(fmt.Errorf("a lock needs a path without line breaks, not %q", path), err)
	}
	if err := h.busy.Lock(ctx); err != nil {
		return err
	}
	defer h.busy.Unlock()
	c, err := h.ensureConnection(ctx)
	if err != nil {
		return err
	}
	if slices.Contains(h.locks, path) {
		return nil
	}
	if err := c.acquire(ctx, h, path, wait); err != nil {
		return err
	}
	h.locks = append(h.locks, path)
	return nil
}

// ReleaseLocks releases all locks of this host and returns their paths, oldest first.
func (h *Host) ReleaseLocks(ctx context.Context) ([]string, error) {
	if err := h.busy.Lock(ctx); err != nil {
		return nil, err
	}
	defer h.busy.Unlock()
	paths := h.locks
	h.locks = nil
	var errs []error
	if h.conn != nil {
		for _, k := range h.conn.takeKeepers() {
			errs = append(errs, k.release(ctx))
		}
	}
	return paths, errors.Join(errs...)
}

// ensureLocks reacquires the locks whose keepers are gone. The caller holds h.busy.
func (h *Host) ensureLocks(ctx context.Context) error {
	for _, path := range h.locks {
		if h.conn.keeperOf(path, path) != nil {
			continue
		}
		event.Emit(ctx, event.Event{Kind: event.Warning, Text: "the lock " + path + " was lost; taking it again"})
		// The old keeper may still be ending what this run had left running.
		if err := h.conn.acquire(ctx, h, path, h.pool.retake); err != nil {
			return fmt.Errorf("the lock was lost in the middle of the run: %w", err)
		}
	}
	return nil
}

// acquire takes the lock at path by a keeper that has none, or by a new one. The caller holds h.busy.
func (c *connection) acquire(ctx context.Context, h *Host, path string, wait time.Duration) error {
	select {
	case <-c.begun:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	words, err := ssh.QuoteAll([]string{"set", "--", path, h.holder(time.Now()), h.group()})
	if err != nil {
		return err
	}
	k := c.keeperOf("", path)
	if k == nil {
		if k, err = c.startKeeper(ctx, path, c.start); err != nil {
			return fmt.Errorf("lock %s: %w", path, err)
		}
	}
	if err := c.lock(ctx, k, path, strings.ReplaceAll(h.umask(), "\n", "; ")+words, wait); err != nil {
		_ = c.keeperOf(path, "")
		return err
	}
	event.Emit(ctx, event.Event{Kind: event.LockTaken, Text: path})
	return nil
}

// maxHolder limits how many bytes of a lock file are read and written.
const maxHolder = 200

// holder returns the text of the lock file: who holds the lock, from where and since when.
func (h *Host) holder(now time.Time) string {
	since := fmt.Sprintf(" since %s, pid %d", now.UTC().Format(time.RFC3339), os.Getpid())
	return cutHolder(h.pool.opts.Operator, maxHolder-len(since)) + since
}

// cutHolder returns text on one line, cut to a number of bytes.
func cutHolder(text string, limit int) string {
	text = event.OneLine(text)
	return strings.ToValidUTF8(text[:min(len(text), limit)], "")
}
