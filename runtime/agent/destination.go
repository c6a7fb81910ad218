package agent

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"

	"runbook/runtime/event"
	"runbook/runtime/ssh"
)

// Destination is a server that a key may be used to log in to.
type Destination struct {
	User     string
	Host     string // a name or an address, without brackets
	Port     int
	HostKeys ssh.Known // what the server may identify itself by
}

// Address is how known_hosts files name the server: HOST, or [HOST]:PORT.
func (d Destination) Address() string {
	if d.Port == 22 {
		return d.Host
	}
	return "[" + d.Host + "]:" + strconv.Itoa(d.Port)
}

func (d Destination) String() string { return d.User + "@" + d.Address() }

// ParseDestination reads a repository's URL (ssh://user@host[:port]/path or user@host:path) or user@host[:port].
// HostKeys stay empty. Without a user it is an error: the agent signs for stated users only.
func ParseDestination(text string) (Destination, error) {
	d, err := parseDestination(text)
	if err == nil && d.User == "" {
		return Destination{}, event.WithHint(fmt.Errorf("destination %q names no user", text),
			"write user@host (most git servers have the user git): the agent signs for stated users only")
	}
	return d, err
}

// parseDestination reads the same; the user may be left out.
func parseDestination(text string) (Destination, error) {
	user, host, port, err := splitDestination(text)
	if err != nil {
		return Destination{}, fmt.Errorf("destination %q: %w", text, err)
	}
	if strings.ContainsFunc(user+host, func(r rune) bool { return r <= ' ' || r == 0x7f || strings.ContainsRune(`@/\*?'"`, r) }) ||
		strings.HasPrefix(user, "-") || strings.HasPrefix(host, "-") || host == "" || strings.Contains(host, ":") && net.ParseIP(host) == nil {
		return Destination{}, fmt.Errorf("destination %q: want user@host[:port] or ssh://user@host[:port]/path", text)
	}
	n := 22
	if port != "" {
		if n, err = strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return Destination{}, fmt.Errorf("destination %q: %q is no port", text, port)
		}
	}
	return Destination{User: user, Host: host, Port: n}, nil
}

func splitDestination(text string) (user, host, port string, err error) {
	if strings.Contains(text, "://") {
		u, err := url.Parse(text)
		if err != nil {
			return "", "", "", errors.New("not a URL")
		}
		if u.Scheme != "ssh" {
			return "", "", "", event.WithHint(fmt.Errorf("%s needs no SSH key", u.Scheme), "leave it out of the agent's destinations")
		}
		if _, ok := u.User.Password(); ok {
			return "", "", "", errors.New("a password has no place in it")
		}
		return u.User.Username(), u.Hostname(), u.Port(), nil
	}
	if strings.HasPrefix(text, "/") {
		return "", "", "", event.WithHint(errors.New("a path needs no SSH key"), "leave it out of the agent's destinations")
	}
	rest := text
	if before, after, ok := strings.Cut(text, "@"); ok {
		user, rest = before, after
	}
	host, rest, _ = strings.Cut(rest, ":")
	if strings.HasPrefix(host, "[") { // an IPv6 address
		_, whole, _ := strings.Cut(text, "[")
		inside, after, ok := strings.Cut(whole, "]")
		if !ok || net.ParseIP(inside) == nil {
			return "", "", "", errors.New("want an address between [ and ]")
		}
		host, rest = inside, strings.TrimPrefix(after, ":")
	}
	// What stands behind the colon is a port when it is a number, else a repository's path.
	if _, err := strconv.Atoi(rest); err == nil {
		port = rest
	}
	return user, host, port, nil
}

// known fills in a destination's host keys from known_hosts files on this machine, without those that are revoked.
func (d Destination) known(files []string) (Destination, error) {
	known, err := ssh.KnownServer(files, d.Address())
	if err == nil {
		known, err = known.Usable(d.Address())
	}
	if err != nil {
		return d, fmt.Errorf("host key of %s: %w", d.Address(), err)
	}
	d.HostKeys = known
	return d, nil
}

// Known does the same, and fails when the files have no key of the server.
func (d Destination) Known(files []string) (Destination, error) {
	d, err := d.known(files)
	if err != nil || !d.HostKeys.Empty() {
		return d, err
	}
	return d, event.WithHint(fmt.Errorf("this machine doesn't know the host key of %s, so the agent couldn't tell it from another server", d.Address()),
		"run `"+d.login()+"` here once and compare the fingerprint with what its admin publishes")
}

// login is how a person would reach the server, for hints.
func (d Destination) login() string {
	words := "ssh "
	if d.Port != 22 {
		words += fmt.Sprintf("-p %d ", d.Port)
	}
	if d.User != "" {
		words += d.User + "@"
	}
	return words + d.Host
}
