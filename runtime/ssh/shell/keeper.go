package shell

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"runbook/runtime/event"
	"runbook/runtime/ssh"
	"runbook/runtime/ssh/shell/commandline"
	"runbook/runtime/ssh/shell/frame"
)

// keeperScript ends what a dead connection has left, and holds a lock. It documents its messages.
//
// sshd can take hours to notice that the network is dead, so the keeper also counts silence. Not
// every shell has read -t, but every Linux has timeout(1); elsewhere the end of stdin must do. It
// starts a shell for each line. That is cheap enough: lines come only with shells, with commands
// that have a session of their own, and as signs of life.
//
// Anybody may have made the lock file. The script opens it and checks what it opened before it
// writes: a regular file with one name, which belongs to the user, to root or, unless the user is
// root, to the owner of the folder or to the group that shares it. It follows no link, and <> does
// not block on a fifo. After that it uses the descriptor alone. Of the file's text it prints one
// clean line.
//
//go:embed keeper.sh
var keeperScript string

// keeper is a process on a host that ends the run's other processes there when the connection dies.
// It can hold one lock until then.
type keeper struct {
	path    string // the lock that it is for, or ""; the connection's mu guards it
	mark    string
	shell   *shell
	reading *reading
	answers chan string
	gone    chan struct{} // closed when its output has ended
	quiet   chan struct{} // closed when no more signs of life are sent

	mu sync.Mutex // one line at a time
}

// startKeeper starts a keeper for the lock at path, or for none, in a session that start opens. When
// it returns, the keeper has been told all groups: what is sent later may be lost with the
// connection.
func (c *connection) startKeeper(
	ctx context.Context, path string, start func(ctx context.Context, line string) (*ssh.Process, error),
) (*keeper, error) {
	k := &keeper{path: path, mark: frame.NewMark(), answers: make(chan string, 1),
		gone: make(chan struct{}), quiet: make(chan struct{})}
	script := fmt.Sprintf("mark='%s' silence=%d; printf '%%s' \"$mark\"; ", k.mark, c.alive.Silence()) +
		commandline.Group + "\n" + endgroupScript + keeperScript
	p, err := start(ctx, commandline.Script(len(script)))
	if err != nil {
		return nil, err
	}
	k.shell = newShell(p)
	k.mu.Lock() // the script goes first
	k.reading = k.shell.readBoth(func() error {
		err := feed(p.Stdin, script)
		k.mu.Unlock()
		return errors.Join(err, k.listen())
	}, func() error {
		_, err := k.shell.err.Until(frame.KeeperOutput().Add)
		return err
	})
	go func() {
		<-k.reading.done
		close(k.gone)
	}()
	go k.sendBeats(c.alive.Every)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.keepers = append(c.keepers, k)
	for g := range c.groups {
		_ = k.send("group " + strconv.FormatInt(g, 10)) // keeperOf notices a keeper that is gone
	}
	return k, nil
}

// listen reads what the keeper prints.
func (k *keeper) listen() error {
	other := frame.KeeperOutput()
	if _, err := k.shell.out.Until(other.Add, k.mark); err != nil {
		return fmt.Errorf("it did not start: %w", err)
	}
	line, err := k.shell.out.Line()
	if err != nil {
		return err
	}
	k.shell.identify(line)
	for {
		if line, err = k.shell.out.Line(); err != nil {
			return err
		}
		answer, ours := strings.CutPrefix(line, k.mark+" ")
		if !ours {
			if err := other.Add([]byte(line + "\n")); err != nil {
				return err
			}
			continue
		}
		select {
		case k.answers <- answer:
		default:
			return fmt.Errorf("it was not asked, and said %.100q", answer)
		}
	}
}

