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
	if err := c.turn.Lock(ctx); err != nil {
		return err
	}
	err := c.ensureShell(ctx, &c.seat)
	c.turn.Unlock()
	open := 0
	if err == nil {
		c.mu.Lock()
		open = 1 + len(c.keepers)
		c.mu.Unlock()
		open, err = h.probeMore(ctx, c, open)
	}
	var full *ssh.SessionError
	if errors.As(err, &full) {
		return event.WithHint(fmt.Errorf("the server allows too few sessions on a connection: %d, and a run needs %d",
			open, sessions),
			fmt.Sprintf("in its sshd_config, MaxSessions must be %d or more; the default is 10", sessions))
	}
	return err
}

// probeMore opens sessions in addition to the open ones, and returns how many were open in total.
func (h *Host) probeMore(ctx context.Context, c *connection, open int) (int, error) {
	if h.local {
		return open, nil
	}
	probes := make([]io.Closer, max(0, sessions-open))
	var group errgroup.Group
	for i := range probes {
		group.Go(func() error {
			s, err := openSession(ctx, c.link.Session, c.endIdle)
			if err == nil {
				probes[i] = s
			}
			return err
		})
	}
	err := group.Wait()
	for _, s := range probes {
		if s != nil {
			_ = s.Close() // it fails if the server has closed it
			open++
		}
	}
	return open, err
}
