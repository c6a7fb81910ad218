package agent

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"runbook/runtime/event"
	"runbook/runtime/inventory"
	"runbook/runtime/ssh"
)

// Servers holds what this machine knows of git servers.
type Servers struct {
	KnownHosts []string         // known_hosts files on this machine
	Names      *inventory.Names // what git and ssh here call them; may be nil
}

// Destination is a server that a key may log in to. Its port is never 0.
type Destination struct {
	inventory.Target
	HostKeys ssh.Known // the host keys that prove the server's identity
}

// Address returns the server's name in known_hosts files.
func (d Destination) Address() string { return d.KnownName() }

func (d Destination) String() string { return d.User + "@" + d.Address() }

// destination returns the server that a text names: a repository's URL (ssh://user@host[:port]/path
// or user@host:path) or user@host[:port]. It adds the host keys that this machine knows, without
// revoked ones. The user and the host keys may be missing.
func (s Servers) destination(ctx context.Context, text string) (Destination, error) {
	real, err := s.Names.Replace(ctx, text)
	if err != nil {
		return Destination{}, err
	}
	t, err := inventory.ParseServer(real)
	// Users on hosts may have these in their names, users of git servers do not.
	if err == nil && strings.ContainsAny(t.User, "@/") {
		err = fmt.Errorf("the user %q has @ or / in it", t.User)
	}
	if err != nil {
		err = fmt.Errorf("destination %q: %w", text, err)
		if event.Hint(err) == "" {
			err = event.WithHint(err, "write user@host[:port], user@host:path or ssh://user@host[:port]/path")
		}
		return Destination{}, err
	}
	server, err := s.Names.Server(ctx, t)
	if err != nil {
		return Destination{}, err
	}
	d := Destination{Target: server.Target}
	d.Port = cmp.Or(d.Port, 22)
	known, err := ssh.KnownServer(slices.Concat(s.KnownHosts, server.KnownHosts), d.Address())
	if err == nil {
		d.HostKeys, err = known.Usable(d.Address())
	}
	if err != nil {
		return d, fmt.Errorf("host key of %s: %w", d.Address(), err)
	}
	return d, nil
}

// check returns an error for a destination without a user or without a host key: the agent inside
// runbook signs for neither.
func (d Destination) check() error {
	if d.User == "" {
		return event.WithHint(fmt.Errorf("destination %s names no user", d.Address()),
			"write user@host (most git servers have the user git): the agent signs for named users only")
	}
	if d.HostKeys.Empty() {
		return event.WithHint(fmt.Errorf("host key of %s: not known on this machine, "+
			"so the agent cannot tell it from another server", d.Address()),
			"run `"+d.Login()+"` here once and compare the fingerprint with what its admin publishes")
	}
	return nil
}
