// Package git clones repositories onto a host, with the host's own git.
//
// Its one rule: a git server is trusted only by a host key that is known already, on this machine
// or else on the host. No key is accepted on first use, and no question is asked.
package git

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"runbook/runtime/event"
	"runbook/runtime/inventory"
	"runbook/runtime/script/spell"
	"runbook/runtime/ssh/shell"
)

// Deps holds what the functions of this package need from outside.
type Deps struct {
	KnownHosts []string         // known_hosts files on this machine
	Here       *shell.Host      // this machine, for Hold, Archive and Push
	Names      *inventory.Names // what this machine calls repositories and git servers; may be nil
}

// Resolve returns the hash of the commit, 40 or 64 hex digits, that ref names at repo: a branch,
// else a tag, else a full ref such as refs/pull/7/head. A commit hash is returned unchanged,
// without contacting the repository.
func (d Deps) Resolve(ctx context.Context, h *shell.Host, repo, ref string) (string, error) {
	r, err := d.repo(ctx, h, repo)
	if err != nil {
		return "", err
	}
	if isFullRevision(ref) {
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

// Reach checks that a host can read a repository.
func (d Deps) Reach(ctx context.Context, h *shell.Host, repo string) error {
	r, err := d.repo(ctx, h, repo)
	if err != nil {
		return err
	}
	_, err = d.list(ctx, h, r, []string{"HEAD"})
	return err
}

// list returns the refs at a repository that match the patterns, with their commits.
func (d Deps) list(ctx context.Context, h *shell.Host, r Repo, patterns []string) (map[string]string, error) {
	j := job{repo: r, show: "git ls-remote " + r.URL, args: append([]string{r.URL}, patterns...), script: listScript}
	out, err := d.run(ctx, h, j)
	if err != nil {
		return nil, err
	}
	refs := map[string]string{}
	for line := range strings.Lines(out) {
		revision, name, ok := strings.Cut(strings.TrimSpace(line), "\t")
		if ok && isFullRevision(revision) {
			refs[name] = revision
		}
	}
	return refs, nil
}

func (d Deps) noSuchRef(ctx context.Context, h *shell.Host, r Repo, ref string) error {
	err := fmt.Errorf("%s: no branch or tag %q at %s", h.Name(), ref, r.URL)
	if isShortRevision(ref) {
		return event.WithHint(err, "for a commit give all digits of its hash")
	}
	refs, e := d.list(ctx, h, r, []string{"refs/heads/*"})
	if e != nil {
		return err // the list was only for the hint
	}
	var branches []string
	for name := range refs {
		branches = append(branches, strings.TrimPrefix(name, "refs/heads/"))
	}
	if len(branches) == 0 {
		return event.WithHint(err, "the repository has no branches: was anything pushed to it?")
	}
	if near := spell.Nearest(ref, branches); near != "" {
		return event.WithHint(err, fmt.Sprintf("did you mean %q?", near))
	}
	return event.WithHint(err, "its branches are "+some(branches, 8))
}

// MirrorOptions are the arguments of Mirror.
type MirrorOptions struct {
	Repo     string
	Path     string // absolute, on the host
	Revision string // a commit hash; if the mirror has it, nothing is fetched. "" always fetches
	Branch   string // with Revision: a branch or tag of the mirror that must contain it, or "" for any
}

// Mirror updates the bare repository at Path to all branches and tags of Repo. It creates a missing
// mirror and rebuilds an incomplete or broken one, and then returns true. Only one Mirror of a path
// may run at a time.
func (d Deps) Mirror(ctx context.Context, h *shell.Host, o MirrorOptions) (bool, error) {
	r, err := d.repo(ctx, h, o.Repo)
	if err != nil {
		return false, err
	}
	if err := checkPath("path", o.Path); err != nil {
		return false, err
	}
	if o.Revision != "" {
		err = CheckRevision(o.Revision)
	}
	if o.Branch != "" {
		err = errors.Join(err, CheckRef(o.Branch))
	}
	if err != nil {
		return false, err
	}
	out, err := d.run(ctx, h, job{repo: r, show: "git fetch " + r.URL + " into " + o.Path,
		args:   []string{r.URL, o.Path, o.Revision, o.Branch},
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

// CloneOptions are the arguments of Clone.
type CloneOptions struct {
	Repo     string
	Revision string   // a commit hash
	Into     string   // absolute, on the host; must not exist
	Mirror   string   // the path of a mirror that has the revision, or ""
	Branch   string   // stored in the clone's configuration as runbook.branch, or ""
	Depth    int      // how many commits of history to fetch, without a mirror; 0 for all
	OnBranch bool     // fail unless Revision is reachable from Branch
	Archive  bool     // the commit is one of Archive: no attribute changes a file; modes and empty folders are restored
	Private  []string // git servers that submodules may be on, besides Repo's own and those of https
	LFS      string   // "fetch" files of Git LFS with the host's git-lfs, the default; or leave "pointers"
	Reserve  []string // names created in the clone later, folders with a slash: ignored by git, an error in a commit
}

// Clone creates a repository at Into with Revision checked out, on no branch, whose origin is Repo.
// From a mirror it takes the objects by hard links and needs no network; the clone does not depend
// on the mirror later. A failed Clone leaves nothing at Into. Submodules are cloned at their
// commits, and files of Git LFS fetched.
func (d Deps) Clone(ctx context.Context, h *shell.Host, o CloneOptions) error {
	r, err := d.repo(ctx, h, o.Repo)
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
			return fmt.Errorf("reserve: %q is not a name", name)
		}
	}
	if o.Depth < 0 || o.Depth > 0 && o.Mirror != "" {
		return errors.New("depth: want at least 1, and no mirror")
	}
	onBranch, archived := "", ""
	if o.Archive {
		archived = "yes"
	}
	if o.OnBranch {
		if o.Branch == "" {
			return errors.New("on_branch: want a branch")
		}
		onBranch = "yes"
	}
	j := job{repo: r, show: "git clone " + r.URL + " " + o.Into, script: cloneScript,
		args: append([]string{r.URL, o.Revision, o.Into, r.URL, o.Branch, strconv.Itoa(o.Depth), onBranch, archived},
			o.Reserve...)}
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
	if strings.Contains(out, "extras") {
		if err := d.addExtras(ctx, h, r, o); err != nil {
			return err
		}
	}
	event.Emit(ctx, event.Event{Kind: event.Changed, Host: h.Name(),
		Text: fmt.Sprintf("%s: clone of %s at %.12s", o.Into, r.URL, o.Revision)})
	return nil
}

// Revision returns the hash of the commit that is checked out in the repository at dir. A folder
// inside another repository is an error.
func (d Deps) Revision(ctx context.Context, h *shell.Host, dir string) (string, error) {
	if err := checkPath("dir", dir); err != nil {
		return "", err
	}
	out, err := d.run(ctx, h, job{show: "git rev-parse HEAD in " + dir, args: []string{dir}, script: revisionScript})
	if err != nil {
		return "", err
	}
	revision := strings.TrimSpace(out)
	if !isFullRevision(revision) {
		return "", fmt.Errorf("%s: git reports %q as the commit of %s, which is not a commit hash", h.Name(), revision,
			dir)
	}
	return revision, nil
}

// VerifyOptions are the arguments of Verify.
type VerifyOptions struct {
	Repo     string
	Revision string // a commit hash
	Branch   string // where to find it if the server sends no single commits, or ""
	By       string // "commit": the commit itself is signed; "tag": a tag that points at it
	Signers  string // a file of allowed signers, see ssh-keygen(1), on the host
	Max      int64  // how many bytes a fetch may write; 0 for 4 GiB
}

// Verify fails unless a commit, or a tag that points at it, has an ssh signature by one of the
// allowed signers. It returns ssh-keygen's description of the signature. It removes what it
// fetched.
func (d Deps) Verify(ctx context.Context, h *shell.Host, o VerifyOptions) (string, error) {
	r, err := d.repo(ctx, h, o.Repo)
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
	out, err := d.run(ctx, h, job{repo: r, show: fmt.Sprintf("git verify-%s %.12s of %s", o.By, o.Revision, r.URL),
		script: verifyScript,
		args: []string{r.URL, o.Revision, o.Branch, o.By, o.Signers,
			strconv.FormatInt(cmp.Or(o.Max, 4<<30)/512, 10)}})
	return strings.TrimSpace(out), err
}

func checkPath(name, path string) error {
	if !strings.HasPrefix(path, "/") || strings.ContainsFunc(path, func(c rune) bool { return c < ' ' }) ||
		strings.Contains(path+"/", "/../") {
		return fmt.Errorf("%s %q: want an absolute path on the host", name, path)
	}
	return nil
}
