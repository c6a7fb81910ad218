package shell

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"runbook/runtime/event"
	"runbook/runtime/ssh"
	"runbook/runtime/ssh/shell/output"
)

// sudoPassword returns the password that sudo needs for user, or "" if it needs none.
func (h *Host) sudoPassword(ctx context.Context, conn *connection, user string) (string, error) {
	if strings.HasPrefix(user, "-") {
		return "", fmt.Errorf("sudo: %q is not a user", user)
	}
	switch h.target.Sudo {
	case "passwordless":
		return "", nil
	case "ask":
	default:
		if h.local {
			return "", nil // this machine is in no hosts file that could allow it
		}
		return "", event.WithHint(fmt.Errorf("the recipe asks for sudo, which is off for %s", h.Name()),
			`set sudo = "passwordless" or sudo = "ask" for it in the hosts file`)
	}
	quoted, err := ssh.Quote(user)
	if err != nil {
		return "", err
	}
	probe := &execution{host: h, conn: conn, text: "sudo -n true"}
	probe.out = newOutput(ctx, h, Command{Quiet: true})
	probe.body = "LC_ALL=C sudo -n -u " + quoted + " -- true"
	if err := probe.runInShell(ctx); err != nil {
		return "", err
	}
	if probe.code == 0 {
		return "", nil
	}
	said := probe.out.Tail()
	for _, need := range []string{"password is required", "terminal is required", "must have a tty", "askpass"} {
		if strings.Contains(said, need) {
			return h.askPassword(ctx)
		}
	}
	return "", h.sudoRefused(user, probe.out, probe.code) // a password would not help
}

// askPassword asks for the password of sudo, once for each host.
func (h *Host) askPassword(ctx context.Context) (string, error) {
	if err := h.asking.Lock(ctx); err != nil {
		return "", err
	}
	defer h.asking.Unlock()
	if h.password != "" {
		return h.password, nil
	}
	p, err := h.pool.dialer.Ask(ctx, fmt.Sprintf("sudo password of %s on %s: ", h.target.User, h.Name()), true)
	switch {
	case errors.Is(err, ssh.ErrNoTerminal):
		return "", event.WithHint(errors.New("sudo asks for a password, and there is no terminal to ask on"),
			"allow the command without one (NOPASSWD in sudoers), or run from a terminal")
	case err != nil:
		return "", err
	case p == "":
		return "", errors.New("no password for sudo was given")
	case strings.ContainsAny(p, "\n\x00"):
		return "", errors.New("the password for sudo has a line break in it")
	}
	h.pool.stream.AddSecret(p)
	h.password = p
	return p, nil
}

// wrongPassword forgets the password, so that it is not tried again: too many failures lock an
// account.
func (h *Host) wrongPassword(user string) error {
	h.asking.LockAnyway()
	defer h.asking.Unlock()
	h.password = ""
	return &SudoError{Host: h.Name(), User: user, Reason: "the password is wrong"}
}

// sudoRefused returns the error of a command that sudo did not start, in sudo's own words.
func (h *Host) sudoRefused(user string, out *output.Collector, code int) error {
	reason := firstLine(out.Tail())
	if reason == "" {
		reason = fmt.Sprintf("it exited %d without a word", code)
	}
	err := error(&SudoError{Host: h.Name(), User: user, Reason: reason})
	switch {
	case strings.Contains(reason, "password is required"), strings.Contains(reason, "terminal is required"):
		err = event.WithHint(err,
			`set sudo = "ask" in the hosts file, or allow it without a password (NOPASSWD in sudoers)`)
	case strings.Contains(reason, "not found"):
		err = event.WithHint(err, "install sudo on the host, or log in as the user itself")
	}
	return err
}
