package git_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"runbook/runtime/git"
)

// archived stores a path, pushes it and returns its commit, and a clone of it.
func (p *pushed) archived(path, name string) (revision, clone string) {
	p.Helper()
	stored, err := p.git.Archive(p.ctx, p.host, git.ArchiveOptions{Path: path, Reserve: []string{"venv/"}})
	p.must(err)
	_, err = p.git.Push(p.ctx, p.host, git.PushOptions{From: stored.Repo, Revision: stored.Revision, Path: p.path})
	p.must(err)
	clone = filepath.Join(p.dir, name)
	p.must(p.git.Clone(p.ctx, p.host, git.CloneOptions{Repo: p.path, Revision: stored.Revision, Into: clone,
		Mirror:  p.path,
		Archive: true, Reserve: []string{"venv/"}}))
	p.nothingLeft()
	return stored.Revision, clone
}

// listing lists all but git's own files, with modes, links and contents.
func (p *pushed) listing(dir string) string {
	p.Helper()
	out, err := exec.Command("sh", "-c",
		`cd "$1" && find . -name .git -prune -o -printf "%P %M %l\n" -type f -exec md5sum {} \; | sort`, "sh",
		dir).Output()
	p.must(err)
	return string(out)
}

// A folder arrives as it is, whatever its .gitattributes say, and the same files in a tar archive
// are the same commit.
func TestArchive(t *testing.T) {
	p := newPushed(t)
	root := filepath.Join(p.dir, "web app")
	for path, mode := range map[string]os.FileMode{
		".gitattributes": 0o644, ".gitignore": 0o644, "static/built.css": 0o644, "bin/run": 0o755, "bin/mine": 0o700,
		"settings/secret":      0o600,
		"settings/shared file": 0o640, "-n": 0o644,
	} {
		p.must(os.MkdirAll(filepath.Join(root, filepath.Dir(path)), 0o755))
		p.write(filepath.Join(root, path), path+" $Id$\r\nline\n")
		p.must(os.Chmod(filepath.Join(root, path), mode))
	}
	p.write(filepath.Join(root, ".gitattributes"), "* text eol=crlf ident filter=lfs working-tree-encoding=UTF-16\n")
	p.write(filepath.Join(root, ".gitignore"), "static\n")
	p.must(os.MkdirAll(filepath.Join(root, "media", "an empty folder "), 0o750))
	p.must(os.Chmod(filepath.Join(root, "settings"), 0o711))
	p.must(os.Symlink("bin/run", filepath.Join(root, "link")))
	p.must(os.Mkdir(filepath.Join(root, ".git"), 0o755))
	p.write(filepath.Join(root, ".git", "config"), "of the folder")
	first, clone := p.archived(root, "one")
	if got, want := p.listing(clone), p.listing(root); got != want {
		t.Errorf("arrived as\n%s\nwant\n%s", got, want)
	}
	if status := p.run("-C", clone, "status", "--porcelain"); status != "" ||
		strings.Contains(p.read(clone+"/.git/config"), "of the folder") {
		t.Errorf("git status: %s", status)
	}
	tarball := filepath.Join(p.dir, "web.tgz")
	out, err := exec.Command("tar", "-C", root, "--exclude=.git", "-czf", tarball, ".").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if again, clone := p.archived(tarball, "two"); again != first || p.listing(clone) != p.listing(root) {
		t.Errorf("the tar archive is commit %s, want %s:\n%s", again, first, p.listing(clone))
	}
	// A change sends the file, its folder and the commit, not the large file.
	p.write(filepath.Join(root, "static", "large"), strings.Repeat("a line of a large file\n", 100_000))
	p.archived(root, "three")
	p.write(filepath.Join(root, "bin", "run"), "changed")
	p.archived(root, "four")
	if sent := p.lastInfo(); !strings.HasPrefix(sent, "sent 4 objects ") {
		t.Error(sent)
	}
	p.must(os.Mkdir(filepath.Join(root, "venv"), 0o755))
	_, err = p.git.Archive(p.ctx, p.host, git.ArchiveOptions{Path: root, Reserve: []string{"venv/"}})
	p.fails(err, "it contains venv, which the release creates", "move it out")
	p.nothingLeft()
}
