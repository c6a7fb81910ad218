//go:build unix

package git_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"runbook/runtime/event"
	"runbook/runtime/git"
	"runbook/runtime/ssh/shell"
)

func TestClone(t *testing.T) {
	for _, from := range []string{"the mirror", "the repository"} {
		t.Run("from "+from, func(t *testing.T) {
			m := newMirrored(t)
			wanted := m.commit("release", "wanted")
			m.commit("release", "newer")
			m.check("before", false)
			o := git.CloneOptions{Repo: m.repo, Revision: wanted, Into: filepath.Join(m.dir, "releases", "one"),
				Branch: "release"}
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
			changed := m.texts(event.Changed)
			if changed[len(changed)-1] != o.Into+": clone of "+m.repo+" at "+wanted[:12] {
				t.Errorf("events: %v", changed)
			}
			shared := linked(t, o.Into+"/.git/objects")
			if (shared > 0) != (o.Mirror != "" || o.Repo == m.repo) {
				t.Errorf("%d objects are hard links", shared)
			}
			// The clone does not depend on the mirror.
			m.must(os.RemoveAll(m.path))
			m.must(os.RemoveAll(m.repo))
			m.run("-C", o.Into, "fsck", "--strict")
		})
	}
}

// Without a mirror, a clone may have only the last commits.
func TestShallowClone(t *testing.T) {
	m := newMirrored(t)
	older := m.commit("release", "older")
	wanted := m.commit("release", "wanted")
	o := git.CloneOptions{Repo: m.repo, Revision: wanted, Into: filepath.Join(m.dir, "one"), Branch: "release",
		Depth: 1}
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
	m.fails(m.git.Clone(m.ctx, m.host, o), "does not contain the commit", "pushed")
	o.Revision = older // not the head of anything
	config := filepath.Join(m.dir, "version0")
	m.write(config, "[protocol]\n\tversion = 0\n")
	ctx := shell.WithEnv(m.ctx, m.host, map[string]string{"GIT_CONFIG_GLOBAL": config})
	m.fails(m.git.Clone(ctx, m.host, o), "only of the head of a branch or a tag", "depth")
	o.Mirror = m.path
	m.fails(m.git.Clone(m.ctx, m.host, o), "depth", "")
	if _, err := os.Lstat(o.Into); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("something is left at %s: %v", o.Into, err)
	}
}

// linked counts the files below dir that have another hard link.
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
	m.fails(clone(func(o *git.CloneOptions) { o.Revision = "main" }), `"main" is not a commit hash`, "resolve")
	m.fails(clone(func(o *git.CloneOptions) { o.Revision = revision[:10] }), "not a full commit hash",
		"give all digits")
	m.fails(clone(func(o *git.CloneOptions) { o.Branch = "-x" }), "begins with -", "")
	m.fails(clone(func(o *git.CloneOptions) { o.Into = "releases/one" }), "want an absolute path", "")
	m.fails(clone(func(o *git.CloneOptions) { o.Mirror = "repo.git" }), "want an absolute path", "")
	m.fails(clone(func(o *git.CloneOptions) { o.Repo = "ext::sh -c true" }), "run a program", "")
	m.fails(clone(func(o *git.CloneOptions) { o.Mirror = m.dir + "/nonesuch" }), "there is no such repository", "")
	m.fails(clone(func(o *git.CloneOptions) { o.Revision = strings.Repeat("0123456789", 4) }),
		"does not contain the commit", "pushed")
	if _, err := os.Lstat(into); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("something was left: %v", err)
	}
	for _, made := range []func() error{
		func() error { return os.Mkdir(into, 0o755) },
		func() error { return os.Symlink("/nonexistent", into) },
	} {
		m.must(os.RemoveAll(into))
		m.must(made())
		m.fails(clone(func(*git.CloneOptions) {}), into+" exists already", "another release name")
		if _, err := os.Lstat(into); err != nil {
			t.Errorf("what stood there is gone: %v", err)
		}
	}
}

