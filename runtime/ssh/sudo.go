package ssh

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"runbook/runtime/event"
)

// inShellBody wraps the body of a command for the long-lived shell. Under sudo the script travels by a pipe, so that neither it
// nor its variables appear in the host's list of processes; begin is printed when sudo has let it through.
func inShellBody(body, sudo, begin string) (string, error) {
	if sudo == "" {
		return body, nil
	}
	user, err := Quote(sudo)
	if err != nil {
		return "", fmt.Errorf("sudo: %w", err)
	}
	inner, err := Quote("printf '%s' '" + begin + "' >&2; " + body)
	if err != nil {
		return "", err
	}
	return "printf '%s' " + inner + " | sudo -n -u " + user + ` -- /bin/sh -c 'eval "$(cat)" </dev/null'`, nil
}

// sudo says how to become user: "" when no password is asked for, else the password.
func (h *Host) sudo(ctx context.Context, conn *connection, user string) (string, error) {
	if strings.HasPrefix(user, "-") {
		return "", fmt.Errorf("sudo: %q is no user", user)
	}
	switch h.target.Sudo {
	case "passwordless":
		return "", nil
	case "ask":
	default:
		if h.local {
			return "", nil // there is no hosts file to state it in
		}
		return "", event.WithHint(fmt.Errorf("the recipe asks for sudo, which is off for %s", h.Name()),
			`set sudo = "passwordless" or sudo = "ask" for it in the hosts file`)
	}
	quoted, err := Quote(user)
	if err != nil {
		return "", err
	}
	probe := &running{host: h, conn: conn, body: "LC_ALL=C sudo -n -u " + quoted + " -- true", text: "sudo -n true", out: newOutput(ctx, Command{Quiet: true})}
	if err := probe.inShell(ctx); err != nil {
		return "", err
	}
	if probe.code == 0 {
		return "", nil
	}
	said := probe.out.tail()
	for _, need := range []string{"password is required", "terminal is required", "must have a tty", "askpass"} {
		if strings.Contains(said, need) {
			return h.password(ctx)
		}
	}
	return "", h.sudoRefused(user, probe.out, probe.code) // a password would not help
}

// password asks for the password of sudo, once a host.
func (h *Host) password(ctx context.Context) (string, error) {
	if err := h.asking.lock(ctx); err != nil {
		return "", err
	}
	defer h.asking.unlock()
	if h.secret != "" {
		return h.secret, nil
	}
	p, err := h.pool.ask(ctx, fmt.Sprintf("sudo password of %s on %s: ", h.target.User, h.Name()), true)
	switch {
	case errors.Is(err, errNoTerminal):
		return "", event.WithHint(fmt.Errorf("sudo asks for a password, and there is no terminal to ask on"),
			"allow the command without one (NOPASSWD in sudoers), or run from a terminal")
	case err != nil:
		return "", err
	case p == "":
		return "", errors.New("no password for sudo was given")
	case strings.ContainsAny(p, "\n\x00"):
		return "", errors.New("the password for sudo has a line break in it")
	}
	event.AddSecret(ctx, p)
	h.secret = p
	return p, nil
}

// wrongPassword forgets the password, so that it isn't tried again: too many failures lock an account.
func (h *Host) wrongPassword(user string) error {
	h.asking <- struct{}{}
	defer h.asking.unlock()
	h.secret = ""
	return &SudoError{Host: h.Name(), User: user, Reason: "the password is wrong"}
}

// sudoRefused is the error of a command that sudo did not start, in sudo's own words.
func (h *Host) sudoRefused(user string, out *output, code int) error {
	reason := firstLine(out.tail())
	if reason == "" {
		reason = fmt.Sprintf("it exited %d without a word", code)
	}
	err := error(&SudoError{Host: h.Name(), User: user, Reason: reason})
	switch {
	case strings.Contains(reason, "password is required"), strings.Contains(reason, "terminal is required"):
		err = event.WithHint(err, `set sudo = "ask" in the hosts file, or allow it without a password (NOPASSWD in sudoers)`)
	case strings.Contains(reason, "not found"):
		err = event.WithHint(err, "install sudo on the host, or log in as the user itself")
	}
	return err
}
