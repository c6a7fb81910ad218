//go:build unix

package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"runbook/runtime/lab/labtest"
)

// TestSuspended stops a run with Ctrl-Z in a shell with job control: the shell gets a clean screen.
// In the background the run prints only lines; fg draws again, at the current size of the terminal.
func TestSuspended(t *testing.T) {
	l := labtest.Start(t, "web1", "web2")
	dir := t.TempDir()
	recipe := `recipe {}
each(hosts, { at_once = 2 }, function(host)
  step("first", function() host:run("cat ` + dir + `/first-" .. host.name) end)
  step("second", function() host:run("cat ` + dir + `/second-" .. host.name) end)
end)
`
	for path, text := range map[string]string{"r.lua": recipe, "rc": "PS1='shell> '\n"} {
		if err := os.WriteFile(filepath.Join(dir, path), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"first-web1", "first-web2", "second-web1", "second-web2"} {
		if err := syscall.Mkfifo(filepath.Join(dir, name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	goOn := func(name string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0); err != nil {
			t.Fatal(err)
		}
	}
	for name, value := range map[string]string{"HOME": dir, "XDG_STATE_HOME": "", "CI": "", "TERM": "xterm-256color",
		"HISTFILE": ""} {
		t.Setenv(name, value)
	}
	m := tmux{t, filepath.Join(dir, "socket")}
	m.run("new-session", "-d", "-x", "100", "-y", "24", "-c", dir, "bash --noprofile --rcfile rc")
	defer m.run("kill-server")
	m.shows(`^shell> *$`)
	m.run("send-keys", "runbook run r.lua --hosts '"+l.HostsFile()+"'", "Enter")
	m.shows(`^web1  first .*\nweb2  first .*\nr\.lua  \d+\.\d s$`)

	m.run("send-keys", "C-z")
	screen := m.shows(`^shell> *\n\s*\z`)
	if !strings.Contains(screen, "Stopped") || strings.Contains(screen, "first") {
		t.Errorf("stopped it shows\n%s", screen)
	}
	if got := m.run("display-message", "-p", "#{cursor_flag}"); got != "1\n" {
		t.Errorf("the cursor is hidden: %q", got)
	}
	m.run("resize-window", "-x", "60", "-y", "24")
	m.run("send-keys", "fg", "Enter")
	m.shows(`^shell> fg\nrunbook run .*\n(.*\n)?web1  first .*\nweb2  first .*\nr\.lua  \d+\.\d s\n\s*\z`)

	m.run("send-keys", "C-z")
	m.shows(`^shell> *\n\s*\z`)
	m.run("send-keys", "bg", "Enter")
	m.shows(`^shell> *\n\s*\z`)
	goOn("first-web1")
	goOn("first-web2")
	screen = m.shows(`(?s)web1 \| first: done.*web2 \| first: done|web2 \| first: done.*web1 \| first: done`)
	if strings.Contains(screen, "second") {
		t.Errorf("in the background it draws\n%s", screen)
	}
	m.run("send-keys", "fg", "Enter")
	m.shows(`^web1  second .*\nweb2  second .*\nr\.lua  \d+\.\d s\n\s*\z`)
	goOn("second-web1")
	goOn("second-web2")
	m.shows(`^host +state +time\nweb1 +done .*\nweb2 +done .*\nshell> *\n\s*\z`)
}
