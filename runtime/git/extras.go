package git

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"

	"runbook/runtime/event"
	"runbook/runtime/inventory"
	"runbook/runtime/ssh/shell"
)

// maxSubmodules limits the submodules of one clone, maxNested how deep they may be nested.
const (
	maxSubmodules = 200
	maxNested     = 10
)

// extras fetches what a commit has besides its own objects: submodules and files in Git LFS.
type extras struct {
	d       Deps
	h       *shell.Host
	servers []string // those that private names
	storage string   // the folder for objects of Git LFS, or ""
	lfs     bool     // fetch files from Git LFS
	left    int      // how many more submodules are allowed
}

// addExtras completes a clone of r. If it fails it removes the clone.
func (d Deps) addExtras(ctx context.Context, h *shell.Host, r Repo, o CloneOptions) error {
	x := extras{d: d, h: h, lfs: o.LFS != "pointers", left: maxSubmodules}
	for _, text := range o.Private {
		t, err := inventory.ParseServer(text)
		if err != nil {
			return fmt.Errorf("private: %w", err)
		}
		x.servers = append(x.servers, serverName(t))
	}
	if r.Transport == SSH {
		x.servers = append(x.servers, serverName(r.Target), serverName(r.server.written))
	}
	if o.Mirror != "" {
		x.storage = o.Mirror + "/lfs"
	}
	err := x.add(ctx, r, o.Into, o.Revision, 0)
	if err != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		_, e := h.Run(ctx, shell.Command{Argv: []string{"rm", "-rf", "--", o.Into}})
		err = errors.Join(err, e)
	}
	return err
}

// add completes the clone of r in the folder dir.
func (x *extras) add(ctx context.Context, r Repo, dir, revision string, depth int) error {
	out, err := x.d.run(ctx, x.h, job{show: "git ls-files in " + dir, args: []string{dir}, script: extrasScript})
	if err != nil {
		return err
	}
	for line := range strings.Lines(out) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		switch {
		case len(fields) == 2 && fields[0] == "lfs":
			err = x.fetchLFS(ctx, r, dir, revision, fields[1])
		case len(fields) == 2 && fields[0] == "filter":
			x.warn(ctx, dir+" has files with a filter in .gitattributes, such as "+fields[1]+"; no filter is run")
		case len(fields) == 4 && fields[0] == "submodule":
			err = x.addSubmodule(ctx, r, dir, fields[1], fields[2], fields[3], depth)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (x *extras) warn(ctx context.Context, text string) {
	event.Emit(ctx, event.Event{Kind: event.Warning, Host: x.h.Name(), Text: text})
}

func (x *extras) fetchLFS(ctx context.Context, r Repo, dir, revision, count string) error {
	if !x.lfs {
		x.warn(ctx, dir+" has "+count+" files as pointers into Git LFS, as lfs = \"pointers\" wants")
		return nil
	}
	_, err := x.d.run(ctx, x.h, job{repo: r, show: "git lfs fetch of " + count + " files from " + r.URL,
		script: lfsScript,
		args:   []string{dir, r.URL, revision, x.storage}})
	return err
}

// addSubmodule clones a submodule of r, and its own ones. git never acts on .gitmodules: the URL is
// checked here, and the submodule is cloned separately.
func (x *extras) addSubmodule(ctx context.Context, r Repo, dir, at, commit, url string, depth int) error {
	if url == "" {
		x.warn(ctx, dir+"/"+at+" is a submodule without a URL in .gitmodules: it remains empty")
		return nil
	}
	need := submodule(r, at, url, x.servers)
	x.left--
	switch {
	case need.Problem != "":
		return event.WithHint(fmt.Errorf("%s: submodule %s: %s", x.h.Name(), at, need.Problem),
			"name its server in private, or use https")
	case depth == maxNested || x.left < 0:
		return fmt.Errorf("%s: submodule %s: more than %d submodules, or nested more than %d deep", x.h.Name(), at,
			maxSubmodules, maxNested)
	}
	for _, part := range strings.Split(at, "/") {
		if part == ".." || strings.EqualFold(part, ".git") || part == "" {
			return fmt.Errorf("%s: submodule %q: not a path in the commit", x.h.Name(), at)
		}
	}
	sub, err := x.d.repo(ctx, x.h, need.Repo)
	if err == nil {
		err = CheckRevision(commit)
	}
	if err != nil {
		return err
	}
	if c := r.credential; c != nil && sub.Transport == HTTPS && sub.Host == r.Host && sub.Port == r.Port {
		sub.credential = c
	}
	into := path.Join(dir, at)
	out, err := x.d.run(ctx, x.h, job{repo: sub, show: "git clone " + sub.URL + " " + into, script: cloneScript,
		args: []string{sub.URL, commit, into, sub.URL, "", "submodule", "", ""}})
	if err != nil || !strings.Contains(out, "extras") {
		return err
	}
	return x.add(ctx, sub, into, commit, depth+1)
}

// lfsFailure returns why files of Git LFS could not be fetched, by the exit status of the script.
func lfsFailure(code int, said string) (cause, hint string) {
	const pointers = "; lfs = \"pointers\" in recipes/app.lua releases the pointer files as they are"
	switch code {
	case 116:
		return "the commit has files in Git LFS, and there is no git-lfs on the host",
			"on Debian and Ubuntu: sudo apt-get install git-lfs" + pointers
	case 117:
		return "pointers of Git LFS are left: " + strings.ReplaceAll(said, "\n", "; "),
			"are their objects pushed? git lfs push --all origin" + pointers
	}
	return ".lfsconfig names a server that is not one of https: " + strconv.Quote(said),
		"without it Git LFS uses the repository's server"
}
