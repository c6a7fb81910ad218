package git

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"runbook/runtime/event"
	"runbook/runtime/inventory"
	"runbook/runtime/ssh/shell"
)

// server is an ssh server, with the name that it was written with: an alias in the admin's
// ssh_config.
type server struct {
	inventory.Server
	written inventory.Target
}

// server resolves user@host[:port] or a repository's URL.
func (d Deps) server(ctx context.Context, text string) (server, error) {
	text, err := d.Names.Replace(ctx, text)
	if err != nil {
		return server{}, err
	}
	written, err := inventory.ParseServer(text)
	if err != nil {
		return server{}, err
	}
	s, err := d.Names.Server(ctx, written)
	return server{s, written}, err
}

// names returns the names that a URL may have for the server.
func (s server) names() []string { return slices.Compact([]string{s.written.Host, s.Host}) }

// route returns the lines of ssh_config that map the name in a URL to the server.
func (s server) route() string {
	lines := ""
	if s.written.Host != s.Host {
		lines += "HostName " + s.Host + "\n"
	}
	if s.written.Port == 0 && cmp.Or(s.Port, 22) != 22 {
		lines += "Port " + strconv.Itoa(s.Port) + "\n"
	}
	if s.written.User == "" && s.User != "" {
		lines += "User " + s.User + "\n"
	}
	return lines
}

// repo parses the address of a repository for git on a host. Names that only this machine knows are
// resolved. There are two exceptions: an https URL, which a host can use as it is, and a name whose
// replacement contains a login, which belongs to this machine.
func (d Deps) repo(ctx context.Context, h *shell.Host, text string) (Repo, error) {
	return d.repoFor(ctx, h.Local(), text)
}

// repoFor is repo for this machine, or for any other.
func (d Deps) repoFor(ctx context.Context, here bool, text string) (Repo, error) {
	real, err := d.Names.Replace(ctx, text)
	if err != nil {
		return Repo{}, err
	}
	if real == text {
		r, err := ParseRepo(text)
		return d.located(ctx, here, r, text, err)
	}
	r, err := ParseRepo(real)
	if err != nil {
		return Repo{}, event.WithHint(fmt.Errorf("%w, by which git's configuration replaces %q", err,
			withoutLogin(text)), event.Hint(err))
	}
	given, givenErr := ParseRepo(text)
	switch {
	case here: // git on this machine replaces the URL itself
		if r.URL = text; givenErr == nil {
			r.URL = given.URL
		}
		return d.located(ctx, here, r, real, nil)
	case givenErr == nil && (given.Transport == HTTPS || r.credential != nil):
		return d.located(ctx, here, given, text, nil)
	}
	return d.located(ctx, here, r, real, nil)
}

// located resolves the server of a repository that was parsed from text, unless that failed.
func (d Deps) located(ctx context.Context, here bool, r Repo, text string, err error) (Repo, error) {
	if err != nil || r.Transport != SSH {
		return r, err
	}
	written, err := inventory.ParseServer(text)
	if err != nil {
		return Repo{}, err
	}
	s, err := d.Names.Server(ctx, written)
	if err != nil {
		return Repo{}, err
	}
	r.server, r.Target = &server{s, written}, s.Target
	r.Port = cmp.Or(r.Port, 22)
	if !here && s.Target != written {
		r.URL = readdress(text, s.Target)
	}
	return r, nil
}

// readdress returns a repository's URL with another server. The short form user@host:path cannot
// contain a port: route sets it.
func readdress(text string, to inventory.Target) string {
	host := to.Host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if to.User != "" {
		host = to.User + "@" + host
	}
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok {
		_, path, _ := inventory.ParseSCP(text) // it was parsed before
		return host + ":" + path
	}
	_, path, _ := strings.Cut(rest, "/")
	if cmp.Or(to.Port, 22) != 22 {
		host += ":" + strconv.Itoa(to.Port)
	}
	return scheme + "://" + host + "/" + path
}
