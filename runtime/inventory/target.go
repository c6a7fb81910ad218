package inventory

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"runbook/runtime/event"
	"runbook/runtime/inventory/selection"
)

// Target is a server to log in to, written as [user@]host[:port].
type Target struct {
	User string // "" when not written
	Host string // a host name or an IP address, without brackets
	Port int    // 0 when not written
	// Alias is the server's name in known_hosts files, if ssh_config gives it another
	// (HostKeyAlias).
	Alias string
}

// ParseTarget parses [user@]host[:port]. An IPv6 address is written in brackets.
func ParseTarget(text string) (Target, error) {
	if text == "" {
		return Target{}, errors.New("missing host")
	}
	if err := checkText(text); err != nil {
		return Target{}, err
	}
	var t Target
	rest := text
	if i := strings.LastIndexByte(text, '@'); i >= 0 {
		t.User, rest = text[:i], text[i+1:]
		if err := checkUser(t.User); err != nil {
			return Target{}, fmt.Errorf("user: %w", err)
		}
	}
	host, port, hasPort, err := splitPort(rest)
	if err != nil {
		return Target{}, err
	}
	if err := checkAddress(host); err != nil {
		return Target{}, err
	}
	t.Host = host
	if hasPort {
		t.Port, err = parsePort(port)
	}
	return t, err
}

// splitPort splits host[:port] and removes the brackets of an IPv6 address.
func splitPort(text string) (host, port string, hasPort bool, err error) {
	if !strings.HasPrefix(text, "[") {
		if strings.Count(text, ":") > 1 {
			err := fmt.Errorf("%q has more than one colon", text)
			return "", "", false, event.WithHint(err,
				"write an IPv6 address in brackets: [2001:db8::1] or [2001:db8::1]:22")
		}
		host, port, hasPort = strings.Cut(text, ":")
		return host, port, hasPort, nil
	}
	host, rest, closed := strings.Cut(text[1:], "]")
	if !closed {
		return "", "", false, fmt.Errorf("%q has no closing bracket", text)
	}
	if ip, err := netip.ParseAddr(host); err != nil || !ip.Is6() {
		return "", "", false, fmt.Errorf("%q is not an IPv6 address; only these are written in brackets", host)
	}
	if rest != "" && rest[0] != ':' {
		return "", "", false, fmt.Errorf("%q: only :PORT may follow the closing bracket", text)
	}
	port, hasPort = strings.CutPrefix(rest, ":")
	return host, port, hasPort, nil
}

// ParseSCP parses [user@]host:path, git's short form of an ssh URL.
func ParseSCP(text string) (t Target, path string, err error) {
	colon := strings.IndexByte(text, ':')
	if bracket := strings.IndexByte(text, '['); bracket >= 0 && bracket < colon {
		if end := strings.Index(text, "]:"); end >= 0 {
			colon = end + 1
		}
	}
	if colon < 0 || colon == len(text)-1 {
		return Target{}, "", errors.New("want [user@]host:path")
	}
	if t, err = ParseTarget(text[:colon]); err == nil {
		err = t.checkServer()
	}
	if err != nil {
		return Target{}, "", err
	}
	return t, text[colon+1:], nil
}

// ParseServer parses an ssh server: user@host[:port], or a repository's URL, user@host:path or
// ssh://user@host[:port]/path.
func ParseServer(text string) (Target, error) {
	switch {
	case strings.Contains(text, "://"):
		return parseServerURL(text)
	case strings.HasPrefix(text, "/"):
		return Target{}, event.WithHint(errors.New("a path needs no SSH key"), "leave it out")
	}
	// After the colon comes a port if it is a number, else a repository's path.
	t, path, err := ParseSCP(text)
	if _, number := strconv.Atoi(path); err == nil && number != nil {
		return t, nil
	}
	return ParseTarget(text)
}

func parseServerURL(text string) (Target, error) {
	u, err := url.Parse(text)
	if err != nil {
		return Target{}, errors.New("not a URL")
	}
	if u.Scheme != "ssh" {
		return Target{}, event.WithHint(fmt.Errorf("%s needs no SSH key", u.Scheme), "leave it out")
	}
	if _, ok := u.User.Password(); ok {
		return Target{}, errors.New("a URL with a password is not accepted")
	}
	return URLTarget(u)
}

