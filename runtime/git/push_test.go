package git_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"runbook/runtime/event"
	"runbook/runtime/git"
	"runbook/runtime/ssh/shell"
)

// pushed is a bench whose host gets commits only from this machine.
type pushed struct {
	*bench
	path  string // the mirror
	cache string
}

func newPushed(t *testing.T) *pushed {
	b := newBench(t)
	b.git.Here = b.host
	p := &pushed{b, filepath.Join(b.dir, "host", "repo.git"), filepath.Join(b.dir, "cache")}
	t.Setenv("XDG_CACHE_HOME", p.cache)
	t.Chdir(b.dir) // which is in no repository
	if err := os.Mkdir(filepath.Dir(p.path), 0o755); err != nil {
		t.Fatal(err)
	}
	return p
}

// push sends a commit to the host, and returns how many objects and bytes were sent.
func (p *pushed) push(revision, branch string) (objects, bytes int) {
	p.Helper()
	from, err := p.git.Hold(p.ctx, p.host, git.HoldOptions{Repo: p.repo, Revision: revision, Branch: branch})
	if err != nil {
		p.Fatal(err)
	}
	before := len(p.texts(event.Info))
	if _, err := p.git.Push(p.ctx, p.host, git.PushOptions{From: from, Revision: revision, Path: p.path,
		Branch: branch}); err != nil {
		p.Fatal(err)
	}
	p.complete(revision, branch)
	for _, text := range p.texts(event.Info)[before:] {
		found := regexp.MustCompile(`^sent (\d+) objects of .*, (\d+) bytes$`).FindStringSubmatch(text)
		if found == nil {
			p.Fatalf("info: %s", text)
		}
		objects, _ = strconv.Atoi(found[1])
		bytes, _ = strconv.Atoi(found[2])
	}
	return objects, bytes
}

// complete checks that the mirror has all of a commit, and that nothing else is left.
func (p *pushed) complete(revision, branch string) {
	p.Helper()
	if got := p.run("--git-dir="+p.path, "rev-parse", "refs/heads/"+branch,
		"refs/runbook/sent"); got != revision+"\n"+revision {
		p.Errorf("the mirror has %s, want %s", got, revision)
	}
	p.run("--git-dir="+p.path, "fsck", "--no-dangling")
	p.nothingLeft()
}

func (p *pushed) nothingLeft() {
	p.Helper()
	for _, pattern := range []string{filepath.Dir(p.path) + "/.*", p.path + ".*", p.path + "/objects/pack/tmp*",
		p.cache + "/runbook/git/sending-*"} {
		if left, err := filepath.Glob(pattern); err != nil || len(left) > 0 {
			p.Errorf("left: %v, %v", left, err)
		}
	}
}

// A second push sends only what is new, whatever happened to the branch.
func TestPushSendsWhatIsMissing(t *testing.T) {
	p := newPushed(t)
	p.write(filepath.Join(p.work, "big"), strings.Repeat("a line of a large file\n", 100_000))
	first := p.commit("release", "first")
	if objects, _ := p.push(first, "release"); objects < 4 {
		t.Errorf("the first push sent %d objects", objects)
	}
	second := p.commit("release", "second")
	if objects, bytes := p.push(second, "release"); objects != 3 || bytes > 600 {
		t.Errorf("the second push sent %d objects, %d bytes", objects, bytes)
	}
	for _, ref := range []string{"refs/heads/release", "refs/runbook/sent",
		"packed-refs"} { // as a killed git leaves them
		p.write(filepath.Join(p.path, ref+".lock"), "")
	}
	if objects, _ := p.push(second, "release"); objects != 0 {
		t.Errorf("a push of what the host has sent %d objects", objects)
	}
	p.run("-C", p.work, "reset", "--quiet", "--hard", "HEAD~2")
	rewritten := p.commit("release", "rewritten")
	if objects, _ := p.push(rewritten, "release"); objects != 3 {
		t.Errorf("a push of a rewritten branch sent %d objects", objects)
	}
	p.run("-C", p.work, "push", "--quiet", "origin", ":release")
	p.run("-C", p.work, "branch", "-m", "release", "kept")
	inFolder := p.commit("release/two", "a branch in a folder of the name that a branch had")
	p.push(inFolder, "release/two")
	p.push(second, "release")
}

func (p *pushed) lastInfo() string {
	all := p.texts("info")
	return all[len(all)-1]
}