// Submodules are cloned at their commits, even nested ones and ones with a relative URL. git never
// acts on .gitmodules: the URLs are checked first, and a clone with a URL that is not allowed leaves
// nothing.
func TestSubmodules(t *testing.T) {
	m := newMirrored(t)
	sub, nested := newBenchOf(t, "sha1"), newBenchOf(t, "sha1")
	for name, b := range map[string]*bench{"sub": sub, "nested": nested} {
		m.must(os.Symlink(b.repo, filepath.Join(m.dir, name+".git")))
	}
	add := func(b *bench, from, at, url string) {
		b.run("-C", b.work, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", "--force", from, at)
		b.run("-C", b.work, "config", "--file", ".gitmodules", "submodule."+at+".url", url)
	}
	add(sub, nested.repo, "deep/nested", "../nested.git")
	pinned := sub.commit("main", "pinned")
	add(m.bench, sub.repo, "vendor/my sub", "../sub.git")
	revision := m.commit("main", "with a submodule")
	sub.commit("main", "newer")
	nested.commit("main", "newer")
	_, err := m.git.Mirror(m.ctx, m.host, git.MirrorOptions{Repo: m.repo, Path: m.path})
	m.must(err)
	o := git.CloneOptions{Repo: "file://" + m.repo, Revision: revision, Into: m.dir + "/one", Mirror: m.path}
	m.must(m.git.Clone(m.ctx, m.host, o))
	for _, want := range [][2]string{
		{m.run("-C", o.Into+"/vendor/my sub", "rev-parse", "HEAD"), pinned},
		{m.read(o.Into + "/vendor/my sub/app.txt"), "pinned"},
		{m.read(o.Into + "/vendor/my sub/deep/nested/app.txt"), "first"},
		{m.run("-C", o.Into, "status", "--porcelain"), ""},
	} {
		if want[0] != want[1] {
			t.Errorf("got %q, want %q", want[0], want[1])
		}
	}
	for _, url := range []string{"ext::sh -c touch% " + m.dir + "/ran", "-u" + m.dir + "/ran", sub.repo,
		"git@other.example.org:x.git", "../missing.git"} {
		m.run("-C", m.work, "config", "--file", ".gitmodules", "submodule.vendor/my sub.url", url)
		m.run("-C", m.work, "config", "--file", ".gitmodules", "submodule.vendor/my sub.update", "!touch "+m.dir+"/ran")
		o.Revision, o.Into, o.Mirror = m.commit("main", url), m.dir+"/two", ""
		m.fails(m.git.Clone(m.ctx, m.host, o), map[bool]string{true: "there is no such repository",
			false: "submodule vendor/my sub: "}[url == "../missing.git"], "")
		for _, path := range []string{o.Into, m.dir + "/ran"} {
			if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s: left at %s: %v", url, path, err)
			}
		}
	}
}

