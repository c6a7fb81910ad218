package ssh

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"runbook/runtime/event"
	"runbook/runtime/inventory"
)

// hash is what crypt(3) makes of the password "correct horse".
const hash = "$6$runbook$2gwDtCeJcYbtZnPSDLQmQ51TlU.yHh5Qa5Rs9opeUCjTi1KLMx.w9y4ZmvwC1MQ1Yn5k0m0yF504PspnTY5Fm."

// sudoHost is a host with the real sudo, on which alice may do everything with her password, and bob without one. The users
// exist in its mount namespace alone.
func sudoHost(t *testing.T, user, rule string) inventory.Host {
	t.Helper()
	if os.Getuid() != 0 {
		t.Fatal("this test makes a mount namespace: run it as root")
	}
	if _, err := exec.LookPath("sudo"); err != nil {
		t.Fatalf("%v: install the package sudo", err)
	}
	dir := t.TempDir()
	must(t, os.Chmod(dir, 0o755))
	// A copy of all of /etc takes its place: a mount on a single file would go as soon as anything outside replaced that file.
	etc := filepath.Join(dir, "etc")
	if out, err := exec.Command("cp", "-a", "/etc", etc).CombinedOutput(); err != nil {
		t.Fatalf("cp: %v: %s", err, out)
	}
	add := func(name, line string) {
		f, err := os.OpenFile(filepath.Join(etc, name), os.O_APPEND|os.O_WRONLY, 0)
		must(t, err)
		_, err = f.WriteString(line + "\n")
		must(t, errors.Join(err, f.Close()))
	}
	add("passwd", user+":x:4242:4242::/:/bin/sh")
	add("shadow", user+":"+hash+":19000:0:99999:7:::")
	must(t, os.WriteFile(filepath.Join(etc, "sudoers"), []byte("Defaults passwd_tries=3\nroot ALL=(ALL:ALL) ALL\n"+rule+"\n"), 0o440))
	prepare := "mount --bind " + etc + " /etc && "
	prepare += "mount -t tmpfs tmpfs /run/sudo" // no log-in from before counts
	must(t, os.MkdirAll("/run/sudo", 0o711))
	s := startSSHDIn(t, prepare)
	must(t, os.Chmod(filepath.Join(s.dir, "authorized"), 0o644))
	for d := s.dir; d != "/tmp" && d != "/"; d = filepath.Dir(d) {
		must(t, os.Chmod(d, 0o755))
	}
	target := s.target(t)
	target.User = user
	return target
}

func TestSudoPasswordless(t *testing.T) {
	target := sudoHost(t, "bob", "bob ALL=(ALL) NOPASSWD: ALL")
	p := newPool(t, PoolOptions{})
	_, err := p.Host(target).Run(t.Context(), Command{Script: "id -un", Sudo: "root"})
	if err == nil || !strings.Contains(event.Hint(err), "passwordless") {
		t.Errorf("sudo that isn't stated: %v, hint %q", err, event.Hint(err))
	}
	for _, how := range []string{"passwordless", "ask"} {
		target.Sudo = how
		h := p.Host(target)
		for _, c := range []struct {
			c    Command
			want string
		}{
			{Command{Script: "id -un"}, "bob\n"},
			{Command{Script: `id -un; pwd; echo "$A"; cat`, Sudo: "root", Cwd: "/usr", Env: map[string]string{"A": "it's"}}, "root\n/usr\nit's\n"},
			{Command{Script: `id -un; pwd; echo "$A"; cat`, Sudo: "nobody", Cwd: "/usr", Env: map[string]string{"A": "it's"}, Stdin: new("in")}, "nobody\n/usr\nit's\nin"},
			{Command{Argv: []string{"printf", "%s", "$HOME 'x'\n"}, Sudo: "root"}, "$HOME 'x'\n"},
		} {
			r, err := h.Run(t.Context(), c.c)
			if err != nil || r.Stdout != c.want || r.Stderr != "" {
				t.Errorf("%s: %+v: %q %q %v", how, c.c, r.Stdout, r.Stderr, err)
			}
		}
		for _, stdin := range []*string{nil, new("")} {
			var exit *ExitError
			if _, err := h.Run(t.Context(), Command{Script: "exit 1", Sudo: "root", Stdin: stdin}); !errors.As(err, &exit) || exit.Result.Code != 1 {
				t.Errorf("the command's own status: %v", err)
			}
			var refused *SudoError
			if _, err := h.Run(t.Context(), Command{Script: "true", Sudo: "nosuchuser", Stdin: stdin}); !errors.As(err, &refused) {
				t.Errorf("an unknown user: %v", err)
			}
			// The processes are another user's: only sudo can end them.
			r, err := h.Run(t.Context(), Command{Script: "sh -c 'echo $$; exec sleep 1000'", Sudo: "root", Stdin: stdin, Timeout: time.Second})
			var late *TimeoutError
			if !errors.As(err, &late) || late.Left != nil {
				t.Fatalf("%s: %v", how, err)
			}
			if pid := strings.TrimSpace(r.Stdout); pid == "" || alive(t, pid) {
				t.Errorf("%s: process %q outlived its timeout", how, pid)
			}
		}
	}
}

