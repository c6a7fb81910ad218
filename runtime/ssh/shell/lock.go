package shell

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"runbook/runtime/event"
	"runbook/runtime/ssh"
	"runbook/runtime/ssh/shell/commandline"
	"runbook/runtime/ssh/shell/frame"
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
	if _, err := ssh.Quote(path); err != nil || path == "" {
		return errors.Join(errors.New("a lock needs a path"), err)
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
		if h.conn.holds(path) {
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

// acquire starts a keeper for the lock at path. The keeper knows the group of the first shell before
// it takes the lock: what is sent to it later may be lost with the connection.
func (c *connection) acquire(ctx context.Context, h *Host, path string, wait time.Duration) error {
	select {
	case <-c.begun:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	c.mu.Lock()
	known := c.groupNumbers()
	c.mu.Unlock()
	mark := frame.NewMark()
	seconds := int64(math.Ceil(wait.Seconds()))
	settings, err := assignments("mark", mark, "file", path, "holder", h.holder(time.Now()), "wait",
		strconv.FormatInt(seconds, 10),
		"group", h.group(), "groups", strings.Join(known, " "), "silence", strconv.FormatInt(silence(c.alive), 10))
	if err != nil {
		return err
	}
	script := "printf '%s' '" + mark + "'; " + commandline.Group + "\n" + h.umask() + settings + "\n" + endgroupScript +
		keeperScript
	p, err := c.start(ctx, commandline.Script(len(script)))
	if err != nil {
		return fmt.Errorf("lock %s: %w", path, err)
	}
	k := newKeeper(path, p)
	acquired := make(chan error, 1)
	reading := k.shell.readBoth(func() error {
		err := k.acquire(ctx, script, mark, seconds)
		acquired <- err
		if err != nil {
			return nil
		}
		_, err = k.shell.out.Until(frame.KeeperOutput().Add) // until it ends
		return err
	}, func() error {
		_, err := k.shell.err.Until(frame.KeeperOutput().Add)
		return err
	})
	go func() {
		<-reading.done
		close(k.gone)
	}()
	select {
	case err = <-acquired:
	case <-ctx.Done():
		err = context.Cause(ctx)
		if left := c.endShellGroup(ctx, k.shell, ""); left != nil {
			err = fmt.Errorf("%w (the process that waits for the lock %s: %w)", err, path, left)
		}
	}
	if err != nil {
		k.shell.settle(reading, c.link)
		return err
	}
	go k.sendBeats(c.alive.Every)
	c.addKeeper(k, known)
	event.Emit(ctx, event.Event{Kind: event.LockTaken, Text: path})
	return nil
}

// assignments returns shell code that sets variables to values.
func assignments(pairs ...string) (string, error) {
	var list []string
	for pair := range slices.Chunk(pairs, 2) {
		value, err := ssh.Quote(pair[1])
		if err != nil {
			return "", err
		}
		list = append(list, pair[0]+"="+value)
	}
	return strings.Join(list, " "), nil
}

// groupNumbers returns the process groups that belong to this run, as texts. The caller holds c.mu.
func (c *connection) groupNumbers() []string {
	var numbers []string
	for g := range c.groups {
		numbers = append(numbers, strconv.FormatInt(g, 10))
	}
	return numbers
}

// addKeeper takes over a keeper, and tells it what has changed since it got the known groups.
func (c *connection) addKeeper(k *keeper, known []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.keepers = append(c.keepers, k)
	now := c.groupNumbers()
	for _, g := range slices.Concat(known, now) {
		switch {
		case !slices.Contains(now, g):
			_ = k.send("gone " + g) // see tellKeepers
		case !slices.Contains(known, g):
			_ = k.send("group " + g)
		}
	}
}

// holds reports whether a keeper for path is alive. It drops one that is gone.
func (c *connection) holds(path string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, k := range c.keepers {
		if k.path != path {
			continue
		}
		select {
		case <-k.gone:
			c.keepers = slices.Delete(slices.Clone(c.keepers), i, i+1)
			return false
		default:
			return true
		}
	}
	return false
}

// takeKeepers returns all keepers and removes them from the connection.
func (c *connection) takeKeepers() []*keeper {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.keepers
	c.keepers = nil
	return k
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
