package shell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"time"

	"golang.org/x/sync/errgroup"

	"runbook/runtime/event"
	"runbook/runtime/ssh"
)

// sessions is how many sessions a run needs at a time on one connection: the shell, the keeper of
// the lock, one that sends input or asks the agent, and one that ends what runs in that.
const sessions = 4

// Probe describes what a run will need from an SSH server.
type Probe struct {
	URL    string // an address that it will ask, as seen from the host, or ""
	Python string // see Dial
}

// Probe opens what a run needs later, so that a server that forbids it is detected before anything
// is changed: as many sessions as a run may have at a time, and a connection to the URL. Whether
// anything listens there does not matter.
func (h *Host) Probe(ctx context.Context, p Probe) error {
	ctx = h.context(ctx)
	c, err := h.connection(ctx)
	if err != nil {
		return err
	}
	var group errgroup.Group
	group.Go(func() error { return h.probeSessions(ctx, c) })
	if p.URL != "" {
		group.Go(func() error { return h.probeURL(ctx, p) })
	}
	return group.Wait()
}

func (h *Host) probeURL(ctx context.Context, p Probe) error {
	at, err := url.Parse(p.URL)
	if err != nil {
		return err
	}
	port := at.Port()
	if port == "" {
		port = at.Scheme
	}
	limited, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	conn, err := h.Dial(limited, "tcp", net.JoinHostPort(at.Hostname(), port), p.Python)
	var forbidden *ssh.ForbiddenError
	var full *ssh.SessionError
	switch {
	case err == nil:
		return conn.Close()
	case errors.As(err, &forbidden), errors.As(err, &full), ctx.Err() != nil:
		return err
	}
	return nil // nothing answers there yet
}

// probeSessions opens as many sessions as a run may have at a time, all at once.
func (h *Host) probeSessions(ctx context.Context, c *connection) error {
	select {
	case <-c.begun:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	open, err := 0, error(nil)
	if c.turn.TryLock() { // else a command runs in the shell
		err = c.ensureShell(ctx, &c.seat)
		c.turn.Unlock()
	}
	if err == nil {
		open, err = h.probeMore(ctx, c, sessions-c.countSessions())
		open += c.countSessions() // other functions of the recipe may have opened some meanwhile
	}
	if full := new(ssh.SessionError); errors.As(err, &full) {
		if open >= sessions {
			return nil
		}
		return event.WithHint(fmt.Errorf("the server allows too few sessions on a connection: %d, and a run needs %d",
			open, sessions),
			fmt.Sprintf("in its sshd_config, MaxSessions must be %d or more; the default is 10", sessions))
	}
	return err
}

// countSessions counts the sessions of the login user's shells and of the keepers.
func (c *connection) countSessions() int {
	open, second := 1, c.seatOf("")
	if !second.turn.TryLock() {
		open++
	} else {
		if second.shell != nil {
			open++
		}
		second.turn.Unlock()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return open + len(c.living())
}

// probeMore opens this many sessions and closes them. It returns how many it could open.
func (h *Host) probeMore(ctx context.Context, c *connection, wanted int) (int, error) {
	if h.local {
		return 0, nil
	}
	probes := make([]io.Closer, max(0, wanted))
	var group errgroup.Group
	for i := range probes {
		group.Go(func() error {
			s, err := openSession(ctx, c.link.Session, c.makeSomeRoom)
			if err == nil {
				probes[i] = s
			}
			return err
		})
	}
	err, open := group.Wait(), 0
	for _, s := range probes {
		if s != nil {
			_ = s.Close() // it fails if the server has closed it
			open++
		}
	}
	return open, err
}