// lock makes a keeper take the lock at path, and tries again each second for as long as wait. code
// sets $1 to $3 for the script.
func (c *connection) lock(ctx context.Context, k *keeper, path, code string, wait time.Duration) error {
	for began, tries := time.Now(), 0; ; tries++ {
		answer, err := c.askKeeper(ctx, k, "lock "+code)
		if err != nil {
			return fmt.Errorf("lock %s: %w", path, err)
		}
		word, rest, _ := strings.Cut(answer, " ")
		switch word {
		case "taken":
			return nil
		case "held":
			locked := &LockedError{Path: path, Holder: cutHolder(rest, maxHolder)}
			if time.Since(began) >= wait {
				return event.WithHint(locked, "wait for the other run to end, or let this one wait: --lock-wait 10m")
			}
			if tries == 0 {
				event.Emit(ctx, event.Event{Kind: event.LockWaiting, Text: locked.Error()})
			}
		default:
			return refused(path, word, rest)
		}
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// askKeeper sends a line to a keeper and returns its answer. A keeper that gives none, which may
// have taken the lock meanwhile, is ended.
func (c *connection) askKeeper(ctx context.Context, k *keeper, line string) (string, error) {
	err := k.send(line)
	if err == nil {
		select {
		case answer := <-k.answers:
			return answer, nil
		case <-k.gone:
			err = fmt.Errorf("the keeper ended: %w", errors.Join(k.reading.errs[:]...))
		case <-ctx.Done():
			err = context.Cause(ctx)
			if left := c.endShellGroup(ctx, k.shell, ""); left != nil {
				err = fmt.Errorf("%w (the process that takes the lock: %w)", err, left)
			}
		}
	}
	k.shell.settle(k.reading, c.link)
	return "", err
}

// refused returns the error of a keeper that cannot lock at all.
func refused(path, word, reason string) error {
	switch word {
	case "none":
		return event.WithHint(errors.New("the host has no flock(1), which the lock needs"),
			"install util-linux on the host")
	case "closed":
		return event.WithHint(fmt.Errorf("the lock file %s can't be used: %s", path, reason),
			"its folder must exist and be writable, and the file a regular one that the login user made: "+
				"look at it, and move it away")
	case "broken":
		return fmt.Errorf("lock %s: flock(1) on the host exited %s", path, reason)
	}
	return fmt.Errorf("lock %s: the keeper answered with %q", path, word)
}

// send sends a line. It fails if the keeper is gone, which keeperOf notices.
func (k *keeper) send(line string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return feed(k.shell.proc.Stdin, line+"\n")
}

// sendBeats sends signs of life until the keeper is gone.
func (k *keeper) sendBeats(every time.Duration) {
	defer close(k.quiet)
	if every <= 0 {
		return
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			_ = k.send("alive") // keeperOf notices a keeper that is gone
		case <-k.gone:
			return
		}
	}
}

// release ends the keeper and so releases its lock.
func (k *keeper) release(ctx context.Context) error {
	if err := k.send("bye"); err != nil {
		<-k.gone // the lock went with the keeper
		<-k.quiet
		return nil
	}
	_ = k.shell.proc.Stdin.Close() // it may be gone
	select {
	case <-k.gone:
		<-k.quiet
	case <-ctx.Done():
		return errors.New("the process that keeps the lock did not end")
	}
	k.shell.proc.Close()
	return nil
}

// living drops the keepers that are gone and returns the other ones. The caller holds c.mu.
func (c *connection) living() []*keeper {
	c.keepers = slices.DeleteFunc(c.keepers, func(k *keeper) bool {
		select {
		case <-k.gone:
			return true
		default:
			return false
		}
	})
	return c.keepers
}

// keeperOf returns the keeper for the lock at path, or one without a lock for "", or nil. From now on
// the keeper is for the lock at use.
func (c *connection) keeperOf(path, use string) *keeper {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, k := range c.living() {
		if k.path == path {
			k.path = use
			return k
		}
	}
	return nil
}

// endUnlocked ends the keeper that has no lock. It reports whether there was one.
func (c *connection) endUnlocked() bool {
	k := c.keeperOf("", "?")
	if k == nil {
		return false
	}
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	_ = k.release(ctx) // the server says whether there is room now
	return true
}

// takeKeepers returns all keepers and removes them from the connection.
func (c *connection) takeKeepers() []*keeper {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.keepers
	c.keepers = nil
	return k
}
