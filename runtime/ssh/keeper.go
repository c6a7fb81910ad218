package ssh

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/user"
	"strconv"
	"strings"
	"sync"
	"time"

	"runbook/runtime/event"
)

// LockedError is a lock that somebody else holds.
type LockedError struct {
	Path   string
	Holder string // who, from where, since when; "" when the lock file doesn't say
}

func (e *LockedError) Error() string {
	if e.Holder == "" {
		return e.Path + " is locked by somebody who left no name"
	}
	return e.Path + " is locked by " + e.Holder
}

// heldLock is a lock that the host has to hold until the pool is closed.
type heldLock struct{ path string }

// keeper is a process on a host that holds a lock for as long as its connection lasts.
type keeper struct {
	path  string
	shell *shell
	link  link
	gone  chan struct{} // closed when it ended
	beat  chan struct{} // closed when no more signs of life are sent

	mu sync.Mutex // one line at a time
}

// Lock takes the lock at path on the host with flock(1), and holds it until the pool is closed or this process dies, however that
// happens. Its folder must exist. When somebody else holds it, Lock waits for at most wait, in whole seconds, and
// then returns a *LockedError. Taking a lock that the host already holds is no error.
func (h *Host) Lock(ctx context.Context, path string, wait time.Duration) error {
	ctx = h.context(ctx)
	if _, err := Quote(path); err != nil || path == "" {
		return errors.Join(errors.New("a lock needs a path"), err)
	}
	if err := h.busy.lock(ctx); err != nil {
		return err
	}
	defer h.busy.unlock()
	c, err := h.connected(ctx)
	if err != nil {
		return err
	}
	for _, l := range h.locks {
		if l.path == path {
			return nil
		}
	}
	if err := c.take(ctx, path, wait); err != nil {
		return err
	}
	h.locks = append(h.locks, heldLock{path})
	return nil
}

// keepLocks takes the locks again whose keepers are gone. The caller has h.busy.
func (h *Host) keepLocks(ctx context.Context) error {
	for _, l := range h.locks {
		if h.conn.keeps(l.path) {
			continue
		}
		event.Emit(ctx, event.Event{Kind: event.Warning, Text: "the lock " + l.path + " was lost; taking it again"})
		// The old keeper may be busy ending what we had left running.
		if err := h.conn.take(ctx, l.path, h.pool.retake); err != nil {
			return fmt.Errorf("the lock was lost in the middle of the run: %w", err)
		}
	}
	return nil
}

// take starts a keeper.
func (c *connection) take(ctx context.Context, path string, wait time.Duration) error {
	pid := newMark()
	file, err := Quote(path)
	if err != nil {
		return err
	}
	who, err := Quote(holder(time.Now()))
	if err != nil {
		return err
	}
	seconds := int64(math.Ceil(wait.Seconds()))
	script := "printf '%s' '" + pid + "'; " + probe + "\nmark=" + pid + " file=" + file + " holder=" + who + " wait=" +
		strconv.FormatInt(seconds, 10) + " silence=" + strconv.FormatInt(c.pulse.silence(), 10) + "\n" + endings + keep
	p, err := c.link.start(ctx, feedable(len(script)))
	if err != nil {
		return fmt.Errorf("lock %s: %w", path, err)
	}
	k := &keeper{path: path, shell: newShell(p), link: c.link, gone: make(chan struct{}), beat: make(chan struct{})}
	taken := make(chan error, 1)
	run := k.shell.drain(func() error {
		err := k.begin(ctx, script, pid, seconds)
		taken <- err
		if err != nil {
			return nil
		}
		rest := noise("what the keeper of the lock prints")
		_, err = k.shell.out.until(rest.take) // until it ends
		return err
	}, func() error {
		said := noise("what the keeper of the lock prints")
		_, err := k.shell.err.until(said.take)
		return err
	})
	go func() {
		<-run.done
		close(k.gone)
	}()
	select {
	case err = <-taken:
	case <-ctx.Done():
		err = context.Cause(ctx)
		if left := c.endGroup(ctx, k.shell, ""); left != nil {
			err = fmt.Errorf("%w (who waits for the lock %s: %w)", err, path, left)
		}
	}
	if err != nil {
		k.shell.settle(run, c.link)
		return err
	}
	go k.live(c.pulse.every)
	c.mu.Lock()
	c.keepers = append(c.keepers, k)
	for g := range c.groups {
		_ = k.tell("group " + strconv.FormatInt(g, 10)) // see tellKeepers
	}
	c.mu.Unlock()
	event.Emit(ctx, event.Event{Kind: event.LockTaken, Text: path})
	return nil
}

