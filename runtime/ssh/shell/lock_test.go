//go:build unix

package shell

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"runbook/runtime/event"
	"runbook/runtime/internal/sshtest"
	"runbook/runtime/inventory"
	"runbook/runtime/ssh/shell/frame"
)

// clientVariable makes the test program a client that holds a lock until it is killed.
const clientVariable = "RUNBOOK_TEST_CLIENT"

func TestMain(m *testing.M) {
	if text := os.Getenv(clientVariable); text != "" {
		if err := client(text); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// order tells the client what to do.
type order struct {
	Target inventory.Host // this machine if it has no name
	Lock   string
	Stdin  bool
}

// client takes a lock and runs a family of processes, whose pids it prints.
func client(text string) error {
	var o order
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		return err
	}
	p := NewPool(event.NewStream(), Options{})
	h := p.Localhost()
	if o.Target.Name != "" {
		h = p.Host(o.Target)
	}
	ctx := context.Background()
	if err := h.Lock(ctx, o.Lock, 0); err != nil {
		return err
	}
	show := event.WithStream(ctx, event.NewStream(sinkFunc(func(e event.Event) {
		if e.Kind == event.Output {
			fmt.Print(e.Text)
		}
	})))
	c := Command{Script: family}
	if o.Stdin {
		c.Stdin = new("")
	}
	_, err := h.Run(show, c)
	return err
}

func TestLockExcludes(t *testing.T) {
	onEach(t, func(t *testing.T, h *Host) {
		path := filepath.Join(t.TempDir(), "lock file")
		ctx, rec := sshtest.Recording(t)
		must(t, h.Lock(ctx, path, 0))
		must(t, h.Lock(ctx, path, 0)) // the host already holds it
		if n := len(rec.Of(event.LockTaken)); n != 1 {
			t.Errorf("%d events say that the lock was taken", n)
		}
		other := newPool(t, Options{})
		began := time.Now()
		err := other.Localhost().Lock(t.Context(), path, 0)
		var locked *LockedError
		if !errors.As(err, &locked) || !strings.HasPrefix(locked.Holder, "ada from desk ") ||
			!strings.Contains(locked.Holder, "pid "+strconv.Itoa(os.Getpid())) || event.Hint(err) == "" {
			t.Fatalf("%v", err)
		}
		_, since, _ := strings.Cut(locked.Holder, " since ")
		since, _, _ = strings.Cut(since, ",")
		if at, parseErr := time.Parse(time.RFC3339, since); parseErr != nil || time.Since(at).Abs() > time.Minute {
			t.Errorf("since when? %v", err)
		}
		if d := time.Since(began); d > 5*time.Second {
			t.Errorf("refused after %v", d)
		}
		// A host that waits acquires the lock when the other one releases it.
		ctx, rec = sshtest.Recording(t)
		got := make(chan error, 1)
		go func() { got <- other.Localhost().Lock(ctx, path, time.Minute) }()
		select {
		case err := <-got:
			t.Fatalf("two hosts hold the lock: %v", err)
		case <-time.After(1500 * time.Millisecond):
		}
		must(t, h.Close())
		must(t, <-got)
		if w := rec.Of(event.LockWaiting); len(w) != 1 || !strings.Contains(w[0].Text, locked.Holder) {
			t.Errorf("events while waiting: %v", w)
		}
		must(t, other.Close())
		text, err := os.ReadFile(path)
		if err != nil || len(text) != 0 {
			t.Errorf("the lock file has %q, %v", text, err)
		}
	})
}

func TestLockErrors(t *testing.T) {
	h := newPool(t, Options{}).Localhost()
	err := h.Lock(t.Context(), "/does/not/exist/lock", 0)
	if err == nil || !strings.Contains(err.Error(), "/does/not/exist/lock") || event.Hint(err) == "" {
		t.Errorf("no folder: %v", err)
	}
	path := filepath.Join(t.TempDir(), "lock")
	must(t, os.WriteFile(path+".precious", []byte("precious"), 0o600))
	must(t, os.Symlink(path+".precious", path+".link"))
	if err := h.Lock(t.Context(), path+".link", 0); err == nil || !strings.Contains(err.Error(), "it is a link") {
		t.Errorf("a link: %v", err)
	}
	if text, err := os.ReadFile(path + ".precious"); err != nil || string(text) != "precious" {
		t.Errorf("through a link it wrote %q, %v", text, err)
	}
	must(t, newPool(t, Options{}).Localhost().Lock(t.Context(), path, 0))
	ctx, cancel := context.WithCancelCause(t.Context())
	interrupted := errors.New("interrupted")
	stop := time.AfterFunc(500*time.Millisecond, func() { cancel(interrupted) })
	defer stop.Stop()
	if err := h.Lock(ctx, path, time.Minute); err == nil {
		t.Error("two hold the lock")
	} else if !errors.Is(err, interrupted) {
		t.Errorf("interrupted: %v", err)
	}
}

// Anybody may have written the lock file. Whatever it contains, a lock that is held is not
// acquired.
func TestLockFileCannotForge(t *testing.T) {
	for _, text := range []string{"mallory\ntaken\n", "taken", "x\rtaken\n", "\x1b[2Jmallory",
		strings.Repeat("m", 4000) + "\ntaken\n"} {
		path := filepath.Join(t.TempDir(), "lock")
		must(t, os.WriteFile(path, []byte(text), 0o600))
		held := exec.Command("flock", path, "sh", "-c", "echo held; read line; :")
		stdin, err := held.StdinPipe()
		must(t, err)
		out, err := held.StdoutPipe()
		must(t, err)
		must(t, held.Start())
		_, err = frame.NewScanner(out).Line()
		must(t, err)
		err = newPool(t, Options{}).Localhost().Lock(t.Context(), path, 0)
		var locked *LockedError
		if !errors.As(err, &locked) {
			t.Errorf("%.20q: %v", text, err)
		} else if len(locked.Holder) > maxHolder || strings.ContainsAny(locked.Holder, "\n\r\x1b") {
			t.Errorf("%.20q: the holder is %q", text, locked.Holder)
		}
		if now, err := os.ReadFile(path); err != nil || string(now) != text {
			t.Errorf("a lock that another holds has %.40q, %v", now, err)
		}
		must(t, stdin.Close())
		must(t, held.Wait())
	}
}

func TestHolderIsCut(t *testing.T) {
	if got := cutHolder("gräce\n\x1b[2Jfrom\u202e "+strings.Repeat("ä", 200), 200); len(got) > maxHolder ||
		len(got) < maxHolder-1 || !strings.HasPrefix(got, "gräce [2Jfrom ä") {
		t.Errorf("%d bytes: %q", len(got), got)
	}
}

// Anything but a lock file at the path is refused at once and stays unchanged.
func TestLockRefusesWhatIsNoLockFile(t *testing.T) {
	if os.Getuid() != 0 {
		t.Fatal("only root can give files to another user: run the tests with sudo, as .ci/test does")
	}
	for what, c := range map[string]struct {
		make func(path, victim string) error
		want string
	}{
		"a fifo":            {func(path, _ string) error { return syscall.Mkfifo(path, 0o600) }, "not a regular file"},
		"a folder":          {func(path, _ string) error { return os.Mkdir(path, 0o700) }, "not a regular file"},
		"a link":            {func(path, victim string) error { return os.Symlink(victim, path) }, "is a link"},
		"a link to nothing": {func(path, victim string) error { return os.Symlink(victim+".new", path) }, "is a link"},
		"a link to a fifo": {func(path, victim string) error {
			return errors.Join(syscall.Mkfifo(victim+".fifo", 0o600), os.Symlink(victim+".fifo", path))
		}, "is a link"},
		"a hard link": {func(path, victim string) error { return os.Link(victim, path) }, "hard link"},
		"a file of another's": {func(path, _ string) error {
			return errors.Join(os.WriteFile(path, []byte("theirs"), 0o666), os.Chown(path, 65534, 65534))
		}, "another user"},
	} {
		t.Run(what, func(t *testing.T) {
			dir := t.TempDir()
			path, victim := filepath.Join(dir, "lock"), filepath.Join(dir, "victim")
			must(t, os.WriteFile(victim, []byte("precious"), 0o644))
			must(t, c.make(path, victim))
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			err := newPool(t, Options{}).Localhost().Lock(ctx, path, 0)
			if err == nil || !strings.Contains(err.Error(), c.want) || event.Hint(err) == "" {
				t.Errorf("%v", err)
			}
			if text, err := os.ReadFile(victim); err != nil || string(text) != "precious" {
				t.Errorf("the victim's file has %q, %v", text, err)
			}
			if _, err := os.Lstat(victim + ".new"); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("a link to nothing was followed: %v", err)
			}
			if what == "a file of another's" {
				if text, err := os.ReadFile(path); err != nil || string(text) != "theirs" {
					t.Errorf("another's file has %q, %v", text, err)
				}
			}
		})
	}
}

