package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"runbook/runtime/lab/labtest"
)

// TestPreflight gives each host a different obstacle to a release: a small file system, or programs
// that come before the system's on PATH. All obstacles are reported at once, and nothing changes on
// any host.
func TestPreflight(t *testing.T) {
	l := labtest.Start(t, "full", "small", "inodes", "crowded", "readonly", "mounted", "ahead", "nogit", "broken",
		"novenv", "virtualenv", "old", "fine")
	t.Chdir(t.TempDir())
	repo, err := l.Repo()
	if err != nil {
		t.Fatal(err)
	}
	programs := map[string]map[string]string{
		// The size of a release and the clock are faked.
		"small": {"df": `case $1 in -Pk) printf 'x\nd 9 9 307200 9%% /\n';; *) exec /usr/bin/df "$@";; esac`,
			"du": `echo "409600 $2"`},
		"crowded": {"df": `case $1 in -Pi) printf 'x\nd 9 9 20000 9%% /\n';; *) exec /usr/bin/df "$@";; esac`,
			"find": `case $# in 1) seq 30000;; *) exec /usr/bin/find "$@";; esac`},
		"ahead":  {"date": `exec /usr/bin/date -d 'now + 1 day' "$@"`},
		"nogit":  {"git": ""},
		"broken": {"python3": "exit 1"},
		// Like Debian's Python without python3-venv. The second host has python3-virtualenv.
		"novenv": {"python3": "shift; exec /usr/bin/python3 -c " +
			"\"import sys; sys.modules['ensurepip'] = sys.modules['virtualenv'] = None\n$1\""},
		"virtualenv": {"python3": "shift; exec /usr/bin/python3 -c " +
			"\"import sys; sys.modules['ensurepip'] = None\n$1\""},
		"old": {"python3": "printf '\\000python\\t\\0002.7.18\\t\\000\\000\\n'; exit 1"},
	}
	for _, h := range l.Hosts {
		makeReleases(t, h.Root)
		h.Setenv("PATH", before(t, programs[h.Name]))
	}
	mountTmpfs(t, l.Root("full"), "size=50m,mode=755")
	mountTmpfs(t, l.Root("inodes"), "nr_inodes=100,mode=755")
	mountTmpfs(t, l.Root("readonly"), "ro,mode=755")
	mountTmpfs(t, filepath.Join(l.Root("mounted"), "releases"), "size=500m,mode=755")
	text, err := os.ReadFile(l.HostsFile())
	if err != nil {
		t.Fatal(err)
	}
	more := strings.TrimSuffix(strings.TrimSpace(string(text)), "}") +
		`{ name = "gone", address = "127.0.0.1", port = 1 } }`
	if err := os.WriteFile("all.lua", []byte(more), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"HOME": t.TempDir(), "XDG_STATE_HOME": "", "GITHUB_ACTIONS": "", "GITLAB_CI": "", "NO_COLOR": "1",
		"RUNBOOK_HOSTS": "all.lua", "RUNBOOK_RESTART": "none", "RUNBOOK_REPO": repo.Bare,
	} {
		t.Setenv(name, value)
	}
	if status, text := runHere("init", "."); status != 0 {
		t.Fatal(text)
	}
	snapshots := func() string { return snapshot(t, filepath.Dir(filepath.Dir(filepath.Dir(l.Root("full"))))) }
	was := snapshots()
	status, said := runHere("run", "recipes/release.lua", "--python", "python3")
	if status != 3 {
		t.Errorf("exit status %d", status)
	}
	for _, want := range []string{
		`preflight: 11 problems:`,
		`  full: \S+ has (49|50) MB free, less than 100\n    next: remove something`,
		`  small: \S+ has 300 MB free, less than the 401 that the current release takes\n    next: `,
		`  inodes: \S+ has \d\d free inodes, fewer than 10000\n`,
		`  crowded: \S+ has 20000 free inodes, fewer than the 30000 of the current release\n`,
		`  readonly: \S+/app is on a read-only file system, \S+\n    next: .*mount -o remount,rw`,
		`  mounted: \S+/releases is on another file system than \S+\n`,
		`  nogit: git is not installed\n    next: .*apt-get install git`,
		`  broken: python3 is not a working Python\n`,
		`  novenv: python3 can't make virtualenvs: its venv or ensurepip is missing, ` +
			`and it has no module virtualenv\n    next: .*apt-get install python3-venv`,
		`  old: python3 is Python 2\.7\.18, and runbook needs 3\.5 or later\n    next: `,
		`virtualenv +\| .*preflight: python3 lacks venv or ensurepip: virtualenv will make the virtualenv\n`,
		`  gone: 127.0.0.1:1 refused the connection\n    next: `,
		`ahead +\| .*warning: clock is 86\d\d\d s ahead of this machine: release`,
		`(?m)^fine +\| \S+ preflight: Python 3\.\d+\.\d+\S* at python3$`, `(?m)^fine +not touched `,
		`(?m)^ahead +not touched `, `(?m)^full +refused `, `(?m)^gone +no connection `,
	} {
		if !regexp.MustCompile(want).MatchString(said) {
			t.Errorf("no %q in\n%s", want, said)
		}
	}
	if now := snapshots(); now != was {
		t.Errorf("a host has changed: before\n%s\nafter\n%s", was, now)
	}
}

// mountTmpfs mounts an empty file system over a folder until the test ends.
func mountTmpfs(t *testing.T, folder, options string) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Fatal("only root can mount the file systems that this test needs: run the tests with sudo, as .ci/test does")
	}
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", options, "tmpfs", folder).CombinedOutput(); err != nil {
		t.Fatalf("mount: %v: %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", "-l", folder).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	})
}

// before returns a PATH on which shell scripts come before the system's programs. A program without
// a script is missing from it.
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

// without returns a folder with symlinks to all of the system's programs but one.
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
