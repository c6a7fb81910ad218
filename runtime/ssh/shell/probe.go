package shell

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"time"

	"runbook/runtime/event"
	"runbook/runtime/ssh"
)

// sessions is how many sessions a run needs at a time on one connection: the shell, the keeper of
// the lock, the files, and one that ends what runs in the shell, lists a folder, sends input or
// asks for the agent.
const sessions = 4

// Probe is what a run needs of an SSH server later.
type Probe struct {
	URL    string // an address that it will ask, as seen from the host, or ""
	Python string // see Dial
}

// Probe opens what a run needs later, so that a server that forbids it is known before anything is
// changed: the file session, as many sessions as a run may have at a time, and a connection to the
// URL. Whether anything listens there does not matter.
func (h *Host) Probe(ctx context.Context, p Probe) error {
	ctx = h.context(ctx)
	c, err := h.connection(ctx)
	if err != nil {
		return err
	}
	if err := h.probeSessions(ctx, c); err != nil {
		return err
	}
	if p.URL == "" {
		return nil
	}
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

// probeSessions opens as many sessions as a run may have at a time. The file session stays open.
func (h *Host) probeSessions(ctx context.Context, c *connection) error {
	if err := c.turn.Lock(ctx); err != nil {
		return err
	}
	_, err := c.ensureShell(ctx)
	c.turn.Unlock()
	open := 1
	if err == nil {
		_, err = h.Files(ctx)
	}
	if err == nil {
		open++
		c.mu.Lock()
		open += len(c.keepers)
		c.mu.Unlock()
	}
	for ; err == nil && open < sessions; open++ {
		var p *ssh.Process
		p, err = openSession(ctx, func(ctx context.Context) (*ssh.Process, error) {
			return c.link.Start(ctx, "exec /bin/sh") // it ends with its input
		}, func() {})
		if err != nil {
			break
		}
		defer p.Close()
	}
	var full *ssh.SessionError
	if errors.As(err, &full) && open < sessions {
		return event.WithHint(fmt.Errorf("the server allows too few sessions on a connection: %d, and a run needs %d", open, sessions),
			fmt.Sprintf("in its sshd_config, MaxSessions must be %d or more; the default is 10", sessions))
	}
	return err
}
