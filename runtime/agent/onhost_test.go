package agent

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"runbook/runtime/event"
	"runbook/runtime/inventory"
	"runbook/runtime/ssh"
)

// TestMain also plays runbook for TestOnHostSurvivesNobody: a process that will be killed.
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

// running says whether the agent that fn of OnHost saw is there: its process, its socket and its folder.
type running struct {
	pid    int
	socket string
}

func look(ctx context.Context, h *ssh.Host) (running, error) {
	result, err := h.Run(ctx, ssh.Command{Script: `echo "$SSH_AUTH_SOCK"; cat "$(dirname "$SSH_AUTH_SOCK")/pid"; ssh-add -l`})
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

// gone waits for the end of an agent that ends by itself.
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
	err := OnHost(s.ctx, s.host, []string{s.deploy}, func(ctx context.Context) (err error) {
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

func TestOnHostHowever(t *testing.T) {
	s := newSite(t)
	failed := errors.New("failed")
	t.Run("fn fails", func(t *testing.T) {
		var agent running
		err := OnHost(s.ctx, s.host, []string{s.deploy}, func(ctx context.Context) (err error) {
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
		err := OnHost(ctx, s.host, []string{s.deploy}, func(ctx context.Context) (err error) {
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
			_, err = s.host.Run(ctx, ssh.Command{Script: "echo > " + fifo + "; exec tail -f /dev/null"})
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
			_ = OnHost(s.ctx, s.host, []string{s.deploy}, func(ctx context.Context) (err error) {
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
		err := OnHost(s.ctx, s.host, []string{s.deploy}, func(ctx context.Context) error {
			agent, err := look(ctx, s.host)
			if err != nil {
				return err
			}
			if _, err := s.host.Run(ctx, ssh.Command{Script: "kill -s KILL $$"}); err == nil {
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

// When runbook is killed, nothing of it is there to stop the agent.
func TestOnHostSurvivesNobody(t *testing.T) {
	s := newSite(t)
	target := s.host.Target()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "AGENT_TEST_TO_BE_KILLED="+strings.Join([]string{strconv.Itoa(target.Port), target.User, target.Identities[0], target.KnownHosts[0], s.deploy}, "\n"))
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
	h := ssh.NewPool(ssh.PoolOptions{}).Host(inventory.Host{Name: "web1", Address: "127.0.0.1", Port: port, User: words[1],
		Identities: []string{words[2]}, KnownHosts: []string{words[3]}, IdentityAgent: "none"})
	return OnHost(ctx, h, []string{words[4]}, func(ctx context.Context) error {
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
	if err := os.Chmod(open, 0o644); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ key, want, hint string }{
		"relative":  {"deploy", "want an absolute path on the host", "agent.forward"},
		"missing":   {"/nonexistent/key", "web1: ssh-add /nonexistent/key: there is no such key on the host", "ssh-keygen"},
		"encrypted": {locked, "the key is encrypted", "--agent forward"},
		"open":      {open, "others may read the key file", "chmod 600 " + open},
		"no key":    {s.deploy + ".pub", "exit status 1", ""},
		"a word":    {"/x'; touch /tmp/intruder; '", "there is no such key", ""},
	} {
		err := OnHost(s.ctx, s.host, []string{test.key}, func(context.Context) error {
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
