package git

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"path"
	"regexp"
	"strings"
	"unicode"

	"runbook/runtime/event"
	"runbook/runtime/inventory"
)

// Transport is the protocol that reaches a repository.
type Transport string

// The transports. Others are not supported: git would run programs for some of them.
const (
	SSH   Transport = "ssh"
	HTTPS Transport = "https"
	File  Transport = "file"
)

// Repo is a repository's parsed URL.
type Repo struct {
	URL              string // as given, but without the user and the password of https, for git, events and files
	Transport        Transport
	inventory.Target        // empty for File; the user only for SSH; the port is 22 for SSH without one
	Path             string // for File absolute, on the host where git runs

	credential *credential // of https, or nil
	server     *server     // of ssh
}

// credential is the login of an https URL. Without a password the user may be a token.
type credential struct {
	host           string // as git asks for it: HOST or HOST:PORT
	user, password string
}

// Address returns the name of an ssh server in known_hosts files. It is "" for other transports.
func (r Repo) Address() string {
	if r.Transport != SSH {
		return ""
	}
	return r.KnownName()
}

// remoteHelper matches an address for which git runs a program: NAME::….
var remoteHelper = regexp.MustCompile(`^[^/@:\[]*::`)

// ParseRepo parses ssh://[user@]host[:port]/path, [user@]host:path, https://…, file:///path, and
// /path on the host.
func ParseRepo(text string) (Repo, error) {
	r, err := parseRepo(text)
	if err != nil {
		err = fmt.Errorf("repository %q: %w", withoutLogin(text), err)
		if event.Hint(err) == "" {
			err = event.WithHint(err,
				"write ssh://user@host/path, user@host:path, https://…, or an absolute path on the host")
		}
		return Repo{}, err
	}
	r.URL = text
	if r.credential != nil {
		r.URL = withoutLogin(text)
	}
	return r, nil
}

// withoutLogin returns a URL without its user and password.
func withoutLogin(text string) string {
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok {
		return text
	}
	authority, path := rest, ""
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		authority, path = rest[:i], rest[i:]
	}
	return scheme + "://" + authority[strings.LastIndexByte(authority, '@')+1:] + path
}

func parseRepo(text string) (Repo, error) {
	switch {
	case text == "":
		return Repo{}, errors.New("is empty")
	case strings.HasPrefix(text, "-"):
		return Repo{}, errors.New("begins with -, which git would take for an option")
	case strings.ContainsFunc(text, func(c rune) bool { return c < ' ' || c == 0x7f }):
		return Repo{}, errors.New("contains a control character")
	case strings.HasPrefix(text, "/"):
		return Repo{Transport: File, Path: path.Clean(text)}, nil
	case remoteHelper.MatchString(text):
		return Repo{}, errors.New("git would run a program for it")
	case strings.Contains(text, "://"):
		return parseURL(text)
	}
	target, path, err := inventory.ParseSCP(text)
	if err != nil {
		return Repo{}, err
	}
	target.Port = 22
	return Repo{Transport: SSH, Target: target, Path: path}, nil
}

func parseURL(text string) (Repo, error) {
	u, err := url.Parse(text)
	if err != nil {
		return Repo{}, errors.New("not a URL")
	}
	if u.Path == "" || u.Path == "/" {
		return Repo{}, errors.New("missing path")
	}
	r := Repo{Transport: Transport(u.Scheme), Path: u.Path}
	password, hasPassword := u.User.Password()
	if hasPassword && r.Transport != HTTPS {
		return Repo{}, event.WithHint(errors.New("contains a password, which only https supports"),
			"use ssh with a deploy key")
	}
	switch r.Transport {
	case SSH:
		r.Target, err = inventory.URLTarget(u)
		r.Port = cmp.Or(r.Port, 22)
	case HTTPS:
		if login := u.User; login != nil {
			r.credential = &credential{host: u.Host, user: login.Username(), password: password}
			if strings.ContainsFunc(login.Username()+password, unicode.IsControl) {
				return Repo{}, errors.New("control character in the user or the password")
			}
			u.User = nil // a token, which is not subject to the rules for user names
		}
		r.Target, err = inventory.URLTarget(u)
	case File:
		if u.Host != "" || u.User != nil {
			return Repo{}, errors.New("a file URL has no host; write file:///path")
		}
		r.Path = path.Clean(r.Path)
	default:
		return Repo{}, fmt.Errorf("%s is not a supported transport", u.Scheme)
	}
	return r, err
}
