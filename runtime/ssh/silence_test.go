package ssh

import (
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"runbook/runtime/inventory"
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
