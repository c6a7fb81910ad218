package git

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"path"
	"regexp"
	"strconv"
	"strings"

	"runbook/runtime/event"
)

// Transport is how a repository is reached.
type Transport string

// The transports. No other is used: git would run programs for some of them.
const (
	SSH   Transport = "ssh"
	HTTPS Transport = "https"
	File  Transport = "file"
)

// Repo is a repository's URL, read.
type Repo struct {
	URL       string // as given, without the user and the password of https: what git gets, what is shown and what files keep
	Transport Transport
	User      string // of ssh; "" when the URL names none
	Host      string // without brackets; "" for File
	Port      int    // 22 for ssh unless the URL says another; 0 for others unless it says one
	Path      string // for File absolute, on the host where git runs

	credential *credential // of https, or nil
}

// credential is what an https URL logs in with. Without a password the user may be a token.
type credential struct {
	host           string // as git asks for it: HOST or HOST:PORT
	user, password string
}

// Address is how known_hosts files name an ssh server: HOST, or [HOST]:PORT. It is "" for other transports.
func (r Repo) Address() string {
	switch {
	case r.Transport != SSH:
		return ""
	case r.Port == 22:
		return r.Host
	}
	return "[" + r.Host + "]:" + strconv.Itoa(r.Port)
}

var (
	remoteHelper = regexp.MustCompile(`^[^/@:\[]*::`)

	scpForm  = regexp.MustCompile(`^(?:([^@:/]+)@)?(\[[^\]]*\]|[^@:/\[\]]+):(.+)$`)
	hostName = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_.])?$`)
	userName = regexp.MustCompile(`^[A-Za-z0-9_.+~=][A-Za-z0-9_.+~=-]*$`)
)

// ParseRepo reads ssh://[user@]host[:port]/path, [user@]host:path, https://…, file:///path, and /path on the host.
func ParseRepo(text string) (Repo, error) {
	r, err := parseRepo(text)
	if err != nil {
		err = fmt.Errorf("repository %q: %w", withoutLogin(text), err)
		if event.Hint(err) == "" {
			err = event.WithHint(err, "write ssh://user@host/path, user@host:path, https://…, or an absolute path on the host")
		}
		return Repo{}, err
	}
	r.URL = text
	if r.credential != nil {
		r.URL = withoutLogin(text)
	}
	return r, nil
}

// withoutLogin is a URL without the user and the password in it.
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
		return Repo{}, errors.New("it is empty")
	case strings.HasPrefix(text, "-"):
		return Repo{}, errors.New("it begins with -, which git would take for an option")
	case strings.ContainsFunc(text, func(c rune) bool { return c < ' ' || c == 0x7f }):
		return Repo{}, errors.New("there is a control character in it")
	case strings.HasPrefix(text, "/"):
		return Repo{Transport: File, Path: path.Clean(text)}, nil
	case remoteHelper.MatchString(text):
		return Repo{}, errors.New("git would run a program for it")
	case strings.Contains(text, "://"):
		return parseURL(text)
	}
	m := scpForm.FindStringSubmatch(text)
	if m == nil {
		return Repo{}, errors.New("it is no repository's URL, and no absolute path")
	}
	r := Repo{Transport: SSH, User: m[1], Host: m[2], Port: 22, Path: m[3]}
	if strings.HasPrefix(r.Host, "[") {
		r.Host = strings.Trim(r.Host, "[]")
		if net.ParseIP(r.Host) == nil { // git also knows [host:port]:path, which reads like something else
			return Repo{}, errors.New("only an address may stand between [ and ]; with a port write ssh://user@host:port/path")
		}
	}
	return r, r.check(m[1] != "")
}

func parseURL(text string) (Repo, error) {
	u, err := url.Parse(text)
	if err != nil {
		return Repo{}, errors.New("it is not a URL")
	}
	r := Repo{Transport: Transport(u.Scheme), User: u.User.Username(), Host: u.Hostname(), Path: u.Path}
	password, hasPassword := u.User.Password()
	if hasPassword && r.Transport != HTTPS {
		return Repo{}, event.WithHint(errors.New("there is a password in it, which only https takes"), "use ssh with a deploy key")
	}
	if u.Port() != "" {
		if r.Port, err = strconv.Atoi(u.Port()); err != nil || r.Port < 1 || r.Port > 65535 {
			return Repo{}, fmt.Errorf("%q is no port", u.Port())
		}
	}
	if r.Path == "" || r.Path == "/" {
		return Repo{}, errors.New("it names no path")
	}
	switch r.Transport {
	case SSH:
		if r.Port == 0 {
			r.Port = 22
		}
	case HTTPS:
		if u.User == nil {
			break
		}
		if strings.ContainsFunc(r.User+password, func(c rune) bool { return c < ' ' || c == 0x7f }) {
			return Repo{}, errors.New("there is a control character in its user or password")
		}
		r.credential = &credential{host: u.Host, user: r.User, password: password}
		r.User = ""
		return r, r.check(false)
	case File:
		if u.Host != "" || u.User != nil {
			return Repo{}, errors.New("a file URL names no host; write file:///path")
		}
		r.Path = path.Clean(r.Path)
		return r, nil
	default:
		return Repo{}, fmt.Errorf("%s is not a transport that is used", u.Scheme)
	}
	return r, r.check(u.User != nil)
}

// check refuses names that ssh, git or a known_hosts file could read as something else.
func (r Repo) check(hasUser bool) error {
	if !hostName.MatchString(r.Host) && net.ParseIP(r.Host) == nil {
		return fmt.Errorf("%q is no host name", r.Host)
	}
	if hasUser && !userName.MatchString(r.User) {
		return fmt.Errorf("%q is no user name", r.User)
	}
	return nil
}
