package git_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"runbook/runtime/event"
	"runbook/runtime/git"
	"runbook/runtime/ssh/shell"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bench is a repository with a few commits, and this machine as the host that uses it.
type bench struct {
	*testing.T
	dir  string
	repo string // bare
	work string // a clone to commit and push from
	host *shell.Host
	ctx  context.Context
	git  git.Deps

	mu     sync.Mutex
	events []event.Event
}

func (b *bench) Event(e event.Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.events = append(b.events, e)
}

func (b *bench) Close() error { return nil }

func (b *bench) texts(kind event.Kind) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var texts []string
	for _, e := range b.events {
		if e.Kind == kind {
			texts = append(texts, e.Text)
		}
	}
	return texts
}

func newBench(t *testing.T) *bench { return newBenchOf(t, "sha1") }

// newBenchOf returns a bench whose repository has hashes of a kind: sha1 or sha256.
func newBenchOf(t *testing.T, hash string) *bench {
	dir := t.TempDir()
	b := &bench{T: t, dir: dir, repo: filepath.Join(dir, "app.git"), work: filepath.Join(dir, "work")}
	stream := event.NewStream(b)
	pool := shell.NewPool(stream, shell.Options{})
	b.host = pool.Localhost()
	t.Cleanup(func() {
		if err := pool.Close(); err != nil {
			t.Error(err)
		}
	})
	b.ctx = event.WithStream(t.Context(), stream)
	b.run("init", "--quiet", "--bare", "--initial-branch=main", "--object-format="+hash, b.repo)
	b.run("init", "--quiet", "--initial-branch=main", "--object-format="+hash, b.work)
	b.run("-C", b.work, "remote", "add", "origin", b.repo)
	b.commit("main", "first")
	return b
}

// run runs git here and returns its output.
func (b *bench) run(args ...string) string {
	b.Helper()
	out, err := exec.Command("git", append([]string{"-c", "user.name=t", "-c", "user.email=t@example.org"},
		args...)...).CombinedOutput()
	if err != nil {
		b.Fatalf("git %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// commit makes a commit on a branch, pushes it, and returns its hash.
func (b *bench) commit(branch, text string) string {
	b.Helper()
	b.run("-C", b.work, "checkout", "--quiet", "-B", branch)
	b.write(filepath.Join(b.work, "app.txt"), text)
	b.run("-C", b.work, "add", ".")
	b.run("-C", b.work, "commit", "--quiet", "-m", text)
	b.run("-C", b.work, "push", "--quiet", "--force", "origin", branch)
	return b.run("-C", b.work, "rev-parse", "HEAD")
}

func (b *bench) write(path, text string) {
	b.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		b.Fatal(err)
	}
}

func (b *bench) read(path string) string {
	b.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		b.Fatal(err)
	}
	return string(text)
}

func (b *bench) fails(err error, want, hint string) {
	b.Helper()
	if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(event.Hint(err), hint) {
		b.Errorf("error: %v, hint %q; want %q, hint %q", err, event.Hint(err), want, hint)
	}
}

func TestResolve(t *testing.T) {
	b := newBench(t)
	release := b.commit("release", "release")
	b.run("-C", b.work, "tag", "-m", "annotated", "v1")
	b.run("-C", b.work, "tag", "light")
	both := b.commit("both", "both")
	b.run("-C", b.work, "tag", "both", release)
	b.run("-C", b.work, "push", "--quiet", "origin", "refs/tags/v1", "refs/tags/light", "refs/tags/both",
		"HEAD:refs/pull/7/head", "HEAD:refs/heads/other/refs/heads/release")
	for ref, want := range map[string]string{
		"release": release, "v1": release, "light": release, "both": both, "refs/tags/both": release,
		"refs/pull/7/head": both, release: release,
		"HEAD": b.run("-C", b.repo, "rev-parse", "main"),
	} {
		if got, err := b.git.Resolve(b.ctx, b.host, b.repo, ref); err != nil || got != want {
			t.Errorf("%s: %s, %v; want %s", ref, got, err, want)
		}
	}
	for ref, want := range map[string][2]string{
		"relaese":   {`no branch or tag "relaese"`, `did you mean "release"?`},
		"nonesuch":  {`no branch or tag "nonesuch"`, "its branches are both, main, other/refs/heads/release, release"},
		release[:9]: {"no branch or tag", "give all digits"},
		"--exec=x":  {"begins with -", ""},
		"rel*":      {"contains one of", ""},
	} {
		_, err := b.git.Resolve(b.ctx, b.host, b.repo, ref)
		b.fails(err, want[0], want[1])
	}
	empty := filepath.Join(b.dir, "empty.git")
	b.run("init", "--quiet", "--bare", empty)
	_, err := b.git.Resolve(b.ctx, b.host, empty, "main")
	b.fails(err, "no branch", "was anything pushed")
	_, err = b.git.Resolve(b.ctx, b.host, b.dir+"/nonesuch.git", "main")
	b.fails(err, "there is no such repository", "URL")
	_, err = b.git.Resolve(shell.WithEnv(b.ctx, b.host, map[string]string{"PATH": b.dir}), b.host, b.repo, "main")
	b.fails(err, "there is no git on the host", "apt install git")
	var failed *git.Error
	if !errors.As(err, &failed) || failed.Host != "localhost" || failed.Command != "git ls-remote "+b.repo {
		t.Errorf("error: %#v", err)
	}
}
