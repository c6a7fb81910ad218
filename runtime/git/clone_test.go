package git_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"runbook/runtime/event"
	"runbook/runtime/git"
	"runbook/runtime/ssh"
)

func TestClone(t *testing.T) {
	for _, from := range []string{"the mirror", "the repository"} {
		t.Run("from "+from, func(t *testing.T) {
			m := newMirrored(t)
			wanted := m.commit("release", "wanted")
			m.commit("release", "newer")
			m.check("before", false)
			o := git.CloneOptions{Repo: m.repo, Revision: wanted, Into: filepath.Join(m.dir, "releases", "one"), Branch: "release"}
			if from == "the mirror" {
				o.Mirror = m.path
			}
			m.must(m.git.Clone(m.ctx, m.host, o))
			if got := m.read(o.Into + "/app.txt"); got != "wanted" {
				t.Errorf("app.txt holds %q", got)
			}
			for _, want := range [][2]string{
				{m.run("-C", o.Into, "rev-parse", "HEAD"), wanted},
				{m.run("-C", o.Into, "rev-parse", "--abbrev-ref", "HEAD"), "HEAD"},
				{m.run("-C", o.Into, "remote", "get-url", "origin"), m.repo},
				{m.run("-C", o.Into, "config", "runbook.branch"), "release"},
				{m.run("-C", o.Into, "status", "--porcelain"), ""},
			} {
				if want[0] != want[1] {
					t.Errorf("got %q, want %q", want[0], want[1])
				}
			}
			if got, err := m.git.Revision(m.ctx, m.host, o.Into); err != nil || got != wanted {
				t.Errorf("revision %s, %v", got, err)
			}
			if changed := m.texts(event.Changed); changed[len(changed)-1] != o.Into+": clone of "+m.repo+" at "+wanted[:12] {
				t.Errorf("events: %v", changed)
			}
			shared := linked(t, o.Into+"/.git/objects")
			if (shared > 0) != (o.Mirror != "" || o.Repo == m.repo) {
				t.Errorf("%d objects are hard links", shared)
			}
			// It stands by itself.
			m.must(os.RemoveAll(m.path))
			m.must(os.RemoveAll(m.repo))
			m.run("-C", o.Into, "fsck", "--strict")
		})
	}
}

// Without a mirror a clone may have no more than the last commits, and is a clone all the same.
func TestShallowClone(t *testing.T) {
	m := newMirrored(t)
	older := m.commit("release", "older")
	wanted := m.commit("release", "wanted")
	o := git.CloneOptions{Repo: m.repo, Revision: wanted, Into: filepath.Join(m.dir, "one"), Branch: "release", Depth: 1}
	m.must(m.git.Clone(m.ctx, m.host, o))
	for _, want := range [][2]string{
		{m.read(o.Into + "/app.txt"), "wanted"},
		{m.run("-C", o.Into, "rev-list", "--count", "HEAD"), "1"},
		{m.run("-C", o.Into, "remote", "get-url", "origin"), m.repo},
		{m.run("-C", o.Into, "status", "--porcelain"), ""},
	} {
		if want[0] != want[1] {
			t.Errorf("got %q, want %q", want[0], want[1])
		}
	}
	if got, err := m.git.Revision(m.ctx, m.host, o.Into); err != nil || got != wanted {
		t.Errorf("revision %s, %v", got, err)
	}

	o.Into = filepath.Join(m.dir, "two")
	o.Revision = strings.Repeat("1", 40)
	m.fails(m.git.Clone(m.ctx, m.host, o), "is not in it", "pushed")
	o.Revision = older // not the head of anything
	config := filepath.Join(m.dir, "version0")
	m.write(config, "[protocol]\n\tversion = 0\n")
	ctx := ssh.WithEnv(m.ctx, m.host, map[string]string{"GIT_CONFIG_GLOBAL": config})
	m.fails(m.git.Clone(ctx, m.host, o), "only of the head of a branch or a tag", "depth")
	o.Mirror = m.path
	m.fails(m.git.Clone(m.ctx, m.host, o), "depth", "")
	if _, err := os.Lstat(o.Into); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("something is left at %s: %v", o.Into, err)
	}
}

