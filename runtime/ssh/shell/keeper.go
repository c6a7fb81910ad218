package shell

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"time"

	"runbook/runtime/event"
	"runbook/runtime/ssh"
	"runbook/runtime/ssh/shell/frame"
)

// keeperScript holds a lock. It documents its messages.
//
// sshd can take hours to notice that the network is dead, so the keeper also counts silence. Not
// every shell has read -t, but every Linux has timeout(1); elsewhere the end of stdin must do. It
// starts a shell for each line. That is cheap enough: lines come only with commands that have a
// session of their own, and as signs of life.
//
// Anybody may have made the lock file. The script opens it once and checks what it opened before it
// writes: a regular file with one name, which belongs to the user, to root or, unless the user is
// root, to the owner of the folder or to the group that shares it. It follows no link, and <> does
// not block on a fifo. After that it uses the descriptor alone. Of the file's text it prints one
// clean line.
//
//go:embed keeper.sh
var keeperScript string

// keeper is a process on a host that holds a lock as long as its connection exists.
type keeper struct {
	path  string
	shell *shell
	gone  chan struct{} // closed when the process has ended
	quiet chan struct{} // closed when no more signs of life are sent

	mu sync.Mutex // one line at a time
}

func newKeeper(path string, p *ssh.Process) *keeper {
	return &keeper{path: path, shell: newShell(p), gone: make(chan struct{}), quiet: make(chan struct{})}
}

// acquire sends the script, which waits for the lock for at most seconds, and returns when the
// script holds the lock.
func (k *keeper) acquire(ctx context.Context, script, mark string, seconds int64) error {
	if err := feed(k.shell.proc.Stdin, script); err != nil {
		return err
	}
	other := frame.KeeperOutput()
	if _, err := k.shell.out.Until(other.Add, mark); err != nil {
		return fmt.Errorf("lock %s: the keeper did not start: %w", k.path, err)
	}
	group, err := k.shell.out.Line()
	if err != nil {
		return err
	}
	k.shell.identify(group)
	held := ""
	for tries := int64(0); ; {
		line, err := k.shell.out.Line()
		if err != nil {
			return fmt.Errorf("lock %s: the keeper ended: %w", k.path, err)
		}
		answer, ours := strings.CutPrefix(line, mark+" ")
		word, rest, _ := strings.Cut(answer, " ")
		switch {
		case !ours:
			err = other.Add([]byte(line + "\n"))
		case word == "taken":
			return nil
		case word == "held":
			held = cutHolder(rest, maxHolder)
			if tries++; tries > seconds+10 { // it tries once a second
				return fmt.Errorf("lock %s: the keeper still tries after %d s", k.path, seconds)
			}
			if seconds > 0 && tries == 1 {
				waiting := (&LockedError{Path: k.path, Holder: held}).Error()
				event.Emit(ctx, event.Event{Kind: event.LockWaiting, Text: waiting})
			}
		case word == "over":
			return event.WithHint(&LockedError{Path: k.path, Holder: held},
				"wait for the other run to end, or let this one wait: --lock-wait 10m")
		default:
			return k.refused(word, rest)
		}
		if err != nil {
			return fmt.Errorf("lock %s: %w", k.path, err)
		}
	}
}

// refused returns the error of a keeper that cannot lock at all.
func (k *keeper) refused(word, reason string) error {
	switch word {
	case "none":
		return event.WithHint(errors.New("the host has no flock(1), which the lock needs"),
			"install util-linux on the host")
	case "closed":
		return event.WithHint(fmt.Errorf("the lock file %s can't be used: %s", k.path, reason),
			"its folder must exist and be writable, and the file a regular one that the login user made: "+
				"look at it, and move it away")
	case "broken":
		return fmt.Errorf("lock %s: flock(1) on the host exited %s", k.path, reason)
	}
	return fmt.Errorf("lock %s: the keeper answered with %q", k.path, word)
}

// send sends a line. It fails if the keeper is gone, which ensureLocks notices.
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
			_ = k.send("alive") // ensureLocks notices a keeper that is gone
		case <-k.gone:
			return
		}
	}
}

// release releases the lock and waits for the keeper to exit.
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
		return fmt.Errorf("the keeper of the lock %s did not end", k.path)
	}
	k.shell.proc.Close()
	return nil
}

// silence returns the number of seconds without a sign of life after which the host gives up on
// this side; 0 for never. This side gives up the connection earlier, so that no two runs work at
// the same time.
func silence(k ssh.KeepAlive) int64 {
	if k.Every <= 0 {
		return 0
	}
	return max(5, int64(math.Ceil((k.Patience() + 2*k.Every).Seconds())))
}
