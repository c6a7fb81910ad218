//go:build unix

package hostile

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// GitServer starts an SSH server that runs a script instead of git-upload-pack. $1 is the path that
// the client requests.
func GitServer(t testing.TB, script string) *Server {
	t.Helper()
	return Start(t, Attacks{Programs: map[string]string{"git-upload-pack": script}})
}

// URL returns the address of a repository on a git server.
func (s *Server) URL(path string) string {
	return fmt.Sprintf("ssh://git@127.0.0.1:%d%s", s.Port, path)
}

// Known returns the server's line for a known_hosts file.
func (s *Server) Known() string { return fmt.Sprintf("[127.0.0.1]:%d %s\n", s.Port, s.HostKey) }

// Scripts for a GitServer.

// OnceFrom serves another repository to the first client, and the right one to later clients. dir
// must be a new folder.
func OnceFrom(dir, other string) string {
	return fmt.Sprintf("mkdir '%s/served' 2>/dev/null && set -- '%s'\nexec git upload-pack \"$1\"\n", dir, other)
}

// Advertise sends the contents of a file once.
func Advertise(file string) string {
	return fmt.Sprintf("cat '%s'\nprintf 0000\nexec cat >/dev/null\n", file)
}

// AdvertiseForEver sends the contents of a file repeatedly.
func AdvertiseForEver(file string) string { return fmt.Sprintf("while cat '%s'; do :; done\n", file) }

// Refs returns the first message of a git server in version 0 of the protocol
// (gitprotocol-pack(5)): arbitrary names that all point to commit.
func Refs(commit string, names ...string) string {
	var b strings.Builder
	capabilities := "\x00agent=hostile"
	for _, name := range names {
		line := commit + " " + name + capabilities + "\n"
		fmt.Fprintf(&b, "%04x%s", len(line)+4, line)
		capabilities = ""
	}
	return b.String()
}

// Repository is a bare repository in which each branch but Honest attacks a release.
type Repository struct {
	Path    string
	Commits map[string]string // by branch
}

// The branches of a Repository.
const (
	Honest  = "release" // an application
	Marker  = "marker"  // contains the file that marks a release as complete
	Links   = "links"   // contains a symlink media that points out of the release
	Filters = "filters" // has a filter for each file, and git's files for hooks and attributes
	// Submodules has a submodule whose URL is a path.
	Submodules = "submodules"
)

// NewRepository creates a Repository, which is removed at the end of the test.
func NewRepository(t testing.TB) *Repository {
	t.Helper()
	dir := t.TempDir()
	r := &Repository{filepath.Join(dir, "app.git"), map[string]string{}}
	work := filepath.Join(dir, "work")
	git := func(args ...string) string {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-C", work, "-c", "user.name=h", "-c", "user.email=h@example.org",
			"-c", "protocol.file.allow=always"}, args...)...)
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	file := func(name, text string) { must(os.WriteFile(filepath.Join(work, name), []byte(text), 0o755)) }
	must(os.Mkdir(work, 0o755))
	git("init", "--quiet", "--bare", "--initial-branch", Honest, r.Path)
	git("init", "--quiet", "--initial-branch", Honest)
	git("remote", "add", "origin", r.Path)
	for _, branch := range []struct {
		name string
		make func()
	}{
		{Honest, func() { file("wsgi.py", "def application(environ, start_response): pass\n") }},
		{Marker, func() {
			file(".runbook.json", fmt.Sprintf(`{"release": "r1", "revision": %q}`, r.Commits[Honest]))
		}},
		{Links, func() { must(os.Symlink("../../../outside", filepath.Join(work, "media"))) }},
		{Filters, func() {
			file(".gitattributes", "* filter=evil\n")
			must(os.Mkdir(filepath.Join(work, "hooks"), 0o755))
			file("hooks/post-checkout", "#!/bin/sh\ntouch ran\n")
		}},
		{Submodules, func() { git("submodule", "--quiet", "add", r.Path, "sub") }},
	} {
		if branch.name != Honest {
			git("checkout", "--quiet", "-f", "-B", branch.name, Honest)
		}
		branch.make()
		git("add", "--all", "--force")
		git("commit", "--quiet", "-m", branch.name)
		git("push", "--quiet", "origin", branch.name)
		r.Commits[branch.name] = git("rev-parse", "HEAD")
	}
	return r
}