// begin talks to a keeper until it has the lock.
func (k *keeper) begin(ctx context.Context, script, pid string, seconds int64) error {
	if err := feed(k.shell.proc.stdin, script); err != nil {
		return err
	}
	other := noise("what the keeper of the lock prints")
	if _, err := k.shell.out.until(other.take, pid); err != nil {
		return fmt.Errorf("lock %s: the keeper did not start: %w", k.path, err)
	}
	group, err := k.shell.out.word()
	if err != nil {
		return err
	}
	k.shell.tell(group)
	held := ""
	for tries := int64(0); ; {
		line, err := k.shell.out.word()
		if err != nil {
			return fmt.Errorf("lock %s: the keeper ended: %w", k.path, err)
		}
		said, ours := strings.CutPrefix(line, pid+" ")
		word, rest, _ := strings.Cut(said, " ")
		if !ours {
			word = ""
		}
		switch word {
		case "taken":
			return nil
		case "none":
			return event.WithHint(errors.New("the host has no flock(1), which the lock needs"), "install util-linux on the host")
		case "closed":
			return event.WithHint(fmt.Errorf("the lock file %s can't be used: %s", k.path, rest),
				"its folder must exist and be writable, and the file a regular one that the login made: look at it, and move it away")
		case "broken":
			return fmt.Errorf("lock %s: flock(1) on the host exited %s", k.path, rest)
		case "held":
			held = cutHolder(rest, longestHolder)
			if tries++; tries > seconds+10 { // it tries once a second
				return fmt.Errorf("lock %s: the keeper tries on after the %d s that it was told to", k.path, seconds)
			}
			if seconds > 0 && tries == 1 {
				event.Emit(ctx, event.Event{Kind: event.LockWaiting, Text: (&LockedError{Path: k.path, Holder: held}).Error()})
			}
		case "over":
			return event.WithHint(&LockedError{Path: k.path, Holder: held}, "wait for the other run to end, or let this one wait: --lock-wait 10m")
		default:
			if err := other.take([]byte(line + "\n")); err != nil {
				return fmt.Errorf("lock %s: %w", k.path, err)
			}
		}
	}
}

// holder says who takes a lock, from where and since when.
func holder(now time.Time) string {
	name := strconv.Itoa(os.Getuid())
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	machine, err := os.Hostname()
	if err != nil {
		machine = "an unnamed machine"
	}
	since := fmt.Sprintf(" since %s, pid %d", now.UTC().Format(time.RFC3339), os.Getpid())
	return cutHolder(name+" from "+machine, longestHolder-len(since)) + since
}

// longestHolder is how many bytes of a lock file are read and written.
const longestHolder = 200

// cutHolder makes one line of at most so many bytes of what names a holder.
func cutHolder(text string, most int) string {
	text = event.OneLine(text)
	return strings.ToValidUTF8(text[:min(len(text), most)], "")
}

// tell sends a keeper a line. An error means that it is gone, which keeps notices.
func (k *keeper) tell(line string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return feed(k.shell.proc.stdin, line+"\n")
}

// live sends signs of life until the keeper is gone.
func (k *keeper) live(every time.Duration) {
	defer close(k.beat)
	if every <= 0 {
		return
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			_ = k.tell("alive") // a keeper that is gone is noticed before the next command
		case <-k.gone:
			return
		}
	}
}

// bye gives the lock back.
func (k *keeper) bye(ctx context.Context) error {
	if err := k.tell("bye"); err != nil {
		<-k.gone // who can't be told is gone, and its lock too
		<-k.beat
		return nil
	}
	_ = k.shell.proc.stdin.Close() // it may be gone
	select {
	case <-k.gone:
		<-k.beat
	case <-ctx.Done():
		return fmt.Errorf("the keeper of the lock %s did not end", k.path)
	}
	k.shell.proc.close()
	return nil
}

// keeps says whether a keeper for path is alive.
func (c *connection) keeps(path string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, k := range c.keepers {
		if k.path != path {
			continue
		}
		select {
		case <-k.gone:
			c.keepers = append(c.keepers[:i:i], c.keepers[i+1:]...)
			return false
		default:
			return true
		}
	}
	return false
}

// began names a process group that must not outlive the connection to the keepers. 0 is none.
func (c *connection) began(pgid int64) { c.tellKeepers("group", pgid, true) }

// ended takes it back: the number may soon be another's.
func (c *connection) ended(pgid int64) { c.tellKeepers("gone", pgid, false) }

func (c *connection) tellKeepers(word string, pgid int64, runs bool) {
	if pgid == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if runs {
		c.groups[pgid] = struct{}{}
	} else {
		delete(c.groups, pgid)
	}
	for _, k := range c.keepers {
		_ = k.tell(word + " " + strconv.FormatInt(pgid, 10)) // a keeper that is gone is noticed before the next command
	}
}

// takeKeepers are all keepers, which no longer belong to the connection.
func (c *connection) takeKeepers() []*keeper {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.keepers
	c.keepers = nil
	return k
}
