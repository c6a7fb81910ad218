package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"runbook/runtime/lab/labtest"
)

// TestFullDisk fills the disk while a virtualenv is created: the error says so in at most 40 lines,
// without the source of the Python script, and nothing incomplete is left.
func TestFullDisk(t *testing.T) {
	l := labtest.Start(t, "web1", "web2")
	hosts := l.Hosts
	t.Chdir(t.TempDir())
	if _, err := l.GitServer(); err != nil {
		t.Fatal(err)
	}
	for _, h := range hosts {
		mountTmpfs(t, h.Root, "size=4m,mode=755")
	}
	for name, value := range map[string]string{
		"HOME": t.TempDir(), "XDG_STATE_HOME": "", "GITHUB_ACTIONS": "", "GITLAB_CI": "", "NO_COLOR": "1",
		"RUNBOOK_HOSTS":       l.HostsFile(),
		"RUNBOOK_KNOWN_HOSTS": l.KnownHosts(), "RUNBOOK_REPO": l.RepoURL(), "RUNBOOK_KEY": l.DeployKey(),
		"RUNBOOK_RESTART": "none", "RUNBOOK_PYTHON": "/usr/bin/python3",
	} {
		t.Setenv(name, value)
	}
	if status, text := runHere("init", "."); status != 0 {
		t.Fatal(text)
	}
	app, err := os.ReadFile("recipes/app.lua")
	if err != nil {
		t.Fatal(err)
	}
	small := strings.NewReplacer("free_megabytes = 100", "free_megabytes = 1", "free_inodes = 10000",
		"free_inodes = 100").Replace(string(app))
	small = strings.Replace(small, "return {", "return {\n  requirements = \"\",", 1)
	if err := os.WriteFile("recipes/app.lua", []byte(small), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, venv := range []string{"fresh", "reuse"} {
		status, said := runHere("run", "recipes/release.lua", "--release", "r1", "--venv", venv)
		if status != 1 {
			t.Errorf("exit status %d:\n%s", status, said)
		}
		_, message, _ := strings.Cut(said, ": make the virtualenv: the command failed\n")
		message, _, _ = strings.Cut(message, "\nstep ") // the results follow the message
		for _, want := range []string{
			"\n  command: virtualenv.py ", "\n    OSError: [Errno 28] No space left on device\n",
			"next: the host's disk is full: remove old releases, or make the disk larger\n",
		} {
			if !strings.Contains(message, want) {
				t.Errorf("no %q in\n%s", want, said)
			}
		}
		if n := strings.Count(message, "\n"); n > 39 {
			t.Errorf("%d lines:\n%s", n, message)
		}
		if strings.Contains(said, "subprocess") {
			t.Errorf("a program of ours is in\n%s", said)
		}
		for _, h := range hosts {
			left, err := filepath.Glob(h.Root + "/*/*/venv")
			more, err2 := filepath.Glob(h.Root + "/venvs/*")
			releases, err3 := filepath.Glob(h.Root + "/releases/*")
			if left = append(append(left, more...), releases...); len(left) > 0 || err != nil || err2 != nil ||
				err3 != nil {
				t.Errorf("--venv %s: left on %s: %v, %v %v %v", venv, h.Name, left, err, err2, err3)
			}
		}
	}
}
