//go:build unix

package agent

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	gossh "golang.org/x/crypto/ssh"

	"runbook/runtime/event"
	"runbook/runtime/inventory"
	"runbook/runtime/ssh/shell"
)

// TestMain also runs as the runbook process that TestOnHostSurvivesNobody kills.
func TestMain(m *testing.M) {
	if words := strings.Split(os.Getenv("AGENT_TEST_TO_BE_KILLED"), "\n"); len(words) == 5 {
		if err := toBeKilled(words); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// running identifies an agent that OnHost started, by its process and its socket.
type running struct {
	pid    int
	socket string
}

func look(ctx context.Context, h *shell.Host) (running, error) {
	result, err := h.Run(ctx,
		shell.Command{Script: `echo "$SSH_AUTH_SOCK"; cat "$(dirname "$SSH_AUTH_SOCK")/pid"; ssh-add -l`})
	if err != nil {
		return running{}, err
	}
	lines := strings.Split(result.Stdout, "\n")
	if len(lines) < 3 || !strings.Contains(lines[2], "ED25519") {
		return running{}, fmt.Errorf("it printed %q", result.Stdout)
	}
	pid, err := strconv.Atoi(lines[1])
	return running{pid, lines[0]}, err
}

func (r running) left() error {
	if err := syscall.Kill(r.pid, 0); !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("process %d is there", r.pid)
	}
	if _, err := os.Lstat(filepath.Dir(r.socket)); !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("the folder of %s is there", r.socket)
	}
	return nil
}

// gone waits until an agent has ended by itself.
func (r running) gone(t *testing.T) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(10 * time.Second)
	for r.left() != nil {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatal(r.left())
		}
	}
}

