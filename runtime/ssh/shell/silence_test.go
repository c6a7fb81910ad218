//go:build unix

package shell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"runbook/runtime/event"
	"runbook/runtime/internal/sshtest"
	"runbook/runtime/inventory"
	"runbook/runtime/lab/labtest"
	"runbook/runtime/ssh"
	"runbook/runtime/ssh/shell/commandline"
	"runbook/runtime/ssh/shell/frame"
)

// A cut network leaves the keeper's stdin open, so the keeper must notice the silence.
func TestKeeperEndsGroupsAfterSilence(t *testing.T) {
	lock := filepath.Join(t.TempDir(), "lock")
	ours := exec.Command("sleep", "600")
	ours.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	must(t, ours.Start())
	gone := exec.Command("sleep", "600")
	gone.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	must(t, gone.Start())
	defer func() {
		if err := gone.Process.Kill(); err != nil {
			t.Errorf("a group that had been removed was ended: %v", err)
		}
		_ = gone.Wait() // it was killed
	}()
	ended := make(chan error, 1)
	go func() { ended <- ours.Wait() }()

	keeper := exec.Command("/bin/sh", "-c", "mark=it silence=1\n"+endgroupScript+keeperScript)
	in, err := keeper.StdinPipe()
	must(t, err)
	out, err := keeper.StdoutPipe()
	must(t, err)
	must(t, keeper.Start())
	_, err = fmt.Fprintf(in, "lock set -- %s me\ngroup %d\ngroup %d\ngone %[3]d\n", lock, ours.Process.Pid, gone.Process.Pid)
	must(t, err)
	said := make([]byte, len("it taken\n"))
	_, err = io.ReadFull(out, said)
	must(t, err)
	tick := time.NewTicker(400 * time.Millisecond)
	defer tick.Stop()
	for range 4 { // longer than the silence
		select {
		case <-ended:
			t.Fatal("the group was ended in spite of signs of life")
		case <-tick.C:
			must(t, feed(in, "alive\n"))
		}
	}
	select {
	case <-ended:
	case <-time.After(20 * time.Second):
		t.Fatal("the group was not ended")
	}
	must(t, keeper.Wait())
	if out, err := exec.Command("flock", "-n", lock, "true").CombinedOutput(); err != nil {
		t.Errorf("the lock is held: %v %s", err, out)
	}
}

// If the network is cut, the host ends the command by itself, and then releases the lock, if any.
func TestCutNetworkEndsCommand(t *testing.T) {
	for name, locks := range map[string]bool{"with a lock": true, "without a lock": false} {
		t.Run(name, func(t *testing.T) {
			s := sshtest.Start(t)
			var silent atomic.Bool
			target := s.Target(t)
			pass := func(bool, int) bool { return !silent.Load() }
			target.HostKey, target.Port = s.HostKey, labtest.Relay{Pass: pass}.Listen(t, s.Address())
			h := newPool(t, Options{Options: ssh.Options{KeepAlive: time.Second}}).Host(target)
			lock := filepath.Join(t.TempDir(), "lock")
			if locks {
				must(t, h.Lock(t.Context(), lock, 0))
			}
			said := make(chan string, 1)
			ctx := event.WithStream(t.Context(), event.NewStream(sinkFunc(func(e event.Event) {
				if e.Kind == event.Output {
					said <- strings.TrimSpace(e.Text)
				}
			})))
			ended := make(chan error, 1)
			go func() {
				_, err := h.Run(ctx, Command{Script: "echo $$; exec sleep 1000"})
				ended <- err
			}()
			pid := <-said
			silent.Store(true)
			if locks {
				next := newPool(t, Options{}).Localhost()
				must(t, next.Lock(t.Context(), lock, 30*time.Second))
				if alive(t, pid) {
					t.Errorf("process %s outlived the network", pid)
				}
			}
			sshtest.Eventually(t, "the process has ended", func() bool { return !alive(t, pid) })
			var lost *LostError
			if err := <-ended; !errors.As(err, &lost) {
				t.Errorf("the command ended with %v", err)
			}
		})
	}
}