func TestSudoAsks(t *testing.T) {
	target := sudoHost(t, "alice", "Defaults !lecture\nalice ALL=(ALL) ALL")
	target.Sudo = "ask"
	person := &asker{answers: []string{"wrong", "correct horse"}}
	p := newPool(t, PoolOptions{Prompt: person.prompt})
	h := p.Host(target)
	began := time.Now()
	_, err := h.Run(t.Context(), Command{Script: "id -un", Sudo: "root"})
	var refused *SudoError
	if !errors.As(err, &refused) || !strings.Contains(err.Error(), "password is wrong") {
		t.Fatalf("a wrong password: %v", err)
	}
	if d := time.Since(began); d > 10*time.Second {
		t.Errorf("a wrong password took %v", d)
	}
	ctx, rec := recording(t)
	for _, c := range []Command{{Script: "id -un; cat", Sudo: "root"}, {Script: "id -un; cat", Sudo: "root", Stdin: new("")}, {Script: "id -un", Sudo: "root", Env: map[string]string{"A": "b"}}} {
		if r, err := h.Run(ctx, c); err != nil || r.Stdout != "root\n" {
			t.Errorf("%q %q %v", r.Stdout, r.Stderr, err)
		}
	}
	r, err := h.Run(ctx, Command{Script: "id -un; cat", Sudo: "root", Stdin: new("correct horse\n")})
	if err != nil || r.Stdout != "root\ncorrect horse\n" {
		t.Errorf("%q %v", r.Stdout, err)
	}
	if out := rec.output(); strings.Contains(out, "correct horse") {
		t.Errorf("the password was shown: %q", out)
	}
	if len(person.asked) != 2 {
		t.Errorf("asked %q", person.asked)
	}
	_, err = newPool(t, PoolOptions{}).Host(target).Run(t.Context(), Command{Script: "id", Sudo: "root"})
	if err == nil || !strings.Contains(err.Error(), "no terminal") {
		t.Errorf("without a terminal: %v", err)
	}
	target.Sudo = "passwordless"
	_, err = p.Host(target).Run(t.Context(), Command{Script: "id", Sudo: "root"})
	if !errors.As(err, &refused) || !strings.Contains(event.Hint(err), `"ask"`) {
		t.Errorf("passwordless it isn't: %v, hint %q", err, event.Hint(err))
	}
	stopped := errors.New("stopped")
	target.Sudo = "ask"
	_, err = newPool(t, PoolOptions{Prompt: func(context.Context, string, bool) (string, error) { return "", stopped }}).Host(target).Run(t.Context(), Command{Script: "id", Sudo: "root"})
	if !errors.Is(err, stopped) {
		t.Errorf("stopped: %v", err)
	}
}
