package inventory

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"runbook/runtime/event"
)

// parseTarget reads [user@]host[:port] into an entry whose name is what was written, without the user. An IPv6
// address stands in brackets.
func parseTarget(s string) (entry, error) {
	if s == "" {
		return entry{}, errors.New("a host is missing")
	}
	if err := checkText(s); err != nil {
		return entry{}, err
	}
	var e entry
	rest := s
	if i := strings.LastIndexByte(s, '@'); i >= 0 {
		e.user, rest = s[:i], s[i+1:]
		if err := checkUser(e.user); err != nil {
			return entry{}, fmt.Errorf("user: %w", err)
		}
	}
	host, port, hasPort := rest, "", false
	if strings.HasPrefix(rest, "[") {
		end := strings.IndexByte(rest, ']')
		if end < 0 {
			return entry{}, fmt.Errorf("%q has no closing bracket", s)
		}
		host, port = rest[1:end], rest[end+1:]
		if port != "" && port[0] != ':' {
			return entry{}, fmt.Errorf("%q: after the closing bracket only :PORT may stand", s)
		}
		if _, err := netip.ParseAddr(host); err != nil || !strings.Contains(host, ":") {
			return entry{}, fmt.Errorf("%q: %q is no IPv6 address, and only these stand in brackets", s, host)
		}
		port, hasPort = strings.CutPrefix(port, ":")
	} else if strings.Count(rest, ":") > 1 {
		err := fmt.Errorf("%q has more than one colon", s)
		return entry{}, event.WithHint(err, "an IPv6 address stands in brackets: [2001:db8::1] or [2001:db8::1]:22")
	} else {
		host, port, hasPort = strings.Cut(rest, ":")
	}
	if err := checkAddress(host); err != nil {
		return entry{}, err
	}
	e.address, e.name = host, host
	if hasPort {
		var err error
		if e.port, err = parsePort(port); err != nil {
			return entry{}, err
		}
		e.name = rest
	}
	return e, nil
}

func parsePort(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > 65535 || strings.HasPrefix(s, "+") {
		return 0, fmt.Errorf("port: want a number from 1 to 65535, got %q", s)
	}
	return n, nil
}

// checkText refuses what could be taken for an option of a command or break a line of output: names, addresses
// and users come into both.
func checkText(s string) error {
	switch {
	case s == "":
		return errors.New("it is empty")
	case !utf8.ValidString(s):
		return fmt.Errorf("%q is not UTF-8", s)
	case s[0] == '-':
		return fmt.Errorf("%q begins with a dash", s)
	}
	for _, r := range s {
		if unicode.IsControl(r) || !unicode.IsGraphic(r) {
			return fmt.Errorf("%q has a control character in it", s)
		}
		if unicode.IsSpace(r) {
			return fmt.Errorf("%q has a space in it", s)
		}
	}
	return nil
}

// checkName also refuses what would give a name a second meaning in --only or in --hosts.
func checkName(s string) error {
	if err := checkText(s); err != nil {
		return err
	}
	if i := strings.IndexAny(s, `*?,@/\`); i >= 0 {
		return fmt.Errorf("%q has the character %q in it, which can't be part of a name", s, s[i])
	}
	if strings.HasPrefix(s, tagPrefix) {
		return fmt.Errorf("%q begins with %q, which means tags in --only", s, tagPrefix)
	}
	return nil
}

func checkAddress(s string) error {
	if s == "" {
		return errors.New("the host's address is missing")
	}
	if err := checkText(s); err != nil {
		return err
	}
	name := s
	if ip, err := netip.ParseAddr(s); err == nil {
		name = ip.Zone() // an interface, which netip takes whatever is in it
	}
	for _, r := range name {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '-', r == '_':
		default:
			return fmt.Errorf("%q is no host name or IP address: it has the character %q in it", s, r)
		}
	}
	if len(s) > 253 {
		return fmt.Errorf("%.20q… is too long for a host name", s)
	}
	return nil
}

// checkUser refuses what OpenSSH refuses in a user's name: it ends up in command lines on the way.
func checkUser(s string) error {
	if err := checkText(s); err != nil {
		return err
	}
	if i := strings.IndexAny(s, "'`\";&<>|(){}$"); i >= 0 {
		return fmt.Errorf("%q has the character %q in it", s, s[i])
	}
	if strings.HasSuffix(s, `\`) {
		return fmt.Errorf("%q ends with a backslash", s)
	}
	return nil
}
