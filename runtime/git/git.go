// Package git gets a repository's commits onto a host, with the git that the host has.
//
// Its one rule: a git server is believed only by a host key that is known already, on this machine or else on the
// host; nothing is accepted on first sight, and nothing is ever asked.
package git

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"runbook/runtime/event"
	"runbook/runtime/script"
	"runbook/runtime/ssh"
)

// Deps are what the functions of this package need from outside.
type Deps struct {
	KnownHosts []string // known_hosts files on this machine
}

// Resolve returns the name of the commit, 40 hex digits, that ref stands for at repo: a branch, else a tag, else a
// full ref such as refs/pull/7/head. The name of a commit is returned as it is, without asking anyone.
func (d Deps) Resolve(ctx context.Context, h *ssh.Host, repo, ref string) (string, error) {
	r, err := ParseRepo(repo)
	if err != nil {
		return "", err
	}
	if fullRevision.MatchString(ref) {
		return ref, nil
	}
	if err := CheckRef(ref); err != nil {
		return "", err
	}
	patterns := []string{"refs/heads/" + ref, "refs/tags/" + ref + "^{}", "refs/tags/" + ref}
	if strings.HasPrefix(ref, "refs/") || ref == "HEAD" {
		patterns = append(patterns, ref+"^{}", ref)
	}
	refs, err := d.list(ctx, h, r, patterns)
	if err != nil {
		return "", err
	}
	for _, p := range patterns {
		if revision, ok := refs[p]; ok {
			return revision, nil
		}
	}
	return "", d.noSuchRef(ctx, h, r, ref)
}

// Reach returns why a host may not, or can't, read a repository, or nil.
func (d Deps) Reach(ctx context.Context, h *ssh.Host, repo string) error {
	r, err := ParseRepo(repo)
	if err != nil {
		return err
	}
	_, err = d.list(ctx, h, r, []string{"HEAD"})
	return err
}

// list returns the refs at a repository that match the patterns, and the commits they stand for.
func (d Deps) list(ctx context.Context, h *ssh.Host, r Repo, patterns []string) (map[string]string, error) {
	j := job{repo: r, show: "git ls-remote " + r.URL, args: append([]string{r.URL}, patterns...), script: listScript}
	out, err := d.run(ctx, h, j)
	if err != nil {
		return nil, err
	}
	refs := map[string]string{}
	for line := range strings.Lines(out) {
		revision, name, ok := strings.Cut(strings.TrimSpace(line), "\t")
		if ok && fullRevision.MatchString(revision) {
			refs[name] = revision
		}
	}
	return refs, nil
}

func (d Deps) noSuchRef(ctx context.Context, h *ssh.Host, r Repo, ref string) error {
	err := fmt.Errorf("%s: there is no branch or tag %q at %s", h.Name(), ref, r.URL)
	if shortRevision.MatchString(ref) {
		return event.WithHint(err, "for a commit give all 40 digits of its name")
	}
	refs, e := d.list(ctx, h, r, []string{"refs/heads/*"})
	if e != nil {
		return err // the first finding counts; this was to help
	}
	var branches []string
	for name := range refs {
		branches = append(branches, strings.TrimPrefix(name, "refs/heads/"))
	}
	if len(branches) == 0 {
		return event.WithHint(err, "the repository has no branches; has anything been pushed to it?")
	}
	if near := script.Nearest(ref, branches); near != "" {
		return event.WithHint(err, fmt.Sprintf("did you mean %q?", near))
	}
	return event.WithHint(err, "its branches are "+some(branches, 8))
}

// MirrorOptions say what to mirror where.
type MirrorOptions struct {
	Repo string
	Path string // absolute, on the host
}

// Mirror brings the bare repository at Path up to date with all branches and tags of Repo, and makes it where there
// is none. One that was left half made or broken is made anew. It returns true when it was made. Only one Mirror of a path may run
// at a time.
func (d Deps) Mirror(ctx context.Context, h *ssh.Host, o MirrorOptions) (bool, error) {
	r, err := ParseRepo(o.Repo)
	if err != nil {
		return false, err
	}
	if err := checkPath("path", o.Path); err != nil {
		return false, err
	}
	out, err := d.run(ctx, h, job{repo: r, show: "git fetch " + r.URL + " into " + o.Path, args: []string{r.URL, o.Path},
		script: mirrorScript})
	if err != nil {
		return false, err
	}
	made := strings.Contains(out, "made")
	if made {
		event.Emit(ctx, event.Event{Kind: event.Changed, Host: h.Name(), Text: o.Path + ": mirror of " + r.URL})
	}
	return made, nil
}

// CloneOptions say what to clone.
type CloneOptions struct {
	Repo     string
	Revision string   // a commit's whole name
	Into     string   // absolute, on the host; must not exist
	Mirror   string   // the path of a mirror that has the revision, or ""
	Branch   string   // noted in the clone's configuration as runbook.branch, or ""
	Depth    int      // how many commits of history to fetch, without a mirror; 0 for all
	OnBranch bool     // fail unless Revision is reachable from Branch
	Reserve  []string // what the clone's user puts at its top, with a slash for a folder: git ignores it, and a commit that has it is an error
}

