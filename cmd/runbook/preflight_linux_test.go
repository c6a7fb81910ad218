package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestPreflight gives each host something of its own that keeps it from being released to: a small file system, or where
// that can't be had, programs of its own that stand before the system's. All of it is told of at once, and nothing is
// changed anywhere.
func TestPreflight(t *testing.T) {
	l, _ := labOf(t)
	t.Chdir(t.TempDir())
	repo, err := l.Repo()
	if err != nil {
		t.Fatal(err)
	}
	programs := map[string]map[string]string{
		// The size of a release and the clock are fakes.
		"small":   {"df": `case $1 in -Pk) printf 'x\nd 9 9 307200 9%% /\n';; *) exec /usr/bin/df "$@";; esac`, "du": `echo "409600 $2"`},
		"crowded": {"df": `case $1 in -Pi) printf 'x\nd 9 9 20000 9%% /\n';; *) exec /usr/bin/df "$@";; esac`, "find": `case $# in 1) seq 30000;; *) exec /usr/bin/find "$@";; esac`},
		"ahead":   {"date": `exec /usr/bin/date -d 'now + 1 day' "$@"`},
		"nogit":   {"git": ""},
		"broken":  {"python3": "exit 1"},
		"novenv":  {"python3": "shift; exec /usr/bin/python3 -c \"import sys; sys.modules['ensurepip'] = None\n$1\""}, // as Debian's without python3-venv
	}
	for _, name := range []string{"full", "small", "inodes", "crowded", "readonly", "mounted", "ahead", "nogit", "broken", "novenv", "fine"} {
		h, err := l.Host(name)
		if err != nil {
			t.Fatal(err)
		}
		makeReleases(t, h.Root)
		h.Setenv("PATH", before(t, programs[name]))
	}
	mountTmpfs(t, l.Root("full"), "size=50m,mode=755")
	mountTmpfs(t, l.Root("inodes"), "nr_inodes=100,mode=755")
	mountTmpfs(t, l.Root("readonly"), "ro,mode=755")
	mountTmpfs(t, filepath.Join(l.Root("mounted"), "releases"), "size=500m,mode=755")
	text, err := os.ReadFile(l.HostsFile())
	if err != nil {
		t.Fatal(err)
	}
	more := strings.TrimSuffix(strings.TrimSpace(string(text)), "}") + `{ name = "gone", address = "127.0.0.1", port = 1 } }`
	if err := os.WriteFile("all.lua", []byte(more), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"HOME": t.TempDir(), "XDG_STATE_HOME": "", "GITHUB_ACTIONS": "", "GITLAB_CI": "", "NO_COLOR": "1", "RUNBOOK_HOSTS": "all.lua", "RUNBOOK_RESTART": "none", "RUNBOOK_REPO": repo.Bare,
	} {
		t.Setenv(name, value)
	}
	if status, text := typed("init", "."); status != 0 {
		t.Fatal(text)
	}
	snapshots := func() string { return snapshot(t, filepath.Dir(filepath.Dir(filepath.Dir(l.Root("full"))))) }
	was := snapshots()
	status, said := typed("run", "recipes/release.lua", "--python", "python3")
	if status != 3 {
		t.Errorf("exit status %d", status)
	}
	for _, want := range []string{
		`preflight: 10 problems:`,
		`  full: \S+ has (49|50) MB of room left, less than 100\n    next: remove something`,
		`  small: \S+ has 300 MB of room left, less than the 401 that the current release takes\n    next: `,
		`  inodes: \S+ has room for \d\d more files \(inodes\), fewer than 10000\n`,
		`  crowded: \S+ has room for 20000 more files \(inodes\), fewer than the 30000 of the current release\n`,
		`  readonly: \S+/app is on a read-only file system, \S+\n    next: .*mount -o remount,rw`,
		`  mounted: \S+/releases is on another file system than \S+\n`,
		`  nogit: git is not installed\n    next: .*apt-get install git`,
		`  broken: python3 is no Python that works\n`,
		`  novenv: python3 can't make virtualenvs: its venv or ensurepip is missing\n    next: .*apt-get install python3-venv`,
		`  gone: 127.0.0.1:1 refused the connection\n    next: `,
		`ahead +\| .*warning: the clock is 86\d\d\d s ahead of this machine's`,
		`(?m)^fine +\| \S+ preflight: Python 3\.\d+\.\d+\S* at python3$`, `(?m)^fine +not touched `, `(?m)^ahead +not touched `, `(?m)^full +refused `, `(?m)^gone +no connection `,
	} {
		if !regexp.MustCompile(want).MatchString(said) {
			t.Errorf("no %q in\n%s", want, said)
		}
	}
	if now := snapshots(); now != was {
		t.Errorf("a host has changed: before\n%s\nafter\n%s", was, now)
	}
}

// mountTmpfs puts an empty file system of its own over a folder, until the test ends.
func mountTmpfs(t *testing.T, folder, options string) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Fatal("only root can mount the file systems that this test needs: run the tests with sudo, as .ci/test does")
	}
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", options, "tmpfs", folder).CombinedOutput(); err != nil {
		t.Fatalf("mount: %v: %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", folder).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	})
}

// before makes a PATH on which programs of our own stand before the system's, as shell scripts. One without a script is
// not there at all.
func before(t *testing.T, programs map[string]string) string {
	t.Helper()
	dir, system := t.TempDir(), "/usr/local/bin:/usr/bin:/bin"
	for name, script := range programs {
		if script == "" {
			system = without(t, name)
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir + ":" + system
}

// without is a folder with links to all of the system's programs but one.
func without(t *testing.T, name string) string {
	t.Helper()
	dir := t.TempDir()
	for _, from := range []string{"/usr/bin", "/bin"} {
		entries, err := os.ReadDir(from)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			err := os.Symlink(filepath.Join(from, e.Name()), filepath.Join(dir, e.Name()))
			if e.Name() == name {
				err = os.Remove(filepath.Join(dir, name))
			}
			if err != nil && !os.IsExist(err) {
				t.Fatal(err)
			}
		}
	}
	return dir
}