// Files of Git LFS come from their server, and no other filter runs. Without git-lfs, or with a
// missing object, the clone fails and leaves nothing.
func TestLFS(t *testing.T) {
	m := newMirrored(t)
	ran := filepath.Join(m.dir, "ran")
	m.run("config", "--file", m.dir+"/gitconfig", "filter.evil.smudge", "touch "+ran)
	m.ctx = shell.WithEnv(m.ctx, m.host, map[string]string{"GIT_CONFIG_GLOBAL": m.dir + "/gitconfig"})
	content := "the content\n"
	sum := fmt.Sprintf("%x", sha256.Sum256([]byte(content)))
	object := filepath.Join(m.repo, "lfs/objects", sum[:2], sum[2:4], sum)
	m.must(os.MkdirAll(filepath.Dir(object), 0o755))
	m.write(object, content)
	m.must(os.Mkdir(m.work+"/static", 0o755))
	for name, text := range map[string]string{
		"static/.gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n*.evil filter=evil\n",
		"static/ä b.bin": fmt.Sprintf("version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize %d\n",
			sum, len(content)),
		"static/x.evil": "x",
	} {
		m.write(filepath.Join(m.work, name), text)
	}
	m.run("-C", m.work, "config", "filter.lfs.required", "false")
	m.run("-C", m.work, "config", "filter.lfs.process", "")
	m.run("-C", m.work, "config", "filter.lfs.clean", "cat")
	revision := m.commit("release", "with a file in LFS")
	_, err := m.git.Mirror(m.ctx, m.host, git.MirrorOptions{Repo: m.repo, Path: m.path})
	m.must(err)
	file := "/static/ä b.bin"
	o := git.CloneOptions{Repo: m.repo, Revision: revision, Into: m.dir + "/one", Mirror: m.path}
	m.must(m.git.Clone(m.ctx, m.host, o))
	if got := m.read(o.Into + file); got != content {
		t.Errorf("the file has %q", got)
	}
	if warned := m.texts(event.Warning); len(warned) != 1 || !strings.Contains(warned[0], "x.evil") {
		t.Errorf("warnings: %q", warned)
	}
	m.must(os.Rename(object, object+".away"))
	o.Into = m.dir + "/two"
	m.fails(m.git.Clone(m.ctx, m.host, o), sum, "")
	if _, err := os.Lstat(o.Into); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("left at %s: %v", o.Into, err)
	}
	o.LFS = "pointers"
	m.must(m.git.Clone(m.ctx, m.host, o))
	if got := m.read(o.Into + file); !strings.Contains(got, sum) {
		t.Errorf("the file has %q", got)
	}
	m.must(os.Mkdir(m.dir+"/bin", 0o755))
	program, err := exec.LookPath("git")
	m.must(err)
	m.must(os.WriteFile(m.dir+"/bin/git",
		[]byte("#!/bin/sh\ncase \" $* \" in *\" lfs \"*) echo git: \"'lfs' is not a git command\" >&2; exit 1 ;; "+
			"esac\nexec "+program+" \"$@\"\n"), 0o755))
	o.LFS, o.Into = "", m.dir+"/four"
	m.fails(m.git.Clone(shell.WithEnv(m.ctx, m.host, map[string]string{"PATH": m.dir + "/bin:" + os.Getenv("PATH")}),
		m.host, o),
		"there is no git-lfs on the host", "apt-get install git-lfs")
	m.write(m.work+"/.lfsconfig", "[lfs]\n\turl = ssh://-oProxyCommand=x/y\n")
	o.Revision, o.Mirror = m.commit("release", "config"), ""
	m.fails(m.git.Clone(m.ctx, m.host, o), ".lfsconfig names a server that is not one of https", "")
	if _, err := os.Lstat(ran); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a filter ran: %v", err)
	}
}

// An interrupted clone leaves no folder, no temporary files and no git process.
func TestCloneInterrupted(t *testing.T) {
	m := newMirrored(t)
	revision := m.run("-C", m.repo, "rev-parse", "main")
	fifo := m.dir + "/fifo"
	m.must(syscall.Mkfifo(fifo, 0o600))
	// The checkout reports its start, and waits.
	program, err := exec.LookPath("git")
	m.must(err)
	m.must(os.Mkdir(m.dir+"/bin", 0o755))
	m.must(os.WriteFile(m.dir+"/bin/git",
		[]byte("#!/bin/sh\ncase $* in *checkout*) echo $$ > "+fifo+"; exec tail -f /dev/null ;; esac\n"+
			"exec "+program+" \"$@\"\n"), 0o755))
	ctx, cancel := context.WithCancelCause(shell.WithEnv(m.ctx, m.host,
		map[string]string{"PATH": m.dir + "/bin:" + os.Getenv("PATH")}))
	defer cancel(nil)
	why := errors.New("interrupted")
	said, err := os.OpenFile(fifo, os.O_RDWR, 0) // read and write, so that neither end blocks in open
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
	m.must(said.Close()) // wakes the reader if no checkout started
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
		m.dir + "/nonesuch": "no such folder",
		m.dir + "/app.txt":  "no such folder",
		"work":              "want an absolute path",
	} {
		_, err := m.git.Revision(m.ctx, m.host, dir)
		m.fails(err, want, "")
	}
}