// URLTarget returns the server that a URL names. Its error never repeats a password.
func URLTarget(u *url.URL) (Target, error) {
	host, port, _, err := splitPort(u.Host)
	if err == nil {
		err = checkAddress(host)
	}
	t := Target{Host: host}
	if err == nil && port != "" {
		t.Port, err = parsePort(port)
	}
	if err == nil && u.User != nil {
		t.User = u.User.Username()
		if err = checkUser(t.User); err != nil {
			err = fmt.Errorf("user: %w", err)
		}
	}
	if err == nil {
		err = t.checkServer()
	}
	if err != nil {
		return Target{}, err
	}
	return t, nil
}

// checkServer rejects what git, ssh or a known_hosts file could read as something else.
func (t Target) checkServer() error {
	if i := strings.IndexAny(t.User, `@/*?!,\`); i >= 0 {
		return fmt.Errorf("user: %q contains %q", t.User, t.User[i])
	}
	if strings.Contains(t.Host, "%") {
		return fmt.Errorf("%q: an address with a zone is not supported here", t.Host)
	}
	return nil
}

// KnownName returns the server's name in known_hosts files: its alias, or HOST, or [HOST]:PORT for
// a port other than 22.
func (t Target) KnownName() string {
	if t.Alias != "" {
		return t.Alias
	}
	if cmp.Or(t.Port, 22) == 22 {
		return t.Host
	}
	return "[" + t.Host + "]:" + strconv.Itoa(t.Port)
}

// Login returns the ssh command that logs in, for hints.
func (t Target) Login() string {
	words := "ssh "
	if cmp.Or(t.Port, 22) != 22 {
		words += fmt.Sprintf("-p %d ", t.Port)
	}
	if t.User != "" {
		words += t.User + "@"
	}
	return words + t.Host
}

func parsePort(text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > 65535 || strings.HasPrefix(text, "+") {
		return 0, fmt.Errorf("port: want a number from 1 to 65535, got %q", text)
	}
	return n, nil
}

// parseEntry parses [user@]host[:port] of a host list. The host's name is the text without the
// user.
func parseEntry(text string) (entry, error) {
	t, err := ParseTarget(text)
	if err != nil {
		return entry{}, err
	}
	e := entry{name: t.Host, address: t.Host, port: t.Port, user: t.User}
	if t.Port != 0 {
		e.name = text[strings.LastIndexByte(text, '@')+1:]
	}
	return e, nil
}

// checkText rejects text that a command could take for an option or that would break a line of
// output. Names, addresses and users appear in both.
func checkText(s string) error {
	switch {
	case s == "":
		return errors.New("is empty")
	case !utf8.ValidString(s):
		return fmt.Errorf("%q is not UTF-8", s)
	case s[0] == '-':
		return fmt.Errorf("%q begins with a dash", s)
	}
	for _, r := range s {
		if unicode.IsControl(r) || !unicode.IsGraphic(r) {
			return fmt.Errorf("%q contains a control character", s)
		}
		if unicode.IsSpace(r) {
			return fmt.Errorf("%q contains a space", s)
		}
	}
	return nil
}

// checkName also rejects characters that have a meaning in --only or --hosts.
func checkName(s string) error {
	if err := checkText(s); err != nil {
		return err
	}
	if i := strings.IndexAny(s, `*?,@/\`); i >= 0 {
		return fmt.Errorf("%q contains %q, which is not allowed in a name", s, s[i])
	}
	if strings.HasPrefix(s, selection.TagPrefix) {
		return fmt.Errorf("%q begins with %q, which selects tags in --only and --except", s, selection.TagPrefix)
	}
	return nil
}

func checkAddress(s string) error {
	if s == "" {
		return errors.New("missing address")
	}
	if err := checkText(s); err != nil {
		return err
	}
	name := s
	if ip, err := netip.ParseAddr(s); err == nil {
		name = ip.Zone() // a network interface; netip accepts any text there
	}
	for _, r := range name {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '-', r == '_':
		default:
			return fmt.Errorf("%q is not a host name or an IP address: it contains %q", s, r)
		}
	}
	if len(s) > 253 {
		return fmt.Errorf("%.20q… is too long for a host name", s)
	}
	return nil
}

// checkUser rejects what OpenSSH rejects in a user name, because the name becomes part of command
// lines.
func checkUser(s string) error {
	if err := checkText(s); err != nil {
		return err
	}
	if i := strings.IndexAny(s, "'`\";&<>|(){}$"); i >= 0 {
		return fmt.Errorf("%q contains %q", s, s[i])
	}
	if strings.HasSuffix(s, `\`) {
		return fmt.Errorf("%q ends with a backslash", s)
	}
	return nil
}
