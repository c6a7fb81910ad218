package hostile_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	gossh "golang.org/x/crypto/ssh"

	"runbook/runtime/internal/hostile"
)

// newProject returns a runner in a new project with a deploy key. programs are scripts on its host.
func newProject(t *testing.T, programs map[string]string) runner {
	r := newRunner(t, hostile.Attacks{Programs: programs,
		Agent: func(*gossh.ServerConn) {}}) // accepts agent forwarding
	r.piped(r.command(nil, "init", "."))
	r.write("key", privateKey(t))
	return r
}

func (r runner) write(name, text string) {
	r.Helper()
	if err := os.WriteFile(filepath.Join(r.dir, name), []byte(text), 0o600); err != nil {
		r.Fatal(err)
	}
}

// release releases a branch from a git server. It returns the output, the exit status and the peak
// memory.
func (r runner) release(server *hostile.Server, path, branch string) (output string, status int, peak int64) {
	r.Helper()
	r.write("known", server.Known())
	ctx, cancel := context.WithTimeout(r.Context(), 5*time.Minute)
	defer cancel()
	cmd := r.command(nil, "run", "recipes/release.lua", "--known-hosts", "known", "--repo", server.URL(path),
		"--branch", branch, "--release", "r1", "--key", "key",
		"--root", filepath.Join(r.dir, "app"), "--requirements", "", "--restart", "none", "--import-check=false")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	stop := context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() })
	defer stop()
	peak, err := peakMemory(cmd)
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) || ctx.Err() != nil {
		r.Fatalf("%v, %v\n%s", err, ctx.Err(), out.String())
	}
	return out.String(), cmd.ProcessState.ExitCode(), peak
}

// served returns the commit that current points to, or "".
func (r runner) served() string {
	r.Helper()
	head, err := os.ReadFile(filepath.Join(r.dir, "app", "current", ".git", "HEAD"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		r.Fatal(err)
	}
	return strings.TrimSpace(string(head))
}

// The answers of a git server only decide which commit its own branch has, and take no memory on
// this machine.
func TestGitServer(t *testing.T) {
	repo := hostile.NewRepository(t)
	commit := repo.Commits[hostile.Honest]
	other := filepath.Join(t.TempDir(), "other.git") // its branch release points to the head of links
	if out, err := exec.Command("sh", "-ec", `cp -R "$1" "$2" && git --git-dir="$2" update-ref refs/heads/release "$3"`,
		"sh", repo.Path, other, repo.Commits[hostile.Links]).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, c := range []struct {
		name, branch string
		script       func(dir string) string
		file         string // contents of the file that the script sends
		status       int
		want         string
	}{
		{"honest", "release", func(string) string { return "exec git upload-pack \"$1\"\n" }, "", 0,
			", resolved on this machine"},
		{"another branch's head", "release", func(dir string) string { return hostile.OnceFrom(dir, other) }, "", 1,
			"is not reachable from release"},
		{"names", "rel", func(dir string) string { return hostile.Advertise(dir + "/sent") },
			hostile.Refs(commit, "HEAD", "refs/heads/re\x1b]0;x\x07\u009b2J\u202el"), 3, "no branch or tag \"rel\""},
		{"names without end", "release", func(dir string) string { return hostile.AdvertiseForEver(dir + "/sent") },
			hostile.Refs(commit, slices.Repeat([]string{"refs/heads/x"}, 20_000)...), 3,
			"more memory than available"}, // git keeps most data for short names
		{"words without end", "release",
			func(dir string) string { return "head -c 40000000 /dev/zero | tr '\\0' x >&2\n" }, "", 3,
			"more than 16 MiB"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "sent"), []byte(c.file), 0o600); err != nil {
				t.Fatal(err)
			}
			r := newProject(t, nil)
			output, status, peak := r.release(hostile.GitServer(t, c.script(dir)), repo.Path, c.branch)
			if status != c.status || !strings.Contains(output, c.want) {
				t.Errorf("exit status %d, output:\n%.3000s", status, output)
			}
			if strings.ContainsAny(output, "\x1b\x07\u009b\u202e") {
				t.Errorf("escape sequences: %q", output)
			}
			want := ""
			if c.status == 0 {
				want = commit
			}
			if got := r.served(); got != want {
				t.Errorf("%q is current", got)
			}
			t.Logf("%d MB\n%s", peak/1e6, output)
			if peak > mostMemory {
				t.Errorf("peak memory is %d MB", peak/1e6)
			}
		})
	}
}

// The contents of a repository are data: they cannot mark a release as complete, reach files
// outside of it, or run.
func TestRepository(t *testing.T) {
	repo := hostile.NewRepository(t)
	for _, c := range []struct {
		branch string
		status int
		want   string
	}{
		{hostile.Marker, 1, "the commit contains .runbook.json"},
		{hostile.Links, 1, "media is a link in the repository"},
		{hostile.Filters, 0, "filters is "},
		{hostile.Submodules, 3, "the submodule sub: the URL "},
	} {
		t.Run(c.branch, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			ran := filepath.Join(dir, "ran")
			config := fmt.Sprintf("[filter \"evil\"]\n\tsmudge = touch '%s'; cat\n\trequired\n"+
				"[submodule]\n\trecurse = true\n[core]\n\thooksPath = hooks\n", ran)
			if err := os.WriteFile(filepath.Join(dir, "config"), []byte(config), 0o600); err != nil {
				t.Fatal(err)
			}
			git, err := exec.LookPath("git")
			if err != nil {
				t.Fatal(err)
			}
			r := newProject(t, map[string]string{"git": fmt.Sprintf("GIT_CONFIG_GLOBAL='%s' exec '%s' \"$@\"\n",
				filepath.Join(dir, "config"), git)})
			app, err := os.ReadFile(filepath.Join(r.dir, "recipes", "app.lua"))
			if err != nil {
				t.Fatal(err)
			}
			r.write("recipes/app.lua", strings.Replace(string(app), "shared = {},", `shared = { "media/uploads" },`, 1))
			output, status, _ := r.release(hostile.GitServer(t, "exec git upload-pack \"$1\"\n"), repo.Path, c.branch)
			if status != c.status || !strings.Contains(output, c.want) {
				t.Errorf("exit status %d, output:\n%s", status, output)
			}
			want := ""
			if c.status == 0 {
				want = repo.Commits[c.branch]
			}
			if got := r.served(); got != want {
				t.Errorf("%q is current", got)
			}
			for _, path := range []string{ran, filepath.Join(r.dir, "app", "outside"), filepath.Join(r.dir, "outside"),
				filepath.Join(r.dir, "app", "current", "ran"),
				filepath.Join(r.dir, "app", "current", "sub", "wsgi.py")} {
				if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("%s: %v", path, err)
				}
			}
			status, output = r.status()
			if complete := strings.Contains(output, "r1"); complete != (c.status == 0) {
				t.Errorf("exit status %d, output:\n%s", status, output)
			}
		})
	}
}

// status runs the recipe status and returns its exit status and output.
func (r runner) status() (int, string) {
	r.Helper()
	cmd := r.command(nil, "run", "recipes/status.lua", "--root", filepath.Join(r.dir, "app"), "--restart", "none")
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		r.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}
