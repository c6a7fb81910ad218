//go:build unix

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"runbook/runtime/lab/labtest"
)

// tmux is a real terminal.
type tmux struct {
	t      *testing.T
	socket string
}

func (m tmux) run(args ...string) string {
	m.t.Helper()
	out, err := exec.Command("tmux", append([]string{"-S", m.socket, "-f", "/dev/null"}, args...)...).CombinedOutput()
	if err != nil {
		m.t.Fatalf("tmux %s: %v (the Debian package tmux)\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// shows waits until the screen matches.
func (m tmux) shows(pattern string) string {
	m.t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(time.Minute); ; <-tick.C {
		screen := m.run("capture-pane", "-p")
		if regexp.MustCompile(`(?m)` + pattern).MatchString(screen) {
			return screen
		}
		if time.Now().After(deadline) {
			m.t.Fatalf("never showed %s:\n%s", pattern, screen)
		}
	}
}

// TestInTmux runs a recipe in a terminal of 60 columns: the view draws the progress, a question is
// asked and answered, the terminal gets wider, and Ctrl-C shows the hooks at once. The last line is
// the reason.
func TestInTmux(t *testing.T) {
	l := labtest.StartWithGit(t, "web1", "web2")
	dir := t.TempDir()
	recipe := `recipe {}
confirm("begin?")
each(hosts, { at_once = 2 }, function(host)
  host:on_failure(function() step("go back", function() host:run("cat ` + dir + `/back-" .. host.name) end) end)
  step("make the virtualenv", function() host:run("echo Collecting flask; sleep 600") end)
end)
`
	for path, text := range map[string]string{"r.lua": recipe,
		"run": "#!/bin/sh\ntrap : INT\nrunbook run r.lua --hosts '" + l.HostsFile() + "'\nexec cat\n"} {
		if err := os.WriteFile(filepath.Join(dir, path), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	backs := []string{filepath.Join(dir, "back-web1"), filepath.Join(dir, "back-web2")}
	for _, path := range backs {
		if err := syscall.Mkfifo(path, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	m := tmux{t, filepath.Join(dir, "socket")}
	// The server gets this environment. That of a CI service would turn the drawing off.
	for name, value := range map[string]string{"HOME": dir, "XDG_STATE_HOME": "", "CI": "", "TERM": "xterm-256color"} {
		t.Setenv(name, value)
	}
	m.run("new-session", "-d", "-x", "60", "-y", "20", "-c", dir, "./run")
	defer m.run("kill-server")
	m.shows(`^begin\? \[y/N\]`)
	m.run("send-keys", "yes", "Enter")
	m.shows(`^begin\? \[y/N\] yes\nweb1  make the virtualenv +\d+\.\d s  0  Collecting flask\n` +
		`web2  make the virtualenv .*\nr\.lua  \d+\.\d s$`)
	m.run("resize-window", "-x", "100")
	m.run("send-keys", "C-c")
	m.shows(`^web1  putting back: go back .*\nweb2  putting back: go back .*\nr\.lua .*\ninterrupted; Ctrl-C once more`)
	for _, path := range backs {
		if err := os.WriteFile(path, nil, 0); err != nil {
			t.Fatal(err)
		}
	}
	screen := m.shows(`^web1, web2: make the virtualenv: interrupted\n  at r.lua:5\n\s*\z`)
	if strings.Contains(screen, "once more skips what is left") ||
		!regexp.MustCompile(`(?m)^slowest step: .*\n\nhost +state +time\nweb1 +interrupted`).MatchString(screen) {
		t.Errorf("the end is\n%s", screen)
	}
}

// TestExecInTmux runs a command on slow hosts: the screen shows the hosts that are still running,
// and the output of the others waits for its turn. A second Ctrl-C ends the program and restores
// the terminal.
func TestExecInTmux(t *testing.T) {
	l := labtest.Start(t, "web1", "web2", "db")
	dir := t.TempDir()
	gate := filepath.Join(dir, "gate")
	if err := syscall.Mkfifo(gate, 0o600); err != nil {
		t.Fatal(err)
	}
	command := `trap "" INT TERM; case $PWD in *web1*) cat ` + gate +
		`;; *db*) echo fine; sleep 600;; *) echo second;; esac`
	run := "#!/bin/sh\ntrap : INT\nrunbook exec --hosts '" + l.HostsFile() + "' -- '" + command +
		"'\necho status $?\nexec cat\n"
	if err := os.WriteFile(filepath.Join(dir, "run"), []byte(run), 0o755); err != nil {
		t.Fatal(err)
	}
	m := tmux{t, filepath.Join(dir, "socket")}
	for name, value := range map[string]string{"HOME": dir, "XDG_STATE_HOME": "", "CI": "", "TERM": "xterm-256color"} {
		t.Setenv(name, value)
	}
	m.run("new-session", "-d", "-x", "100", "-y", "20", "-c", dir, "./run")
	defer m.run("kill-server")
	screen := m.shows(`^web1  \$ trap .* s\s*$\n^db .* s  fine$\n1 done so far\nexec -- `)
	if strings.Contains(screen, "second") {
		t.Errorf("web2 is before web1:\n%s", screen)
	}
	if err := os.WriteFile(gate, []byte("first\n"), 0); err != nil {
		t.Fatal(err)
	}
	m.shows(`^web1 \| first\nweb2 \| second\ndb   \| fine\n(.*\n)*db .*\n2 done so far\n`)
	m.run("send-keys", "C-c")
	m.run("send-keys", "C-c")
	screen = m.shows(`^status 130$`)
	if strings.Contains(screen, "done so far") ||
		strings.TrimSpace(m.run("display-message", "-p", "#{cursor_flag}")) != "1" {
		t.Errorf("something of the view is left, or the cursor is hidden:\n%s", screen)
	}
}
