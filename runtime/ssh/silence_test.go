package ssh

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"runbook/runtime/event"
	"runbook/runtime/inventory"
	"runbook/runtime/lab/relay"
)

// A network that was cut leaves the keeper's stdin open: it has to go by the silence.
func TestAKeeperEndsWhatIsOursWhenItHearsNothing(t *testing.T) {
	lock := filepath.Join(t.TempDir(), "lock")
	ours := exec.Command("sleep", "600")
	ours.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	must(t, ours.Start())
	gone := exec.Command("sleep", "600")
	gone.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	must(t, gone.Start())
	defer func() {
		if err := gone.Process.Kill(); err != nil {
			t.Errorf("a group that is no longer ours was ended: %v", err)
		}
		_ = gone.Wait() // it was killed
	}()
	ended := make(chan error, 1)
	go func() { ended <- ours.Wait() }()

	keeper := exec.Command("/bin/sh", "-c", "file="+lock+" holder=me wait=0 silence=1\n"+endings+keep)
	in, err := keeper.StdinPipe()
	must(t, err)
	out, err := keeper.StdoutPipe()
	must(t, err)
	must(t, keeper.Start())
	said := make([]byte, len("taken\n"))
	_, err = io.ReadFull(out, said)
	must(t, err)
	_, err = fmt.Fprintf(in, "group %d\ngroup %d\ngone %[2]d\n", ours.Process.Pid, gone.Process.Pid)
	must(t, err)
	tick := time.NewTicker(400 * time.Millisecond)
	defer tick.Stop()
	for range 4 { // longer than the silence
		select {
		case <-ended:
			t.Fatal("it was ended in spite of signs of life")
		case <-tick.C:
			must(t, feed(in, "alive\n"))
		}
	}
	select {
	case <-ended:
	case <-time.After(20 * time.Second):
		t.Fatal("what is ours goes on")
	}
	must(t, keeper.Wait())
	if out, err := exec.Command("flock", "-n", lock, "true").CombinedOutput(); err != nil {
		t.Errorf("the lock is held: %v %s", err, out)
	}
}

// Where the network is cut, neither side hears of it: the host ends what runs there, and then lets go of the lock.
func TestASilentNetworkEndsWhatRuns(t *testing.T) {
	s := startSSHD(t)
	var silent atomic.Bool
	target := s.target(t)
	target.HostKey, target.Port = s.hostKey, relay.Relay{Pass: func(bool, int) bool { return !silent.Load() }}.Listen(t, s.address())
	h := newPool(t, PoolOptions{KeepAlive: time.Second}).Host(target)
	lock := filepath.Join(t.TempDir(), "lock")
	must(t, h.Lock(t.Context(), lock, 0))
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
	next := newPool(t, PoolOptions{}).Localhost()
	must(t, next.Lock(t.Context(), lock, 30*time.Second))
	if alive(t, pid) {
		t.Errorf("process %s outlived the network", pid)
	}
	var lost *LostError
	if err := <-ended; !errors.As(err, &lost) {
		t.Errorf("the command ended with %v", err)
	}
}

// muted is a link on which nothing arrives at the host, though the sessions are started. Who waits there for a script waits a second, not a minute.
type muted struct{ *local }

func (l muted) start(ctx context.Context, line string) (*process, error) {
	p, err := l.local.start(ctx, strings.Replace(line, "timeout 60", "timeout 1", 1))
	if err == nil {
		p.stdin = unsent{p.stdin}
	}
	return p, err
}

type unsent struct{ io.WriteCloser }

func (unsent) Write(b []byte) (int, error) { return len(b), nil }

// A network that is cut just when sshd has started the shell leaves none that waits for what it is to do.
func TestAShellThatHearsNothingAtAllEnds(t *testing.T) {
	l := newLocal()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	_, err := startShell(ctx, muted{l}, pulse{every: 15 * time.Second, misses: 3})
	if err == nil || !strings.Contains(err.Error(), "the session ended at once") {
		t.Errorf("it is still there: %v", err)
	}
	must(t, l.close())
}

// A shell of which no keeper knows yet goes by the silence, too; with its first command that is over.
func TestAShellIsHeldUntilItsFirstCommand(t *testing.T) {
	start := func() (in io.WriteCloser, out io.Reader, ended chan error) {
		shell := exec.Command("/bin/sh")
		in, err := shell.StdinPipe()
		must(t, err)
		out, err = shell.StdoutPipe()
		must(t, err)
		must(t, shell.Start())
		must(t, feed(in, fmt.Sprintf("echo begun\n"+hold, 1)))
		said := make([]byte, len("begun\n"))
		_, err = io.ReadFull(out, said)
		must(t, err)
		ended = make(chan error, 1)
		go func() { ended <- shell.Wait() }()
		return in, out, ended
	}
	_, _, ended := start()
	select {
	case <-ended:
	case <-time.After(20 * time.Second):
		t.Error("a shell that hears nothing stays")
	}

	in, out, ended := start()
	tick := time.NewTicker(400 * time.Millisecond)
	defer tick.Stop()
	for range 4 { // longer than the silence
		select {
		case <-ended:
			t.Fatal("it ended in spite of signs of life")
		case <-tick.C:
			must(t, feed(in, "#\n"))
		}
	}
	must(t, feed(in, ":\n( cat\necho done ) </dev/null\n"))
	said := make([]byte, len("done\n"))
	if _, err := io.ReadFull(out, said); err != nil || string(said) != "done\n" {
		t.Fatalf("it said %q, %v", said, err)
	}
	select {
	case <-ended:
		t.Error("it is held although it had its first command")
	case <-time.After(1500 * time.Millisecond):
	}
	must(t, in.Close())
	must(t, <-ended)
}

// A script that has lost its end, because the connection died in the middle of it, does nothing.
func TestPartOfAScript(t *testing.T) {
	made := filepath.Join(t.TempDir(), "made")
	for _, c := range []Command{{Argv: []string{"/bin/mkdir", made, made + ".end"}}, {Script: "mkdir " + made + "\nmkdir " + made + ".end"}} {
		body, err := c.body(nil)
		must(t, err)
		program, err := c.program(nil)
		must(t, err)
		script := framed(body, program, newMark())
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
		p := newPool(t, PoolOptions{}).Host(tt.target).pulse()
		if p.patience() != tt.patience || p.silence() != tt.silence {
			t.Errorf("%+v: %v, %d s", p, p.patience(), p.silence())
		}
	}
}