// The keeper knows the shell before the first command: what is sent later may be lost with the
// connection.
func TestKeeperKnowsShell(t *testing.T) {
	s := sshtest.Start(t)
	h := newPool(t, Options{}).Host(s.Target(t))
	link, err := h.dial(t.Context())
	must(t, err)
	every := ssh.KeepAlive{Every: time.Minute, Misses: 3}
	c := newConnection(link, every, every)
	c.begin()
	<-c.begun
	must(t, feed(c.seat.shell.proc.Stdin, "sleep 1000\n"))
	group := strconv.FormatInt(c.seat.shell.group(), 10)
	running := func() bool { return exec.Command("pgrep", "-g", group, "-r", "D,R,S", "sleep").Run() == nil }
	sshtest.Eventually(t, "the shell runs a command", running)
	link.Abandon()
	sshtest.Eventually(t, "the command has ended", func() bool { return !running() })
	_ = c.close() // its connection is gone
}

// muted is a connection that starts sessions and then delivers nothing to the host. A session there
// waits one second for its script instead of a minute.
type muted struct{ ssh.Conn }

func (l muted) Start(ctx context.Context, line string) (*ssh.Process, error) {
	p, err := l.Conn.Start(ctx, strings.Replace(line, "timeout 60", "timeout 1", 1))
	if err == nil {
		p.Stdin = unsent{p.Stdin}
	}
	return p, err
}

type unsent struct{ io.WriteCloser }

func (unsent) Write(b []byte) (int, error) { return len(b), nil }

// A session ends if the network is cut before it gets its script.
func TestSessionWithoutScriptEnds(t *testing.T) {
	l := ssh.Local()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	p, _, answer, err := (&connection{link: muted{l}}).ask(ctx, "echo begun")
	must(t, err)
	if answer != "" {
		t.Errorf("it answered %q", answer)
	}
	p.Close()
	must(t, l.Close())
}

// A fresh shell ends after silence, too, unless it gets a line.
func TestFreshShellIsGuarded(t *testing.T) {
	for _, text := range []string{"", "\n( cat\necho done ) </dev/null\n"} {
		shell := exec.Command("/bin/sh", "-c", "echo begun; "+commandline.Guarded(1))
		in, err := shell.StdinPipe()
		must(t, err)
		out, err := shell.StdoutPipe()
		must(t, err)
		must(t, shell.Start())
		said := frame.NewScanner(out)
		if line, err := said.Line(); err != nil || line != "begun" {
			t.Fatalf("it said %q, %v", line, err)
		}
		must(t, feed(in, text))
		ended := make(chan error, 1)
		go func() { ended <- shell.Wait() }()
		if text == "" {
			select {
			case <-ended:
			case <-time.After(20 * time.Second):
				t.Error("the shell did not end after silence")
			}
			continue
		}
		if line, err := said.Line(); err != nil || line != "done" {
			t.Fatalf("it said %q, %v", line, err)
		}
		select {
		case <-ended:
			t.Error("the shell ended after its first command")
		case <-time.After(1500 * time.Millisecond):
		}
		must(t, in.Close())
		must(t, <-ended)
	}
}

// A script whose end is missing, because the connection died, executes nothing.
func TestPartOfAScript(t *testing.T) {
	made := filepath.Join(t.TempDir(), "made")
	for _, c := range []Command{{Argv: []string{"/bin/mkdir", made, made + ".end"}},
		{Script: "mkdir " + made + "\nmkdir " + made + ".end"}} {
		body, err := c.body(nil)
		must(t, err)
		program, err := c.program(nil)
		must(t, err)
		script := frame.Command(body, program, frame.NewMark())
		for n := range len(script) - 1 {
			shell := exec.Command("/bin/sh")
			shell.Stdin = strings.NewReader(script[:n])
			_ = shell.Run() // it may well be a syntax error
			_, err := os.Stat(made)
			_, endErr := os.Stat(made + ".end")
			if (err == nil) != (endErr == nil) {
				t.Fatalf("%q did a part of it", script[:n])
			}
			must(t, os.RemoveAll(made))
			must(t, os.RemoveAll(made+".end"))
		}
	}
}

func TestPulse(t *testing.T) {
	for _, tt := range []struct {
		target   inventory.Host
		patience time.Duration
		silence  int64
	}{
		{inventory.Host{}, 45 * time.Second, 75},
		{inventory.Host{AliveInterval: 2 * time.Second}, 6 * time.Second, 10},
		{inventory.Host{AliveCount: 1}, 15 * time.Second, 45},
		{inventory.Host{AliveInterval: time.Second, AliveCount: 1}, time.Second, 5},
		{inventory.Host{AliveInterval: -1, AliveCount: 9}, -9, 0},
	} {
		p := newPool(t, Options{}).dialer.KeepAlive(tt.target)
		if p.Patience() != tt.patience || p.Silence() != tt.silence {
			t.Errorf("%+v: %v, %d s", p, p.Patience(), p.Silence())
		}
	}
}
