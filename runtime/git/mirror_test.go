package git_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"runbook/runtime/event"
	"runbook/runtime/git"
)

// mirrored is a mirror of the bench's repository.
type mirrored struct {
	*bench
	path string
}

func newMirrored(t *testing.T) *mirrored {
	b := newBench(t)
	m := &mirrored{b, filepath.Join(b.dir, "deep", "repo.git")}
	m.check("at first", true)
	return m
}

// check updates the mirror and compares it with the repository.
func (m *mirrored) check(what string, wantMade bool) {
	m.Helper()
	made, err := m.git.Mirror(m.ctx, m.host, git.MirrorOptions{Repo: m.repo, Path: m.path})
	if err != nil || made != wantMade {
		m.Fatalf("%s: made %v, %v; want %v", what, made, err, wantMade)
	}
	if theirs, ours := m.run("-C", m.repo, "for-each-ref"), m.run("-C", m.path, "for-each-ref"); theirs != ours {
		m.Errorf("%s: the mirror has\n%s\nwant\n%s", what, ours, theirs)
	}
	m.run("-C", m.path, "fsck", "--strict")
	if left, err := filepath.Glob(m.path + ".*"); err != nil || len(left) > 0 {
		m.Errorf("%s: left beside it: %v, %v", what, left, err)
	}
}

func (m *mirrored) must(err error) {
	m.Helper()
	if err != nil {
		m.Fatal(err)
	}
}

func TestMirrorFollows(t *testing.T) {
	m := newMirrored(t)
	m.check("again", false)
	if changed := m.texts(event.Changed); len(changed) != 1 || changed[0] != m.path+": mirror of "+m.repo {
		t.Errorf("events: %v", changed)
	}
	m.commit("feature", "a branch")
	m.run("-C", m.work, "tag", "v1")
	m.run("-C", m.work, "push", "--quiet", "origin", "v1")
	m.check("a branch and a tag", false)
	m.run("-C", m.work, "commit", "--quiet", "--amend", "-m", "rewritten")
	m.run("-C", m.work, "tag", "--force", "v1")
	m.run("-C", m.work, "push", "--quiet", "--force", "origin", "feature", "v1")
	m.check("rewritten", false)
	m.run("-C", m.work, "push", "--quiet", "origin", ":feature", ":v1")
	m.run("-C", m.work, "checkout", "--quiet", "main")
	m.run("-C", m.work, "branch", "--quiet", "-D", "feature")
	m.commit("feature/one", "where a branch was, a folder is now")
	m.check("replaced", false)
}

// A commit that the mirror has is not fetched again, unless it is not on the branch.
func TestMirrorHas(t *testing.T) {
	m := newMirrored(t)
	on, other := m.commit("release", "on the branch"), m.commit("other", "on another")
	m.check("before", false)
	newer := m.commit("release", "newer")
	for _, row := range []struct {
		revision, branch string
		fetches          bool
	}{
		{on, "release", false}, {on, "refs/heads/release", false}, {other, "", false}, {other, "other", false},
		{other, "main", true}, {newer, "", true}, {newer, "release", true}, {on, "gone", true},
	} {
		repo := m.dir + "/nonesuch.git" // a fetch fails
		_, err := m.git.Mirror(m.ctx, m.host, git.MirrorOptions{Repo: repo, Path: m.path, Revision: row.revision,
			Branch: row.branch})
		if fetched := err != nil; fetched != row.fetches {
			t.Errorf("%+v: %v", row, err)
		}
	}
	m.check("afterwards", false)
	for _, o := range []git.MirrorOptions{{Revision: "main"}, {Revision: on, Branch: "-x"}} {
		o.Repo, o.Path = m.repo, m.path
		if _, err := m.git.Mirror(m.ctx, m.host, o); err == nil {
			t.Errorf("%+v was accepted", o)
		}
	}
}