// A repository's owner decides what git runs for it, so even root may not use another user's.
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
	err = m.git.Clone(m.ctx, m.host, git.CloneOptions{Repo: m.repo, Revision: revision, Into: m.dir + "/one",
		Mirror: m.path})
	m.fails(err, "the mirror belongs to another user", "move it away")
}

// No program of a repository, a template or a mirror runs during a clone.
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
	m.ctx = shell.WithEnv(m.ctx, m.host, map[string]string{"GIT_CONFIG_GLOBAL": m.dir + "/gitconfig"})
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

// OnBranch accepts only commits of the branch or tag, even if it has moved on.
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

// The repository must not contain the names that the release creates.
func TestCloneReserve(t *testing.T) {
	m := newMirrored(t)
	o := git.CloneOptions{Repo: m.repo, Revision: m.run("-C", m.repo, "rev-parse", "main"),
		Into: filepath.Join(m.dir, "one"), Reserve: []string{".runbook.json", "venv/"}}
	m.must(m.git.Clone(m.ctx, m.host, o))
	m.write(o.Into+"/.runbook.json", "{}")
	m.must(os.Symlink(m.dir, o.Into+"/venv"))
	if got := m.run("-C", o.Into, "status", "--porcelain"); got != "" {
		t.Errorf("git status says %q", got)
	}
	if got := m.read(o.Into + "/.git/info/exclude"); !strings.Contains(got, "\nvenv/\n") ||
		!strings.HasPrefix(got, ".runbook.json\n") {
		t.Errorf("excluded: %q", got)
	}
	for i, name := range []string{".runbook.json", "venv/bin"} {
		m.must(os.MkdirAll(filepath.Dir(m.work+"/"+name), 0o755))
		m.write(m.work+"/"+name, "{}")
		o.Revision, o.Into = m.commit("release", name), filepath.Join(m.dir, "two")
		m.fails(m.git.Clone(m.ctx, m.host, o), "the commit contains "+[]string{".runbook.json", "venv"}[i],
			".gitignore")
		if _, err := os.Lstat(o.Into); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("something is left at %s: %v", o.Into, err)
		}
		m.must(os.RemoveAll(m.work + "/.runbook.json"))
	}
	o.Reserve = []string{"../x"}
	m.fails(m.git.Clone(m.ctx, m.host, o), "is not a name", "")
}

// A SHA-256 repository is resolved, mirrored, rebuilt and cloned as others are. Its commits have 64
// digits.
func TestSHA256(t *testing.T) {
	b := newBenchOf(t, "sha256")
	m := &mirrored{b, filepath.Join(b.dir, "repo.git")}
	revision := m.commit("release", "release")
	if got, err := m.git.Resolve(m.ctx, m.host, m.repo, "release"); err != nil || got != revision || len(got) != 64 {
		t.Fatalf("resolve: %q, %v; want %s", got, err, revision)
	}
	m.check("at first", true)
	m.check("again", false)
	for name, o := range map[string]git.CloneOptions{"mirror": {Mirror: m.path}, "whole": {}, "shallow": {Depth: 1}} {
		o.Repo, o.Revision, o.Branch, o.OnBranch, o.Into = "file://"+m.repo, revision, "release", true,
			filepath.Join(m.dir, name)
		m.must(m.git.Clone(m.ctx, m.host, o))
		if got, err := m.git.Revision(m.ctx, m.host, o.Into); err != nil || got != revision {
			t.Errorf("%s: revision %s, %v", name, got, err)
		}
	}
	m.write(m.dir+"/signers", "")
	_, err := m.git.Verify(m.ctx, m.host, git.VerifyOptions{Repo: m.repo, Revision: revision, By: "commit",
		Signers: m.dir + "/signers"})
	m.fails(err, "is not signed", "")
	m.fails(m.git.Clone(m.ctx, m.host, git.CloneOptions{Repo: m.repo, Revision: revision[:50], Into: m.dir + "/x"}),
		"not a full commit hash", "64")
}