// After SIGKILL of the client nothing of it is left on the host, and the lock is free.
func TestLockDiesWithItsHolder(t *testing.T) {
	s := sshtest.Start(t)
	for _, o := range []order{{Target: s.Target(t)}, {Target: s.Target(t), Stdin: true}, {}} {
		t.Run(fmt.Sprintf("%s stdin %v", o.Target.Name, o.Stdin), func(t *testing.T) {
			o.Lock = filepath.Join(t.TempDir(), "lock")
			text, err := json.Marshal(o)
			must(t, err)
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), clientVariable+"="+string(text))
			cmd.Stderr = os.Stderr
			out, err := cmd.StdoutPipe()
			must(t, err)
			must(t, cmd.Start())
			lines := frame.NewScanner(out)
			var pids []string
			for range 3 {
				pid, err := lines.Line()
				must(t, err)
				pids = append(pids, pid)
			}
			p := newPool(t, Options{})
			var locked *LockedError
			if err := p.Localhost().Lock(t.Context(), o.Lock, 0); !errors.As(err, &locked) {
				t.Fatalf("while the client lives: %v", err)
			}
			for _, pid := range pids {
				if !alive(t, pid) {
					t.Fatalf("%s is not alive yet", pid)
				}
			}
			must(t, cmd.Process.Kill())
			_ = cmd.Wait() // it was killed
			must(t, p.Localhost().Lock(t.Context(), o.Lock, 20*time.Second))
			for _, pid := range pids { // they ended before the lock was released
				if alive(t, pid) {
					t.Errorf("%s outlived its client", pid)
				}
			}
		})
	}
}