// A fetch repairs what a power cut or a killed fetch has left.
func TestMirrorRecovers(t *testing.T) {
	for name, test := range map[string]struct {
		damage func(*mirrored) error
		made   bool
	}{
		"no HEAD":       {func(m *mirrored) error { return os.Remove(m.path + "/HEAD") }, true},
		"an empty HEAD": {func(m *mirrored) error { return os.Truncate(m.path+"/HEAD", 0) }, true},
		"an empty folder": {func(m *mirrored) error { m.must(os.RemoveAll(m.path)); return os.Mkdir(m.path, 0o755) },
			true},
		"a stale lock": {func(m *mirrored) error { return os.WriteFile(m.path+"/refs/heads/main.lock", nil, 0o644) },
			false},
		"a broken ref": {func(m *mirrored) error {
			return os.WriteFile(m.path+"/refs/heads/main", make([]byte, 41),
				0o644)
		}, true},
		"a link to it": {func(m *mirrored) error {
			m.must(os.Rename(m.path, m.dir+"/big"))
			return os.Symlink(m.dir+"/big", m.path)
		}, false},
		"a link, and broken": {func(m *mirrored) error {
			m.must(os.Rename(m.path, m.dir+"/big"))
			m.must(os.Truncate(m.dir+"/big/HEAD", 0))
			return os.Symlink(m.dir+"/big", m.path)
		}, true},
		"half of another":    {func(m *mirrored) error { return os.Mkdir(m.path+".new", 0o755) }, false},
		"no mirror, half of": {func(m *mirrored) error { return os.Rename(m.path, m.path+".new") }, true},
		"a broken config": {func(m *mirrored) error {
			return os.WriteFile(m.path+"/config", []byte("[core"),
				0o644)
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMirrored(t)
			m.must(test.damage(m))
			m.commit("feature/one", "more")
			m.commit("main", "and more") // so that main has to be written
			m.run("-C", m.work, "push", "--quiet", "origin", ":feature/one")
			made, err := m.git.Mirror(m.ctx, m.host, git.MirrorOptions{Repo: m.repo, Path: m.path})
			if err != nil || made != test.made {
				t.Fatalf("made %v, %v; want %v", made, err, test.made)
			}
			m.must(os.RemoveAll(m.path + ".new"))
			m.check("afterwards", false)
		})
	}
}

// A failing repository leaves a good mirror unchanged.
func TestMirrorStays(t *testing.T) {
	m := newMirrored(t)
	before := m.run("-C", m.path, "for-each-ref")
	_, err := m.git.Mirror(m.ctx, m.host, git.MirrorOptions{Repo: m.dir + "/nonesuch.git", Path: m.path})
	m.fails(err, "there is no such repository", "URL")
	if after := m.run("-C", m.path, "for-each-ref"); before != after {
		t.Errorf("the mirror has %s; want %s", after, before)
	}
	_, err = m.git.Mirror(m.ctx, m.host, git.MirrorOptions{Repo: m.dir + "/nonesuch.git", Path: m.dir + "/another.git"})
	m.fails(err, "there is no such repository", "URL")
	if left, err := filepath.Glob(m.dir + "/another*"); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// A path that is not a mirror is left unchanged.
func TestMirrorRefuses(t *testing.T) {
	m := newMirrored(t)
	m.write(m.dir+"/file", "precious")
	m.must(os.Mkdir(m.dir+"/folder", 0o755))
	m.write(m.dir+"/folder/file", "precious")
	m.must(os.Symlink("/nonexistent", m.dir+"/link"))
	for _, path := range []string{m.dir + "/file", m.dir + "/folder", m.dir + "/link", m.work} {
		_, err := m.git.Mirror(m.ctx, m.host, git.MirrorOptions{Repo: m.repo, Path: path})
		if err == nil {
			t.Errorf("%s was taken for a mirror", path)
			continue
		}
		m.fails(err, "is not a bare repository", "move it away")
	}
	if m.read(m.dir+"/file")+m.read(m.dir+"/folder/file") != "preciousprecious" {
		t.Error("a file was changed")
	}
	for _, path := range []string{"", "repo.git", "/srv/../repo.git", "~/repo.git", "/srv/re\npo.git"} {
		_, err := m.git.Mirror(m.ctx, m.host, git.MirrorOptions{Repo: m.repo, Path: path})
		m.fails(err, "want an absolute path", "")
	}
}

// No name or path becomes a command.
func TestMirrorQuotes(t *testing.T) {
	b := newBench(t)
	name := filepath.Join(b.dir, "it's $(touch intruder) `touch intruder` \"a\" \\ ;touch intruder")
	if err := os.Rename(b.repo, name); err != nil {
		t.Fatal(err)
	}
	b.repo = name
	m := &mirrored{b, name + " mirror"}
	m.check("at first", true)
	revision, err := b.git.Resolve(b.ctx, b.host, name, "main")
	m.must(err)
	m.must(b.git.Clone(b.ctx, b.host, git.CloneOptions{Repo: name, Revision: revision, Into: name + " clone",
		Mirror: m.path}))
	if got, err := b.git.Revision(b.ctx, b.host, name+" clone"); err != nil || got != revision {
		t.Errorf("revision %s, %v", got, err)
	}
	for _, dir := range []string{b.dir, "."} {
		names, err := os.ReadDir(dir)
		m.must(err)
		for _, n := range names {
			if strings.HasPrefix(n.Name(), "intruder") {
				t.Errorf("%s/%s exists", dir, n.Name())
			}
		}
	}
}
