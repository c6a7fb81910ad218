package shell

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
	"runbook/runtime/internal/sshtest"
	"runbook/runtime/inventory"
	"runbook/runtime/ssh"
)

// hash is the result of crypt(3) for the password "correct horse".
const hash = "$6$runbook$2gwDtCeJcYbtZnPSDLQmQ51TlU.yHh5Qa5Rs9opeUCjTi1KLMx.w9y4ZmvwC1MQ1Yn5k0m0yF504PspnTY5Fm."

// sudoHost starts a host with the real sudo, and a user and a sudoers rule that exist only in its
// mount namespace.
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
	// All of /etc is copied and mounted over: a mount on a single file would end as soon as
	// anything outside replaced that file.
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
	must(t, os.WriteFile(filepath.Join(etc, "sudoers"),
		[]byte("Defaults passwd_tries=3\nroot ALL=(ALL:ALL) ALL\n"+rule+"\n"), 0o440))
	prepare := "mount --bind " + etc + " /etc && "
	prepare += "mount -t tmpfs tmpfs /run/sudo" // earlier logins do not count
	must(t, os.MkdirAll("/run/sudo", 0o711))
	s := sshtest.StartIn(t, prepare)
	must(t, os.Chmod(filepath.Join(s.Dir, "authorized"), 0o644))
	for d := s.Dir; d != "/tmp" && d != "/"; d = filepath.Dir(d) {
		must(t, os.Chmod(d, 0o755))
	}
	target := s.Target(t)
	target.User = user
	return target
}

func TestSudoPasswordless(t *testing.T) {
	target := sudoHost(t, "bob", "bob ALL=(ALL) NOPASSWD: ALL")
	p := newPool(t, Options{})
	_, err := p.Host(target).Run(t.Context(), Command{Script: "id -un", Sudo: "root"})
	if err == nil || !strings.Contains(event.Hint(err), "passwordless") {
		t.Errorf("sudo that is not allowed: %v, hint %q", err, event.Hint(err))
	}
	for _, how := range []string{"passwordless", "ask"} {
		target.Sudo = how
		h := p.Host(target)
		h.SetPermissions(Permissions{Umask: 0o002}) // sudo has 022
		for _, c := range []struct {
			c    Command
			want string
		}{
			{Command{Script: "id -un"}, "bob\n"},
			{Command{Script: `id -un; pwd; echo "$A"; cat`, Sudo: "root", Cwd: "/usr",
				Env: map[string]string{"A": "it's"}}, "root\n/usr\nit's\n"},
			{Command{Script: `id -un; pwd; echo "$A"; cat`, Sudo: "nobody", Cwd: "/usr",
				Env: map[string]string{"A": "it's"}, Stdin: new("in")}, "nobody\n/usr\nit's\nin"},
			{Command{Argv: []string{"printf", "%s", "$HOME 'x'\n"}, Sudo: "root"}, "$HOME 'x'\n"},
			{Command{Script: `id -un; pwd; echo "$A"; cat`, Sudo: "root", Cwd: "/usr",
				Env: map[string]string{"A": "it's"}, Resident: true}, "root\n/usr\nit's\n"},
			{Command{Script: "id -un; echo $1; umask; exit 0", Args: []string{"it's"}, Sudo: "nobody", Resident: true},
				"nobody\nit's\n0002\n"},
			{Command{Script: "umask"}, "0002\n"},
			{Command{Script: "umask", Stdin: new("in")}, "0002\n"},
			{Command{Script: "umask", Sudo: "root"}, "0002\n"},
			{Command{Argv: []string{"sh", "-c", "umask"}, Sudo: "root", Stdin: new("in")}, "0002\n"},
		} {
			r, err := h.Run(t.Context(), c.c)
			if err != nil || r.Stdout != c.want || r.Stderr != "" {
				t.Errorf("%s: %+v: %q %q %v", how, c.c, r.Stdout, r.Stderr, err)
			}
		}
		var pids []string
		for range 2 {
			r, err := h.Run(t.Context(), Command{Script: "echo $PPID $$", Sudo: "root", Resident: true})
			must(t, err)
			pids = append(pids, r.Stdout)
		}
		if pids[0] != pids[1] {
			t.Errorf("%s: each command had a shell of its own: %q", how, pids)
		}
		for _, c := range []Command{{}, {Stdin: new("")}, {Resident: true}} {
			stdin, resident := c.Stdin, c.Resident
			var exit *ExitError
			if _, err := h.Run(t.Context(), Command{Script: "exit 1", Sudo: "root", Stdin: stdin,
				Resident: resident}); !errors.As(err, &exit) || exit.Result.Code != 1 {
				t.Errorf("the command's own status: %v", err)
			}
			var refused *SudoError
			if _, err := h.Run(t.Context(), Command{Script: "true", Sudo: "nosuchuser", Stdin: stdin,
				Resident: resident}); !errors.As(err, &refused) {
				t.Errorf("an unknown user: %v", err)
			}
			// Only sudo can end another user's processes.
			r, err := h.Run(t.Context(), Command{Script: "sh -c 'echo $$; exec sleep 1000'", Sudo: "root", Stdin: stdin,
				Resident: resident, Timeout: time.Second})
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
	person := &sshtest.Asker{Answers: []string{"wrong", "wrong", "correct horse"}}
	ctx, rec := sshtest.Recording(t)
	p := newPoolTo(t, rec.Stream, Options{Options: ssh.Options{Prompt: person.Prompt}})
	h := p.Host(target)
	began := time.Now()
	var refused *SudoError
	for _, resident := range []bool{true, false} {
		_, err := h.Run(t.Context(), Command{Script: "id -un", Sudo: "root", Resident: resident})
		if !errors.As(err, &refused) || !strings.Contains(err.Error(), "password is wrong") {
			t.Fatalf("a wrong password: %v", err)
		}
	}
	if d := time.Since(began); d > 20*time.Second {
		t.Errorf("a wrong password took %v", d)
	}
	for _, c := range []Command{{Script: "id -un; cat", Sudo: "root", Resident: true},
		{Script: "id -un; cat", Sudo: "root"}, {Script: "id -un; cat", Sudo: "root", Stdin: new("")},
		{Script: "id -un", Sudo: "root", Env: map[string]string{"A": "b"}}} {
		if r, err := h.Run(ctx, c); err != nil || r.Stdout != "root\n" {
			t.Errorf("%q %q %v", r.Stdout, r.Stderr, err)
		}
	}
	r, err := h.Run(ctx, Command{Script: "id -un; cat", Sudo: "root", Stdin: new("correct horse\n")})
	if err != nil || r.Stdout != "root\ncorrect horse\n" {
		t.Errorf("%q %v", r.Stdout, err)
	}
	if out := rec.Output(); strings.Contains(out, "correct horse") {
		t.Errorf("the password was shown: %q", out)
	}
	if len(person.Asked) != 3 {
		t.Errorf("asked %q", person.Asked)
	}
	_, err = newPool(t, Options{}).Host(target).Run(t.Context(), Command{Script: "id", Sudo: "root"})
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
	_, err = newPool(t, Options{Options: ssh.Options{Prompt: func(context.Context, string, bool) (string,
		error) {
		return "", stopped
	}}}).Host(target).Run(t.Context(), Command{Script: "id", Sudo: "root"})
	if !errors.Is(err, stopped) {
		t.Errorf("stopped: %v", err)
	}
}