// linked counts the files below dir that have another name elsewhere.
func linked(t *testing.T, dir string) int {
	n := 0
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if st, ok := info.Sys().(*syscall.Stat_t); ok && st.Nlink > 1 {
			n++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestCloneRefuses(t *testing.T) {
	m := newMirrored(t)
	revision := m.run("-C", m.repo, "rev-parse", "main")
	into := m.dir + "/releases/one"
	clone := func(edit func(*git.CloneOptions)) error {
		o := git.CloneOptions{Repo: m.repo, Revision: revision, Into: into, Mirror: m.path}
		edit(&o)
		return m.git.Clone(m.ctx, m.host, o)
	}
	m.fails(clone(func(o *git.CloneOptions) { o.Revision = "main" }), `"main" is not the name of a commit`, "resolve")
	m.fails(clone(func(o *git.CloneOptions) { o.Revision = revision[:10] }), "not the whole name", "40 digits")
	m.fails(clone(func(o *git.CloneOptions) { o.Branch = "-x" }), "begins with -", "")
	m.fails(clone(func(o *git.CloneOptions) { o.Into = "releases/one" }), "want an absolute path", "")
	m.fails(clone(func(o *git.CloneOptions) { o.Mirror = "repo.git" }), "want an absolute path", "")
	m.fails(clone(func(o *git.CloneOptions) { o.Repo = "ext::sh -c true" }), "run a program", "")
	m.fails(clone(func(o *git.CloneOptions) { o.Mirror = m.dir + "/nonesuch" }), "there is no such repository", "")
	m.fails(clone(func(o *git.CloneOptions) { o.Revision = strings.Repeat("0123456789", 4) }), "is not in it", "pushed")
	if _, err := os.Lstat(into); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("something was left: %v", err)
	}
	for _, made := range []func() error{
		func() error { return os.Mkdir(into, 0o755) },
		func() error { return os.Symlink("/nonexistent", into) },
	} {
		m.must(os.RemoveAll(into))
		m.must(made())
		m.fails(clone(func(*git.CloneOptions) {}), "something stands at "+into+" already", "another release name")
		if _, err := os.Lstat(into); err != nil {
			t.Errorf("what stood there is gone: %v", err)
		}
	}
}

func TestCloneTellsOfSubmodules(t *testing.T) {
	m := newMirrored(t)
	m.run("-C", m.work, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", m.repo, "sub")
	revision := m.commit("main", "with a submodule")
	into := m.dir + "/one"
	m.must(m.git.Clone(m.ctx, m.host, git.CloneOptions{Repo: m.repo, Revision: revision, Into: into}))
	if warned := m.texts(event.Warning); len(warned) != 1 || !strings.Contains(warned[0], "submodules") {
		t.Errorf("events: %v", warned)
	}
}

// An interrupt in the middle of a clone leaves nothing, neither the folder nor temporary files, and no git.
func TestCloneInterrupted(t *testing.T) {
	m := newMirrored(t)
	revision := m.run("-C", m.repo, "rev-parse", "main")
	fifo := m.dir + "/fifo"
	m.must(syscall.Mkfifo(fifo, 0o600))
	// The checkout says so, and waits.
	program, err := exec.LookPath("git")
	m.must(err)
	m.must(os.Mkdir(m.dir+"/bin", 0o755))
	m.must(os.WriteFile(m.dir+"/bin/git", []byte("#!/bin/sh\ncase $* in *checkout*) echo $$ > "+fifo+"; exec tail -f /dev/null ;; esac\nexec "+program+" \"$@\"\n"), 0o755))
	ctx, cancel := context.WithCancelCause(ssh.WithEnv(m.ctx, m.host, map[string]string{"PATH": m.dir + "/bin:" + os.Getenv("PATH")}))
	defer cancel(nil)
	why := errors.New("interrupted")
	said, err := os.OpenFile(fifo, os.O_RDWR, 0) // both ways, so that neither end waits for the other to come
	m.must(err)
	reached := make(chan error, 1)
	go func() {
		_, err := said.Read(make([]byte, 1))
		cancel(why)
		reached <- err
	}()
	into := m.dir + "/one"
	err = m.git.Clone(ctx, m.host, git.CloneOptions{Repo: m.repo, Revision: revision, Into: into, Mirror: m.path})
	if !errors.Is(err, why) {
		t.Errorf("error: %v", err)
	}
	m.must(said.Close()) // wakes the reader if the checkout never came
	m.must(<-reached)
	if _, err := os.Lstat(into); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder is left: %v", err)
	}
}

func TestRevision(t *testing.T) {
	m := newMirrored(t)
	revision := m.run("-C", m.work, "rev-parse", "HEAD")
	m.must(os.Symlink(m.work, m.dir+"/current"))
	for _, dir := range []string{m.work, m.dir + "/current", m.dir + "/current/"} {
		if got, err := m.git.Revision(m.ctx, m.host, dir); err != nil || got != revision {
			t.Errorf("%s: %s, %v", dir, got, err)
		}
	}
	m.must(os.Mkdir(m.work+"/inside", 0o755))
	for dir, want := range map[string]string{
		m.work + "/inside":  "not a git repository",
		m.dir + "/nonesuch": "there is no such folder",
		m.dir + "/app.txt":  "there is no such folder",
		"work":              "want an absolute path",
	} {
		_, err := m.git.Revision(m.ctx, m.host, dir)
		m.fails(err, want, "")
	}
}

// Who owns a repository decides what git runs for it, so root is not let off.
func TestOthersRepositories(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Fatal("only root can give files to another user: run the tests with sudo, as .ci/test does")
	}
	m := newMirrored(t)
	revision := m.run("-C", m.repo, "rev-parse", "main")
	for _, dir := range []string{m.path, m.work} {
		m.must(filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
			return errors.Join(err, os.Lchown(path, 12345, 12345))
		}))
	}
	_, err := m.git.Revision(m.ctx, m.host, m.work)
	m.fails(err, "belongs to another user", "log in as its owner")
	_, err = m.git.Mirror(m.ctx, m.host, git.MirrorOptions{Repo: m.repo, Path: m.path})
	m.fails(err, "the mirror belongs to another user", "move it away")
	err = m.git.Clone(m.ctx, m.host, git.CloneOptions{Repo: m.repo, Revision: revision, Into: m.dir + "/one", Mirror: m.path})
	m.fails(err, "the mirror belongs to another user", "move it away")
}