// If somebody kills the keeper, the lock is acquired again before the next command runs.
func TestLockIsTakenAgain(t *testing.T) {
	s := sshtest.Start(t)
	p := newPool(t, Options{})
	p.retake = time.Second
	h := p.Host(s.Target(t))
	path := filepath.Join(t.TempDir(), "lock")
	must(t, h.Lock(t.Context(), path, 0))
	kill := func() {
		k := h.conn.keepers[0]
		must(t, exec.Command("kill", "-KILL", strconv.FormatInt(k.shell.group(), 10)).Run())
		<-k.gone
	}
	kill()
	ctx, rec := sshtest.Recording(t)
	_, err := h.Run(ctx, Command{Script: "true"})
	must(t, err)
	if len(rec.Of(event.Warning)) != 1 || len(rec.Of(event.LockTaken)) != 1 {
		t.Errorf("events %v", rec.Events)
	}
	kill()
	thief := newPool(t, Options{})
	must(t, thief.Localhost().Lock(t.Context(), path, 0))
	var locked *LockedError
	if _, err := h.Run(t.Context(), Command{Script: "true"}); !errors.As(err, &locked) {
		t.Errorf("a command ran without the lock: %v", err)
	}
}

// Closing a pool ends its shells and locks on this machine and on the host.
func TestCloseLeavesNothing(t *testing.T) {
	s := sshtest.Start(t)
	p := newPool(t, Options{})
	h, l := p.Host(s.Target(t)), p.Localhost()
	var pids, daemons, locks []string
	for _, h := range []*Host{h, l} {
		locks = append(locks, filepath.Join(t.TempDir(), "lock"))
		must(t, h.Lock(t.Context(), locks[len(locks)-1], 0))
		daemons = append(daemons, strings.TrimSpace(run(t, h,
			Command{Script: "sleep 1000 >/dev/null 2>&1 & echo $!"}).Stdout))
		run(t, h, Command{Script: "true", Resident: true})
		pids = append(pids, strings.TrimSpace(run(t, h, Command{Script: "echo $$"}).Stdout),
			strconv.FormatInt(h.conn.keepers[0].shell.group(), 10))
	}
	must(t, p.Close())
	next := newPool(t, Options{}).Localhost()
	for _, lock := range locks { // they are free when Close returns, not some time later
		must(t, next.Lock(t.Context(), lock, 0))
	}
	must(t, p.Close())
	for _, pid := range daemons { // a recipe may start a server: closing the pool does not end it
		if !alive(t, pid) {
			t.Errorf("process %s, left in the background on purpose, was ended", pid)
		}
		must(t, exec.Command("kill", pid).Run())
	}
	for _, pid := range pids {
		sshtest.Eventually(t, pid+" is gone", func() bool { return !alive(t, pid) })
	}
	sshtest.Eventually(t, "the connection is closed", func() bool { return s.Sessions(t) == 0 })
	if _, err := h.Run(t.Context(), Command{Script: "true"}); err == nil {
		t.Error("a closed pool ran a command")
	}
}
