//go:build unix

package main

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"runbook/runtime/lab/labtest"
)

// badInput is an admin's mistake, and how runbook must refuse it.
type badInput struct {
	name   string
	args   string            // "run release …": see words
	more   []string          // arguments that are not split
	files  map[string]string // on this machine, in the current folder
	host   func(t *testing.T, root string)
	status int
	want   string // a regular expression for the output
}

// words returns a row's arguments. "release", "rollback", "setup" and "status" run the shipped
// recipes on the first host of the lab.
func (b badInput) words() []string {
	var words []string
	for _, w := range strings.Fields(b.args) {
		switch w {
		case "release", "rollback", "setup", "status":
			words = append(words, "run", "recipes/"+w+".lua")
		default:
			words = append(words, w)
		}
	}
	return append(words, b.more...)
}

// TestBadInput makes one mistake after the other. Each must be refused with its exit status and its
// reason. No host may change, and after a mistake in the input itself (exit status 2) runbook must
// not contact a host.
func TestBadInput(t *testing.T) {
	l := labtest.Start(t, "web1")
	hosts := l.Hosts
	host := hosts[0]
	repo, err := l.Repo()
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	for name, value := range map[string]string{
		"HOME": t.TempDir(), "XDG_STATE_HOME": "", "GITHUB_ACTIONS": "", "GITLAB_CI": "", "NO_COLOR": "1",
		"RUNBOOK_HOSTS": l.HostsFile(), "RUNBOOK_RESTART": "none", "RUNBOOK_REPO": repo.Bare,
	} {
		t.Setenv(name, value)
	}
	if status, text := runHere("init", "."); status != 0 {
		t.Fatal(text)
	}
	rows := append(badFlags(), append(badNames(), append(badFiles(), badHosts()...)...)...)
	if len(rows) < 60 {
		t.Errorf("only %d rows", len(rows))
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			for path, content := range row.files {
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			makeReleases(t, host.Root)
			if row.host != nil {
				row.host(t, host.Root)
			}
			before, logins := snapshot(t, filepath.Dir(filepath.Dir(host.Root))), host.Logins()
			status, text := runHere(row.words()...)
			if status != row.status || !regexp.MustCompile(row.want).MatchString(text) {
				t.Errorf("%q: exit status %d, want %d and %q; it said\n%s", row.words(), status, row.status, row.want,
					text)
			}
			if strings.Contains(text, "panic") || strings.Contains(text, "goroutine") {
				t.Errorf("%s", text)
			}
			if after := snapshot(t, filepath.Dir(filepath.Dir(host.Root))); after != before {
				t.Errorf("the host has changed: before\n%s\nafter\n%s", before, after)
			}
			if n := host.Logins() - logins; row.status == 2 && n > 0 {
				t.Errorf("the host was contacted")
			}
		})
	}
}

// runHere runs a command line in this process, and returns its exit status and everything that it
// printed.
func runHere(args ...string) (int, string) {
	var out, errs bytes.Buffer
	in, err := os.Open(os.DevNull)
	if err != nil {
		return -1, err.Error()
	}
	defer in.Close()
	status := execute(context.Background(), "", args, in, &out, &errs)
	return status, errs.String() + out.String()
}

// makeReleases creates the files that a rollback reads, of two complete releases and a partial one.
func makeReleases(t *testing.T, root string) {
	t.Helper()
	steps := []error{os.RemoveAll(root)}
	for i, name := range []string{"r1", "r2", "half"} {
		dir := filepath.Join(root, "releases", name)
		steps = append(steps, os.MkdirAll(filepath.Join(dir, ".git"), 0o755))
		if name != "half" {
			marker := fmt.Sprintf(`{"release":%q,"revision":"%040d"}`, name, i)
			steps = append(steps, os.WriteFile(filepath.Join(dir, ".runbook.json"), []byte(marker), 0o644),
				os.WriteFile(filepath.Join(dir, ".git/HEAD"), fmt.Appendf(nil, "%040d\n", i), 0o644),
				os.MkdirAll(filepath.Join(dir, "venv/bin"), 0o755),
				os.Symlink("/bin/sh", filepath.Join(dir, "venv/bin/python")))
		}
	}
	steps = append(steps, os.Symlink(filepath.Join(root, "releases/r2"), filepath.Join(root, "current")))
	for _, err := range steps {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// snapshot lists everything below folders: path, mode, size, modification time, inode and the
// target of a symlink. It leaves out the lock file, which names the last holder, and the size and
// the time of its folder.
func snapshot(t *testing.T, folders ...string) string {
	t.Helper()
	var b strings.Builder
	for _, folder := range folders {
		err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := d.Info()
			if err != nil || d.Name() == ".runbook.lock" && d.Type().IsRegular() {
				return err
			}
			link := ""
			if d.Type()&fs.ModeSymlink != 0 {
				if link, err = os.Readlink(path); err != nil {
					return err
				}
			}
			_, locked := os.Lstat(filepath.Join(path, ".runbook.lock"))
			if d.IsDir() && (locked == nil || d.Name() == "app") {
				fmt.Fprintf(&b, "%s %s %d %s\n", path, info.Mode(), inode(info), link)
				return nil
			}
			fmt.Fprintf(&b, "%s %s %d %d %d %s\n", path, info.Mode(), info.Size(), info.ModTime().UnixNano(),
				inode(info), link)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}