// Nothing that a repository, a template or a mirror holds is run while a release is made.
func TestNothingOfARepositoryIsRun(t *testing.T) {
	m := newMirrored(t)
	evil, ran := filepath.Join(m.dir, "evil"), filepath.Join(m.dir, "ran")
	m.write(evil, "#!/bin/sh\necho \"$0\" >>"+ran+"\ncat\n")
	m.must(os.Chmod(evil, 0o755))
	for _, hooks := range []string{m.path + "/hooks", m.dir + "/template/hooks"} {
		m.must(os.MkdirAll(hooks, 0o755))
		for _, hook := range []string{"reference-transaction", "post-checkout", "pre-auto-gc"} {
			m.must(os.Symlink(evil, filepath.Join(hooks, hook)))
		}
	}
	m.run("config", "--file", m.path+"/config", "core.fsmonitor", evil)
	m.run("config", "--file", m.dir+"/gitconfig", "init.templateDir", m.dir+"/template")
	m.run("config", "--file", m.dir+"/gitconfig", "filter.evil.smudge", evil)
	m.run("config", "--file", m.dir+"/gitconfig", "filter.evil.process", evil)
	m.run("config", "--file", m.dir+"/gitconfig", "core.fsmonitor", evil)
	m.ctx = ssh.WithEnv(m.ctx, m.host, map[string]string{"GIT_CONFIG_GLOBAL": m.dir + "/gitconfig"})
	m.write(m.work+"/.gitattributes", "* filter=evil\n[attr]sly filter=evil\n*.txt sly\n")
	revision := m.commit("release", "filtered")
	_, err := m.git.Mirror(m.ctx, m.host, git.MirrorOptions{Repo: m.repo, Path: m.path})
	m.must(err)
	for name, o := range map[string]git.CloneOptions{"mirror": {Mirror: m.path}, "whole": {}, "shallow": {Depth: 1}} {
		o.Repo, o.Revision, o.Branch, o.OnBranch, o.Into = m.repo, revision, "release", true, filepath.Join(m.dir, name)
		m.must(m.git.Clone(m.ctx, m.host, o))
		if got := m.read(o.Into + "/app.txt"); got != "filtered" {
			t.Errorf("%s: app.txt holds %q", name, got)
		}
		if _, err := m.git.Revision(m.ctx, m.host, o.Into); err != nil {
			t.Error(err)
		}
		if _, err := os.Lstat(o.Into + "/.git/hooks"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: it has hooks: %v", name, err)
		}
	}
	if text, err := os.ReadFile(ran); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("run: %s, %v", text, err)
	}
	if warned := m.texts(event.Warning); len(warned) != 3 || !strings.Contains(warned[0], "filter") {
		t.Errorf("warnings: %q", warned)
	}
	_, err = m.git.Resolve(m.ctx, m.host, "ext::sh -c touch% "+ran, "main")
	m.fails(err, "git would run a program for it", "")
}