// What the mirror lost is sent again.
func TestPushRepairsMirror(t *testing.T) {
	p := newPushed(t)
	p.push(p.commit("main", "before"), "main")
	for what, damage := range map[string]func(){
		"a lost object":   func() { p.must(os.RemoveAll(p.path + "/objects/pack")) },
		"no repository":   func() { p.must(os.Remove(p.path + "/HEAD")) },
		"an empty folder": func() { p.must(os.RemoveAll(p.path)); p.must(os.Mkdir(p.path, 0o755)) },
		"a killed push":   func() { p.must(os.MkdirAll(p.path+".new/objects", 0o755)) },
	} {
		damage()
		p.push(p.commit("main", "after "+what), "main")
	}
	p.must(os.RemoveAll(p.path))
	p.must(os.Mkdir(p.path, 0o755))
	p.write(p.path+"/note", "of somebody")
	_, err := p.git.Push(p.ctx, p.host, git.PushOptions{From: p.repo,
		Revision: p.run("-C", p.repo, "rev-parse", "main"), Path: p.path})
	p.fails(err, "not a bare repository", "move it away")
	if p.read(p.path+"/note") != "of somebody" {
		t.Error("what was there is gone")
	}
	p.must(os.Remove(p.path + "/note"))
	p.nothingLeft()
}

func (p *pushed) must(err error) {
	p.Helper()
	if err != nil {
		p.Fatal(err)
	}
}

// The host refuses a pack that is damaged, truncated, or without all objects of the commit.
func TestPushRefusesWhatIsNotTheCommit(t *testing.T) {
	p := newPushed(t)
	real, err := exec.LookPath("git")
	p.must(err)
	p.push(p.commit("main", "before"), "main")
	before := p.run("--git-dir="+p.path, "for-each-ref")
	revision := p.commit("main", "wanted")
	for what, script := range map[string]string{
		"damaged":       `*pack-objects*) git "$@" | tr '\220-\230' '\320-\330' ;;`,
		"cut off":       `*pack-objects*) git "$@" | head -c 100 ;;`,
		"without files": `*pack-objects*) printf '%s\n' ` + revision + ` | git "${@:1:6}" pack-objects -q --stdout ;;`,
		"empty":         `*pack-objects*) git "${@:1:6}" pack-objects -q --stdout </dev/null ;;`,
	} {
		bin := filepath.Join(p.dir, "bin "+what)
		p.must(os.Mkdir(bin, 0o755))
		text := "#!/bin/bash\n# stands in for git on this machine\ngit() { " + real + ` "$@"; }` +
			"\ncase \"$*\" in\n" + script + "\n*) git \"$@\" ;;\nesac\n"
		p.must(os.WriteFile(filepath.Join(bin, "git"), []byte(text), 0o755))
		ctx := shell.WithEnv(p.ctx, p.host, map[string]string{"PATH": bin + ":" + os.Getenv("PATH")})
		_, err := p.git.Push(ctx, p.host, git.PushOptions{From: p.repo, Revision: revision, Path: p.path,
			Branch: "main"})
		p.fails(err, "it lacks a part of what the commit "+revision[:12]+" consists of", "git fsck")
		if after := p.run("--git-dir="+p.path, "for-each-ref"); after != before {
			t.Errorf("%s: the mirror has\n%s\nwant\n%s", what, after, before)
		}
		p.nothingLeft()
	}
	p.push(revision, "main")
}

// Old mistakes in a history, which git clone accepts, and SHA-256 are no reason to refuse a commit.
func TestPushUnusualRepositories(t *testing.T) {
	p := newPushed(t)
	old := filepath.Join(p.dir, "old.git")
	p.run("init", "--quiet", "--bare", old)
	// A folder's mode with a zero before it, the empty tree, and a time zone that does not exist.
	script := `git hash-object -w -t tree /dev/null >/dev/null &&
	tree=$(printf '040000 d\0\113\202\135\306\102\313\156\271\240\140\345\113\370\326\222\210\373\356\111\004' | ` +
		`git hash-object -w -t tree --literally --stdin) &&
	printf 'tree %s\nauthor A <a> 1 +051800\ncommitter A <a> 1 +051800\n\nold\n' "$tree" | ` +
		`git hash-object -w -t commit --literally --stdin`
	cmd := exec.Command("sh", "-c", script)
	cmd.Dir = old
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	newer := filepath.Join(p.dir, "newer")
	p.run("init", "--quiet", "--object-format=sha256", newer)
	p.run("-C", newer, "commit", "--quiet", "--allow-empty", "-m", "first")
	for from, revision := range map[string]string{old: strings.TrimSpace(string(out)),
		newer: p.run("-C", newer, "rev-parse", "HEAD")} {
		_, err := p.git.Push(p.ctx, p.host, git.PushOptions{From: from, Revision: revision, Path: p.path,
			Branch: "release"})
		if err != nil {
			t.Fatal(err)
		}
		if got := p.run("--git-dir="+p.path, "rev-parse", "release"); got != revision {
			t.Errorf("the mirror has %s, want %s", got, revision)
		}
		p.nothingLeft()
		p.must(os.RemoveAll(p.path))
	}
}