// Clone makes a repository at Into with Revision checked out, on no branch, whose origin is Repo. From a mirror it
// takes the objects by hard links and needs no network; it doesn't depend on the mirror later. When it fails nothing is left at
// Into.
func (d Deps) Clone(ctx context.Context, h *ssh.Host, o CloneOptions) error {
	r, err := ParseRepo(o.Repo)
	if err != nil {
		return err
	}
	if err := errors.Join(CheckRevision(o.Revision), checkPath("into", o.Into)); err != nil {
		return err
	}
	if o.Branch != "" {
		if err := CheckRef(o.Branch); err != nil {
			return err
		}
	}
	for _, name := range o.Reserve {
		if plain := strings.TrimSuffix(name, "/"); plain == "" || strings.ContainsAny(plain, "/\n*?[\\!#") {
			return fmt.Errorf("reserve: %q is no name", name)
		}
	}
	if o.Depth < 0 || o.Depth > 0 && o.Mirror != "" {
		return errors.New("depth: want a number of commits from 1 on, and no mirror, which has them all")
	}
	onBranch := ""
	if o.OnBranch {
		if o.Branch == "" {
			return errors.New("on_branch: want a branch")
		}
		onBranch = "yes"
	}
	j := job{repo: r, show: "git clone " + r.URL + " " + o.Into, script: cloneScript,
		args: append([]string{r.URL, o.Revision, o.Into, r.URL, o.Branch, strconv.Itoa(o.Depth), onBranch}, o.Reserve...)}
	if o.Mirror != "" {
		if err := checkPath("mirror", o.Mirror); err != nil {
			return err
		}
		j.args[3] = o.Mirror
		j.repo = Repo{Transport: File, Path: o.Mirror} // no git server is asked
		j.show = "git clone " + o.Mirror + " " + o.Into
	}
	out, err := d.run(ctx, h, j)
	if err != nil {
		return err
	}
	event.Emit(ctx, event.Event{Kind: event.Changed, Host: h.Name(), Text: fmt.Sprintf("%s: clone of %s at %.12s", o.Into, r.URL, o.Revision)})
	if strings.Contains(out, "submodules") {
		event.Emit(ctx, event.Event{Kind: event.Warning, Host: h.Name(), Text: o.Into + " has submodules, which are not fetched"})
	}
	if strings.Contains(out, "filters") {
		event.Emit(ctx, event.Event{Kind: event.Warning, Host: h.Name(), Text: o.Into + " has files with a filter in .gitattributes, such as Git LFS; no filter is run"})
	}
	return nil
}

// Revision returns the name of the commit that is checked out in the repository at dir, 40 hex digits. A folder within
// another repository is not taken for one.
func (d Deps) Revision(ctx context.Context, h *ssh.Host, dir string) (string, error) {
	if err := checkPath("dir", dir); err != nil {
		return "", err
	}
	out, err := d.run(ctx, h, job{show: "git rev-parse HEAD in " + dir, args: []string{dir}, script: revisionScript})
	if err != nil {
		return "", err
	}
	revision := strings.TrimSpace(out)
	if !fullRevision.MatchString(revision) {
		return "", fmt.Errorf("%s: git says that %q is checked out in %s, which is no commit", h.Name(), revision, dir)
	}
	return revision, nil
}

// VerifyOptions say whose signature a commit must have.
type VerifyOptions struct {
	Repo     string
	Revision string // a commit's whole name
	Branch   string // where to look for it, if the server gives no single commits, or ""
	By       string // "commit": the commit itself is signed; "tag": a tag that points at it
	Signers  string // a file of allowed signers, see ssh-keygen(1), on the host
	Max      int64  // the most bytes that a fetch may write; ssh.DefaultDownload when 0
}

// Verify fails unless a commit, or a tag that points at it, is signed by one of the allowed signers, with ssh. It returns
// what is known of the signature. What it fetches for that is removed again.
func (d Deps) Verify(ctx context.Context, h *ssh.Host, o VerifyOptions) (string, error) {
	r, err := ParseRepo(o.Repo)
	if err == nil {
		err = CheckRevision(o.Revision)
	}
	if err == nil && o.Branch != "" {
		err = CheckRef(o.Branch)
	}
	switch {
	case err != nil:
		return "", err
	case o.By != "commit" && o.By != "tag":
		return "", fmt.Errorf("by: want commit or tag, got %q", o.By)
	}
	out, err := d.run(ctx, h, job{repo: r, show: fmt.Sprintf("git verify-%s %.12s of %s", o.By, o.Revision, r.URL), script: verifyScript,
		args: []string{r.URL, o.Revision, o.Branch, o.By, o.Signers, strconv.FormatInt(cmp.Or(o.Max, ssh.DefaultDownload)/512, 10)}})
	return strings.TrimSpace(out), err
}

func checkPath(name, path string) error {
	if !strings.HasPrefix(path, "/") || strings.ContainsFunc(path, func(c rune) bool { return c < ' ' }) || strings.Contains(path+"/", "/../") {
		return fmt.Errorf("%s %q: want an absolute path on the host", name, path)
	}
	return nil
}
