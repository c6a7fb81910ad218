package shell

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"runbook/runtime/event"
	"runbook/runtime/ssh"
)

// connection is one login on a host, with what was started in it.
type connection struct {
	link  ssh.Conn
	alive ssh.KeepAlive
	guard ssh.KeepAlive // of the shells, see commandline.Guarded; zero for none

	seat                   // the first of the login user
	giveUp   func()        // stops the start of the first shell
	patience time.Duration // how long close waits for a running command

	begun chan struct{} // closed when the first shell was started, or has failed to
	kept  chan struct{} // closed when the first keeper was started, or has failed to

	mu       sync.Mutex
	keepers  []*keeper
	groups   map[int64]struct{}      // process groups on the host that belong to this run
	direct   bool                    // a command runs without a shell
	others   map[string]*seat        // of the users of sudo, by name; "" is the second of the login user
	yielding map[*execution]struct{} // the commands that let other ones have their sessions
}

// seat is the place of a user's long-lived shell.
type seat struct {
	turn  ssh.Mutex // guards shell: commands run one after the other
	shell *shell    // nil before the first command, and after a failure
}

// newConnection takes over a link.
func newConnection(link ssh.Conn, alive, guard ssh.KeepAlive) *connection {
	return &connection{link: link, alive: alive, guard: guard, seat: seat{turn: ssh.NewMutex()}, giveUp: func() {},
		patience: closeLimit, begun: make(chan struct{}), kept: make(chan struct{}), groups: map[int64]struct{}{},
		others: map[string]*seat{}, yielding: map[*execution]struct{}{}}
}

// begin starts the shell before the first command, so that the start-up files of the login run
// while other hosts are still being connected. With a guard a keeper starts beside it, which knows
// the shell before the first command. A server that allows a single session gets no keeper.
func (c *connection) begin() {
	ctx, cancel := context.WithCancel(context.Background())
	c.giveUp = cancel
	c.turn.LockAnyway()
	go func() {
		defer close(c.begun)
		defer c.turn.Unlock()
		defer cancel()
		if c.guard.Silence() > 0 {
			go c.beginKeeper(ctx)
			defer func() { <-c.kept }()
		}
		_ = c.ensureShell(ctx, &c.seat) // the first command tries again and reports the error
	}()
}

func (c *connection) beginKeeper(ctx context.Context) {
	defer close(c.kept)
	ctx, cancel := context.WithTimeout(ctx, shellLimit)
	defer cancel()
	_, _ = c.startKeeper(ctx, "", c.link.Start) // a lock tries again and reports the error
}

// shellLimit limits how long a shell may take to start.
const shellLimit = 60 * time.Second

var errNoShell = fmt.Errorf("the host started no shell within %v", shellLimit)

// ensureShell starts the long-lived shell of a seat of the login user, unless there is one. The
// caller holds the seat's turn.
func (c *connection) ensureShell(ctx context.Context, at *seat) error {
	if at.shell != nil {
		return nil
	}
	limited, cancel := context.WithTimeoutCause(ctx, shellLimit, errNoShell)
	defer cancel()
	open := func(ctx context.Context) (*shell, error) { return startShell(ctx, c.link, c.guard) }
	s, err := open(limited)
	if full := new(ssh.SessionError); at == &c.seat && errors.As(err, &full) { // takeSeat can do without the second
		s, err = openSession(limited, open, c.makeRoom)
	}
	if errors.Is(err, errNoShell) {
		err = event.WithHint(err, "do the start-up files of the login shell, such as ~/.bashrc, wait for something?")
	}
	if err != nil {
		return err
	}
	at.shell = s
	c.addGroup(s.group())
	if c.guard.Silence() > 0 {
		<-c.kept
	}
	_ = feed(s.proc.Stdin, "\n") // for commandline.Guarded; the first command notices a shell that is gone
	return nil
}

// openSession calls open, which opens a session. While the server refuses one more, it calls
// makeRoom, and retries until a second after makeRoom has returned false: sshd frees a session only
// when its process has ended, a little after this side has closed it.
func openSession[T any](
	ctx context.Context, open func(context.Context) (T, error), makeRoom func() (pending bool),
) (T, error) {
	for tries := 0; ; tries++ {
		v, err := open(ctx)
		var full *ssh.SessionError
		if !errors.As(err, &full) || tries == 20 {
			return v, err
		}
		if makeRoom() {
			tries = 0
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return v, context.Cause(ctx)
		}
	}
}

// start runs a command line in a session of its own. If the server refuses one more session, room
// is made first.
func (c *connection) start(ctx context.Context, line string) (*ssh.Process, error) {
	open := func(ctx context.Context) (*ssh.Process, error) { return c.link.Start(ctx, line) }
	return openSession(ctx, open, c.makeRoom)
}

// makeRoom frees sessions: it ends idle shells, lets commands end that yield, and ends a keeper
// without a lock. It reports whether more room may come of that.
func (c *connection) makeRoom() bool {
	if c.makeSomeRoom() {
		return true
	}
	return c.endUnlocked()
}

// makeSomeRoom is makeRoom for what needs the keeper.
func (c *connection) makeSomeRoom() bool {
	c.endIdle()
	c.mu.Lock()
	defer c.mu.Unlock()
	for e := range c.yielding {
		e.c.Yield()
	}
	return len(c.yielding) > 0
}

// addYielding makes makeRoom call the Yield of e until remove is called.
func (c *connection) addYielding(e *execution) (remove func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.yielding[e] = struct{}{}
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.yielding, e)
	}
}

// addGroup tells the keepers of a process group that must not outlive the connection. 0 is none.
func (c *connection) addGroup(pgid int64) {
	if pgid == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.groups[pgid] = struct{}{}
	c.tellKeepers("group", pgid)
}

// removeGroup tells the keepers that a group has ended: its number may soon be that of another.
func (c *connection) removeGroup(pgid int64) {
	if pgid == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.groups, pgid)
	c.tellKeepers("gone", pgid)
}

// tellKeepers sends a line to all keepers. The caller holds c.mu.
func (c *connection) tellKeepers(word string, pgid int64) {
	for _, k := range c.keepers {
		_ = k.send(word + " " + strconv.FormatInt(pgid, 10)) // keeperOf notices a keeper that is gone
	}
}

// closeLimit limits how long a command may go on when its connection is closed.
const closeLimit = 20 * time.Second

func (c *connection) close() error {
	c.giveUp()
	ctx, cancel := context.WithTimeout(context.Background(), c.patience)
	defer cancel()
	var errs []error
	var shells sync.WaitGroup // that run nothing end while the locks are released
	if err := c.turn.Lock(ctx); err != nil {
		errs = append(errs, errors.New("a command was still running"), c.endAllGroups())
	} else {
		shells.Go(func() {
			c.endSeat(&c.seat)
			c.turn.Unlock()
		})
	}
	shells.Go(c.endIdle)
	ctx, cancel = context.WithTimeout(context.Background(), closeLimit)
	defer cancel()
	for _, k := range c.takeKeepers() {
		errs = append(errs, k.release(ctx))
	}
	shells.Wait()
	return errors.Join(append(errs, c.link.Close())...)
}