// With OnBranch only a commit of the branch or tag is taken, also of one that has moved on.
func TestCloneOnBranch(t *testing.T) {
	m := newMirrored(t)
	first := m.run("-C", m.repo, "rev-parse", "main")
	older := m.commit("release", "older")
	m.commit("release", "newer")
	m.run("-C", m.work, "checkout", "--quiet", "-B", "other", first)
	other := m.commit("other", "other")
	m.run("-C", m.work, "tag", "-a", "-m", "v1", "v1", other)
	m.run("-C", m.work, "push", "--quiet", "origin", "v1")
	m.check("before", false)
	into := filepath.Join(m.dir, "one")
	for _, from := range []git.CloneOptions{{Mirror: m.path}, {}, {Depth: 1}} {
		for _, row := range []struct{ branch, revision, want string }{
			{"release", older, ""},
			{"refs/heads/release", older, ""},
			{"other", other, ""},
			{"v1", other, ""},
			{"v1", first, ""},
			{"refs/tags/v1", other, ""},
			{"release", other, "is not reachable from release"},
			{"v1", older, "is not reachable from v1"},
		} {
			o := from
			o.Repo, o.Revision, o.Branch, o.OnBranch, o.Into = m.repo, row.revision, row.branch, true, into
			err := m.git.Clone(m.ctx, m.host, o)
			if row.want != "" {
				m.fails(err, row.want, "--revision")
			} else if err != nil {
				t.Errorf("%+v: %v", o, err)
			} else if got := m.run("-C", into, "rev-parse", "HEAD"); got != row.revision {
				t.Errorf("%+v: %s is checked out", o, got)
			}
			m.must(os.RemoveAll(into))
		}
	}
	err := m.git.Clone(m.ctx, m.host, git.CloneOptions{Repo: m.repo, Revision: first, OnBranch: true, Into: into})
	m.fails(err, "want a branch", "")
}

// What the release puts at its top is never the repository's.
func TestCloneReserve(t *testing.T) {
	m := newMirrored(t)
	o := git.CloneOptions{Repo: m.repo, Revision: m.run("-C", m.repo, "rev-parse", "main"), Into: filepath.Join(m.dir, "one"), Reserve: []string{".runbook.json", "venv/"}}
	m.must(m.git.Clone(m.ctx, m.host, o))
	m.write(o.Into+"/.runbook.json", "{}")
	m.must(os.Symlink(m.dir, o.Into+"/venv"))
	if got := m.run("-C", o.Into, "status", "--porcelain"); got != "" {
		t.Errorf("git status says %q", got)
	}
	if got := m.read(o.Into + "/.git/info/exclude"); !strings.Contains(got, "\nvenv/\n") || !strings.HasPrefix(got, ".runbook.json\n") {
		t.Errorf("excluded: %q", got)
	}
	for i, name := range []string{".runbook.json", "venv/bin"} {
		m.must(os.MkdirAll(filepath.Dir(m.work+"/"+name), 0o755))
		m.write(m.work+"/"+name, "{}")
		o.Revision, o.Into = m.commit("release", name), filepath.Join(m.dir, "two")
		m.fails(m.git.Clone(m.ctx, m.host, o), "the commit has a "+[]string{".runbook.json", "venv"}[i]+" of its own", ".gitignore")
		if _, err := os.Lstat(o.Into); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("something is left at %s: %v", o.Into, err)
		}
		m.must(os.RemoveAll(m.work + "/.runbook.json"))
	}
	o.Reserve = []string{"../x"}
	m.fails(m.git.Clone(m.ctx, m.host, o), "is no name", "")
}
