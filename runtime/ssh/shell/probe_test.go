package shell

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"runbook/runtime/event"
	"runbook/runtime/internal/sshtest"
)

// TestProbe finds on real sshd what a hardened or broken configuration forbids, and names it.
func TestProbe(t *testing.T) {
	url := fmt.Sprintf("http://127.0.0.1:%d/", sshtest.FreePort(t)) // nothing listens there
	for name, test := range map[string]struct {
		server     []string
		login      string // ~/.bashrc
		want, hint string
	}{
		"defaults":          {},
		"no session at all": {[]string{"MaxSessions 0"}, "", "sessions on a connection: 0", "MaxSessions"},
		"one session": {[]string{"MaxSessions 1"}, "",
			"the server allows too few sessions on a connection: 1, and a run needs 4",
			"MaxSessions must be 4 or more"},
		"three sessions": {[]string{"MaxSessions 3"}, "",
			"the server allows too few sessions on a connection: 3, and a run needs 4",
			"MaxSessions must be 4 or more"},
		"four sessions":       {[]string{"MaxSessions 4"}, "", "", ""},
		"no sftp":             {[]string{"Subsystem other internal-sftp"}, "", "", ""},
		"no tunnels, a relay": {[]string{"AllowTcpForwarding no"}, "", "", ""},
		"another port alone":  {[]string{"PermitOpen 127.0.0.1:1"}, "", "", ""},
		"no tunnels, no Python": {[]string{"DisableForwarding yes"}, "PATH=$HOME/bin",
			"forbids tunnels, so 127.0.0.1:PORT can't be reached through it, " +
				"and the host has no python3 that could relay",
			"AllowTcpForwarding"},
	} {
		t.Run(name, func(t *testing.T) {
			s := sshtest.Start(t, test.server...)
			must(t, os.Mkdir(filepath.Join(s.Dir, "bin"), 0o700)) // without python3
			for _, program := range []string{"sh", "dd", "timeout", "cat"} {
				must(t, os.Symlink("/usr/bin/"+program, filepath.Join(s.Dir, "bin", program)))
			}
			must(t, os.WriteFile(filepath.Join(s.Dir, ".bashrc"), []byte(test.login+"\n"), 0o600))
			err := newPool(t, Options{}).Host(s.Target(t)).Probe(t.Context(), Probe{URL: url})
			if test.want == "" {
				must(t, err)
				return
			}
			port := strings.TrimSuffix(url[strings.LastIndex(url, ":")+1:], "/")
			if err == nil || !strings.Contains(strings.ReplaceAll(err.Error(), port, "PORT"), test.want) ||
				!strings.Contains(event.Hint(err), test.hint) {
				t.Errorf("got %v, hint %q; want %s, hint %s", err, event.Hint(err), test.want, test.hint)
			}
		})
	}
}

// TestProbeBusy probes a host that holds a lock and allows only the sessions that a run needs.
func TestProbeBusy(t *testing.T) {
	s := sshtest.Start(t, "MaxSessions 4", "AllowTcpForwarding no")
	h := newPool(t, Options{}).Host(s.Target(t))
	must(t, h.Lock(t.Context(), filepath.Join(t.TempDir(), "lock"), 0))
	for range 3 { // each relays by a session of its own
		must(t, h.Probe(t.Context(), Probe{URL: "http://" + s.Address() + "/"}))
	}
}

// TestInterruptedInput interrupts a command with input. The shell, the lock, the command and the
// session that ends the command need all sessions that the server allows.
func TestInterruptedInput(t *testing.T) {
	h := newPool(t, Options{}).Host(sshtest.Start(t, "MaxSessions 4").Target(t))
	must(t, h.Lock(t.Context(), filepath.Join(t.TempDir(), "lock"), 0))
	run(t, h, Command{Script: "true"})
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(500*time.Millisecond, cancel)
	input := ""
	_, err := h.Run(ctx, Command{Argv: []string{"sleep", "1003"}, Stdin: &input})
	if !errors.Is(err, context.Canceled) || strings.Contains(err.Error(), "may still run") {
		t.Errorf("%v", err)
	}
	if left := pids(t, "sleep\x001003"); left != "" {
		t.Errorf("left on the host: %s", left)
	}
	run(t, h, Command{Script: "true", Resident: true})
}

// TestTwoAtOnce runs a command that waits for another one of the same host. The server refuses a
// second shell in one case: then the commands run one after the other.
func TestTwoAtOnce(t *testing.T) {
	for name, test := range map[string]struct{ sessions, want string }{
		"two shells": {"MaxSessions 3", "met"}, "one shell": {"MaxSessions 2", "alone"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newPool(t, Options{}).Host(sshtest.Start(t, test.sessions).Target(t))
			file := filepath.Join(t.TempDir(), "file")
			script := `: >"$1"; n=0; until [ -e "$2" ] || [ $n = 40 ]; do sleep 0.05; n=$((n+1)); done; ` +
				`if [ $n = 40 ]; then rm "$1"; echo alone; else echo met; fi`
			var group errgroup.Group
			for _, files := range [][]string{{file + "1", file + "2"}, {file + "2", file + "1"}} {
				group.Go(func() error {
					r, err := h.Run(t.Context(), Command{Script: script, Args: files})
					if said := strings.TrimSpace(r.Stdout); err == nil && said != test.want {
						err = fmt.Errorf("got %q, want %q", said, test.want)
					}
					return err
				})
			}
			must(t, group.Wait())
		})
	}
}

// TestKeeperGivesWay fills a server's sessions. A keeper without a lock ends where a command needs its
// session, and a lock gets another one.
func TestKeeperGivesWay(t *testing.T) {
	h := newPool(t, Options{}).Host(sshtest.Start(t, "MaxSessions 2").Target(t))
	run(t, h, Command{Script: "true"})
	if n := h.conn.countSessions(); n != 2 {
		t.Errorf("%d sessions, want a shell and a keeper", n)
	}
	input := "text"
	if r := run(t, h, Command{Script: "cat", Stdin: &input}); r.Stdout != input {
		t.Errorf("%+v", r)
	}
	if n := h.conn.countSessions(); n != 1 {
		t.Errorf("%d sessions, want a shell alone", n)
	}
	must(t, h.Lock(t.Context(), filepath.Join(t.TempDir(), "lock"), 0))
}