// Hold uses a repository that already has the commit. Otherwise it fetches into the cache.
func TestHold(t *testing.T) {
	p := newPushed(t)
	s := p.serveHTTPS("deploy", "s3cret99")
	p.run("-C", p.repo, "config", "uploadpack.allowFilter", "true")
	url, cached := s.at("deploy:s3cret99@"), filepath.Join(p.cache, "runbook", "git", "app-")
	dir := p.dir
	hold := func(what, repo, branch, revision, want string) {
		t.Helper()
		t.Chdir(dir)
		pool := shell.NewPool(event.NewStream(), shell.Options{}) // whose shell starts in this folder
		defer func() { p.must(pool.Close()) }()
		here := git.Deps{Here: pool.Localhost()}
		ctx := shell.WithEnv(p.ctx, here.Here, map[string]string{"GIT_SSL_NO_VERIFY": "1", "GIT_CONFIG_NOSYSTEM": "1"})
		from, err := here.Hold(ctx, here.Here, git.HoldOptions{Repo: repo, Revision: revision, Branch: branch})
		if err != nil || !strings.HasPrefix(from, want) {
			t.Errorf("%s: %s, %v; want %s", what, from, err, want)
			return
		}
		if asked := len(s.logins()) > 0; asked != strings.Contains(what, "fetched") {
			t.Errorf("%s: the git server was asked: %v", what, asked)
		}
		p.run("--git-dir="+from, "rev-list", "--objects", "--quiet", revision)
	}
	first := p.commit("release", "of the release")
	hold("a path", p.repo, "release", first, p.repo)
	hold("fetched", url, "release", first, cached)
	hold("again", url, "release", first, cached)
	p.run("-C", p.work, "branch", "-m", "release", "kept")
	p.run("-C", p.work, "push", "--quiet", "origin", ":release")
	second := p.commit("release/two", "a branch in a folder of the name that a branch had")
	hold("fetched: a folder of branches", url, "release/two", second, cached)
	third := p.commit("main", "third")
	p.run("-C", p.work, "tag", "-m", "v1", "v1")
	p.run("-C", p.work, "push", "--quiet", "origin", "v1")
	hold("fetched: a tag", url, "v1", third, cached)
	fourth := p.commit("main", "fourth")
	hold("fetched: a commit of another branch", url, "release/two", fourth, cached)
	broken, err := filepath.Glob(cached + "*/HEAD")
	if err != nil || len(broken) != 1 {
		t.Fatal(broken, err)
	}
	p.must(os.Remove(broken[0]))
	hold("fetched: no repository", url, "main", fourth, cached)
	if files := found(t, p.cache, "s3cret99"); len(files) > 0 {
		t.Errorf("the password is in %v", files)
	}

	fifth := p.commit("main", "fifth")
	dir = filepath.Join(p.work, "folder")
	p.must(os.Mkdir(dir, 0o755))
	hold("the clone that the project is in", url, "main", fifth, p.work+"/.git")
	sixth := p.commit("main", "sixth")
	dir = filepath.Join(p.dir, "shallow")
	p.run("clone", "--quiet", "--depth", "1", "--branch", "main", "file://"+p.repo, dir)
	hold("fetched: in a shallow clone", url, "main", sixth, cached)
	_, err = p.git.Hold(p.ctx, p.host, git.HoldOptions{Repo: dir, Revision: sixth, Branch: "main"})
	p.fails(err, "shallow or partial clone", "--unshallow")
	dir = filepath.Join(p.dir, "partial")
	p.run("clone", "--quiet", "--filter", "blob:none", "--no-checkout", "--branch", "main", "file://"+p.repo, dir)
	hold("a partial clone", url, "main", sixth, cached)

	_, err = p.git.Hold(p.ctx, p.host, git.HoldOptions{Repo: p.repo, Revision: strings.Repeat("ab", 20),
		Branch: "main"})
	p.fails(err, "does not contain the commit", "pushed")
	_, err = p.git.Archive(p.ctx, nil, git.ArchiveOptions{Path: "."})
	p.fails(err, "only localhost", "")
}