func TestOnHost(t *testing.T) {
	s := newSite(t)
	var agent running
	err := OnHost(s.ctx, s.host, Servers{}, []string{s.deploy}, nil, func(ctx context.Context) (err error) {
		if agent, err = look(ctx, s.host); err != nil {
			return err
		}
		info, err := os.Stat(filepath.Dir(agent.socket))
		if err != nil {
			return err
		}
		if info.Mode().Perm() != 0o700 {
			t.Errorf("the folder's mode is %v", info.Mode())
		}
		return s.fetch(ctx)
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := agent.left(); err != nil {
		t.Error(err)
	}
	if err := s.fetch(s.ctx); err == nil {
		t.Error("the git server let us in after the scope")
	}
}

// TestStartWaitsForAgent starts an agent that listens on its socket a while after it has made it.
func TestStartWaitsForAgent(t *testing.T) {
	dir := t.TempDir()
	program, err := exec.LookPath("ssh-agent")
	if err != nil {
		t.Fatal(err)
	}
	slow := fmt.Sprintf(`#!/usr/bin/python3
import os, socket, sys, time
socket.socket(socket.AF_UNIX).bind(sys.argv[-1])
time.sleep(0.5)
os.unlink(sys.argv[-1])
os.execv(%q, sys.argv)
`, program)
	if err := os.WriteFile(filepath.Join(dir, "ssh-agent"), []byte(slow), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	at := filepath.Join(dir, "at")
	start := exec.Command("sh", "-c", `start() {
`+startScript+`}
start "$1"; ssh-add -l; [ $? -eq 1 ] && kill "$(cat "$1/pid")"`, "sh", at)
	start.Env = append(os.Environ(), "SSH_AUTH_SOCK="+at+"/agent")
	if out, err := start.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// If the host's OpenSSH supports it, the key works only at the git server, as the named user.
func TestOnHostBindsKeys(t *testing.T) {
	s := newSite(t)
	elsewhere := shell.Command{Script: client(s.elsewhere) +
		fmt.Sprintf(" -p %d %s@127.0.0.1 echo inside", s.elsewhere.Port, s.elsewhere.User)}
	program, err := exec.LookPath("ssh-add")
	if err != nil {
		t.Fatal(err)
	}
	// wrapped returns a PATH whose ssh-add is a script that calls the real one after lines.
	wrapped := func(name, lines string) map[string]string {
		dir := filepath.Join(s.dir, name)
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "ssh-add"), []byte("#!/bin/sh\n"+lines+" "+program+` "$@"`+"\n"),
			0o755); err != nil {
			t.Fatal(err)
		}
		return map[string]string{"PATH": dir + ":" + os.Getenv("PATH")}
	}
	old := wrapped("old", `for word do case $word in -h|-H) echo "unknown option -- h" >&2; exit 1 ;; esac; done; exec`)
	// ssh-add uses the home folder of the user database, not HOME.
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	home := filepath.Join(s.dir, "home")
	if err := os.MkdirAll(filepath.Join(home, ".ssh"), 0o700); err != nil {
		t.Fatal(err)
	}
	theirs, err := os.ReadFile(s.git.KnownHosts)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(home, ".ssh", "known_hosts"), theirs, 0o600); err != nil {
		t.Fatal(err)
	}
	knows := wrapped("knows", "exec unshare -m sh -c 'mount --bind "+home+" "+me.HomeDir+` && exec "$@"' sh`)
	address := fmt.Sprintf("127.0.0.1:%d", s.git.Port)
	both := filepath.Join(s.dir, "both")
	if err := os.WriteFile(both, append([]byte("other.example "), gossh.MarshalAuthorizedKey(s.deployKey)...),
		0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		known, to []string
		env       map[string]string
		out       bool // the key works at the other server, too
		fetches   bool
	}{
		"known here":          {[]string{s.git.KnownHosts}, []string{s.url()}, nil, false, true},
		"without a user":      {[]string{s.git.KnownHosts}, []string{address}, nil, false, true},
		"as another user":     {[]string{s.git.KnownHosts}, []string{"nobody@" + address}, nil, false, false},
		"known on the host":   {nil, []string{s.url()}, knows, false, true},
		"one here, one there": {[]string{both}, []string{"git@other.example", s.url()}, knows, false, true},
		"another server":      {[]string{both}, []string{"git@other.example"}, nil, false, false},
		"to none":             {nil, nil, nil, true, true},
		"an old OpenSSH":      {[]string{s.git.KnownHosts}, []string{s.url()}, old, true, true},
	} {
		ctx := s.ctx
		if test.env != nil {
			ctx = shell.WithEnv(ctx, s.host, test.env)
		}
		warned := len(s.rec.of(event.Warning))
		err := OnHost(ctx, s.host, Servers{KnownHosts: test.known}, []string{s.deploy}, test.to,
			func(ctx context.Context) error {
				if err := s.fetch(ctx); (err == nil) != test.fetches {
					t.Errorf("%s: at the git server: %v", name, err)
				}
				if out, err := s.host.Run(ctx, elsewhere); (err == nil) != test.out {
					t.Errorf("%s: elsewhere: %q, %v", name, out.Stdout, err)
				}
				return nil
			})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if warns := s.rec.of(event.Warning)[warned:]; (len(warns) > 0) != (name == "an old OpenSSH") {
			t.Errorf("%s: warnings: %v", name, warns)
		}
	}
	err = OnHost(s.ctx, s.host, Servers{}, []string{s.deploy}, []string{s.url()},
		func(context.Context) error { return nil })
	if err == nil || !strings.Contains(err.Error(), "not known on this machine or on the host") {
		t.Errorf("an unknown server: %v", err)
	}
}

func TestOnHostHowever(t *testing.T) {
	s := newSite(t)
	failed := errors.New("failed")
	t.Run("fn fails", func(t *testing.T) {
		var agent running
		err := OnHost(s.ctx, s.host, Servers{}, []string{s.deploy}, nil, func(ctx context.Context) (err error) {
			if agent, err = look(ctx, s.host); err != nil {
				return err
			}
			return failed
		})
		if !errors.Is(err, failed) {
			t.Error(err)
		}
		if err := agent.left(); err != nil {
			t.Error(err)
		}
	})
	t.Run("interrupted in a command", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(s.ctx)
		defer cancel(nil)
		var agent running
		err := OnHost(ctx, s.host, Servers{}, []string{s.deploy}, nil, func(ctx context.Context) (err error) {
			if agent, err = look(ctx, s.host); err != nil {
				return err
			}
			fifo := filepath.Join(t.TempDir(), "fifo")
			if err := syscall.Mkfifo(fifo, 0o600); err != nil {
				return err
			}
			go func() {
				if _, err := os.ReadFile(fifo); err != nil {
					t.Error(err)
				}
				cancel(failed)
			}()
			_, err = s.host.Run(ctx, shell.Command{Script: "echo > " + fifo + "; exec tail -f /dev/null"})
			return err
		})
		if !errors.Is(err, failed) {
			t.Error(err)
		}
		if err := agent.left(); err != nil {
			t.Error(err)
		}
	})
	t.Run("fn panics", func(t *testing.T) {
		var agent running
		func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic was swallowed")
				}
			}()
			_ = OnHost(s.ctx, s.host, Servers{}, []string{s.deploy}, nil, func(ctx context.Context) (err error) {
				if agent, err = look(ctx, s.host); err != nil {
					t.Error(err)
				}
				panic("a mistake")
			})
		}()
		if err := agent.left(); err != nil {
			t.Error(err)
		}
	})
	t.Run("the host's shell dies", func(t *testing.T) {
		err := OnHost(s.ctx, s.host, Servers{}, []string{s.deploy}, nil, func(ctx context.Context) error {
			agent, err := look(ctx, s.host)
			if err != nil {
				return err
			}
			if _, err := s.host.Run(ctx, shell.Command{Script: "kill -s KILL $$"}); err == nil {
				t.Error("the shell survived")
			}
			agent.gone(t)
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}

// A killed runbook cannot stop the agent; the agent must end by itself.
func TestOnHostSurvivesNobody(t *testing.T) {
	s := newSite(t)
	target := s.host.Target()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "AGENT_TEST_TO_BE_KILLED="+strings.Join([]string{strconv.Itoa(target.Port),
		target.User, target.Identities[0], target.KnownHosts[0], s.deploy}, "\n"))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var agent running
	lines := bufio.NewScanner(out)
	if lines.Scan() {
		if _, err := fmt.Sscanf(lines.Text(), "agent %d %s", &agent.pid, &agent.socket); err != nil {
			t.Errorf("the process said %q: %v", lines.Text(), err)
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	if agent.pid == 0 {
		t.FailNow()
	}
	agent.gone(t)
}

func toBeKilled(words []string) error {
	port, err := strconv.Atoi(words[0])
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	h := shell.NewPool(event.NewStream(), shell.Options{}).Host(inventory.Host{Name: "web1", Address: "127.0.0.1",
		Port: port, User: words[1],
		Identities: []string{words[2]}, KnownHosts: []string{words[3]}, IdentityAgent: "none"})
	return OnHost(ctx, h, Servers{}, []string{words[4]}, nil, func(ctx context.Context) error {
		agent, err := look(ctx, h)
		if err != nil {
			return err
		}
		fmt.Println("agent", agent.pid, agent.socket)
		<-ctx.Done()
		return nil
	})
}

func TestOnHostErrors(t *testing.T) {
	s := newSite(t)
	locked, _ := keyFile(t, "secret")
	open, _ := keyFile(t, "")
	public := s.deploy + ".pub"
	if err := errors.Join(os.Chmod(open, 0o644), os.Chmod(public, 0o600)); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ key, want, hint string }{
		"relative":  {"deploy", "want an absolute path on the host", "agent.forward"},
		"missing":   {"/nonexistent/key", "web1: ssh-add /nonexistent/key: no such key on the host", "ssh-keygen"},
		"encrypted": {locked, "the key is encrypted", "--agent forward"},
		"open":      {open, "because others may read it", "chmod 600 " + open},
		"no key":    {public, "exit status 1", ""},
		"a word":    {"/x'; touch /tmp/intruder; '", "no such key", ""},
	} {
		err := OnHost(s.ctx, s.host, Servers{}, []string{test.key}, nil, func(context.Context) error {
			t.Errorf("%s: fn ran", name)
			return nil
		})
		if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(event.Hint(err), test.hint) {
			t.Errorf("%s: %v, hint %q; want %q", name, err, event.Hint(err), test.want)
		}
	}
	for _, e := range s.rec.of(event.CommandBegun) {
		if socket, ok := strings.CutPrefix(e.Text, "ssh-agent -D -a "); ok {
			if _, err := os.Lstat(filepath.Dir(socket)); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the folder of %s is left: %v", socket, err)
			}
		}
	}
}
