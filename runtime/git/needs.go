package git

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"runbook/runtime/inventory"
	"runbook/runtime/ssh/shell"
)

// NeedsOptions are the arguments of Needs.
type NeedsOptions struct {
	Repo         string
	Revision     string   // a commit hash
	Branch       string   // where to find the commit if the server sends no single commits, or ""
	Mirror       string   // a repository to read, if it has the commit, or ""
	Requirements string   // the requirements file, or ""
	Private      []string // git servers that may be used besides the repository's, as user@host[:port]
}

// Needs lists the data that a commit needs besides its own objects.
type Needs struct {
	Requirements []Need   `lua:"requirements" doc:"repositories that the requirements install by ssh"`
	Submodules   []Need   `lua:"submodules" doc:"repositories of submodules"`
	LFS          []string `lua:"lfs" doc:"paths of files whose content is in Git LFS, at most 1000"`
}

// Need is another repository that a commit needs.
type Need struct {
	At      string `lua:"at" doc:"the requirements file, or the path of the submodule"`
	Repo    string `lua:"repo" doc:"the repository's URL, without the commit or branch; \"\" if it is invalid"`
	Server  string `lua:"server" doc:"its git server as user@host[:port]; \"\" for https and paths"`
	Problem string `lua:"problem" doc:"why it cannot be used: an invalid URL, or a server that private does not name; \"\" for none"`
}

// Needs returns what a commit needs. It changes nothing on the host.
func (d Deps) Needs(ctx context.Context, h *shell.Host, o NeedsOptions) (Needs, error) {
	r, err := d.repo(ctx, h, o.Repo)
	if err == nil {
		err = CheckRevision(o.Revision)
	}
	if err == nil && o.Branch != "" {
		err = CheckRef(o.Branch)
	}
	if err != nil {
		return Needs{}, err
	}
	var own []string
	if r.Transport == SSH {
		own = []string{serverName(r.Target), serverName(r.server.written)}
	}
	private := []string{}
	for _, text := range o.Private {
		t, err := inventory.ParseServer(text)
		if err != nil {
			return Needs{}, fmt.Errorf("private: %w", err)
		}
		private = append(private, serverName(t))
	}
	out, err := d.run(ctx, h, job{repo: r, show: fmt.Sprintf("git show %.12s of %s", o.Revision, r.URL),
		script: needsScript,
		args:   []string{r.URL, o.Revision, o.Branch, o.Mirror, o.Requirements}})
	if err != nil {
		return Needs{}, err
	}
	var n Needs
	for line := range strings.Lines(out) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		switch {
		case len(fields) == 2 && fields[0] == "lfs":
			n.LFS = append(n.LFS, fields[1])
		case len(fields) == 3 && fields[0] == "url":
			if need := newNeed(fields[1], withoutRef(fields[2]), private); !slices.Contains(n.Requirements, need) {
				n.Requirements = append(n.Requirements, need)
			}
		case len(fields) == 3 && fields[0] == "submodule":
			n.Submodules = append(n.Submodules, submodule(r, fields[1], fields[2], slices.Concat(own, private)))
		}
	}
	return n, nil
}

// newNeed parses the URL of a repository that a commit needs, and checks that its server may be
// used.
func newNeed(at, url string, servers []string) Need {
	r, err := ParseRepo(url)
	switch {
	case err != nil:
		return Need{At: at, Problem: err.Error()}
	case r.Transport != SSH:
		return Need{At: at, Repo: url}
	case r.User == "":
		return Need{At: at, Repo: url, Problem: r.URL + " names no user: write ssh://git@" + r.Host + "/…"}
	}
	n := Need{At: at, Repo: url, Server: serverName(r.Target)}
	if !slices.Contains(servers, n.Server) {
		n.Problem = "private does not name " + n.Server
	}
	return n
}

// submodule returns the repository of a submodule in a commit of repo. It may be on the same git
// server, on one in servers, or anywhere by https.
func submodule(repo Repo, path, url string, servers []string) Need {
	relative := strings.HasPrefix(url, "./") || strings.HasPrefix(url, "../")
	if relative {
		url = resolveURL(repo.URL, url)
	}
	n := newNeed(path, url, servers)
	if r, err := ParseRepo(url); err == nil && r.Transport == File && !(relative && repo.Transport == File) {
		n = Need{At: path, Problem: fmt.Sprintf("the URL %q names a path on the host", url)}
	}
	return n
}

// resolveURL returns a submodule's URL that is relative to a repository's, as git does.
func resolveURL(base, url string) string {
	base = strings.TrimRight(base, "/")
	for {
		if rest, ok := strings.CutPrefix(url, "./"); ok {
			url = rest
			continue
		}
		rest, ok := strings.CutPrefix(url, "../")
		at := strings.LastIndexAny(base, "/:")
		if !ok || at < 0 {
			break
		}
		url, base = rest, base[:at]
		if !strings.ContainsAny(base, "/:") { // user@host:path without a folder
			return base + ":" + url
		}
	}
	return base + "/" + url
}

// pathRef matches what pip and uv allow after a repository's path: @REF and ?rev=REF.
var pathRef = regexp.MustCompile(`(@[^/]*)?(\?.*)?$`)

// withoutRef returns the URL of a requirement without the commit, branch or tag.
func withoutRef(url string) string {
	scheme, rest, _ := strings.Cut(url, "://")
	server, path, ok := strings.Cut(rest, "/")
	if !ok {
		return url
	}
	return scheme + "://" + server + "/" + pathRef.ReplaceAllString(path, "")
}

// serverName returns a git server as written in the option private.
func serverName(t inventory.Target) string {
	name := strings.ToLower(t.Host)
	if port := cmp.Or(t.Port, 22); port != 22 {
		name = net.JoinHostPort(name, strconv.Itoa(port))
	}
	return t.User + "@" + name
}
