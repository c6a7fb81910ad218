package fs_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"runbook/runtime/event"
	"runbook/runtime/fs"
	"runbook/runtime/inventory"
	"runbook/runtime/lab/labtest"
	"runbook/runtime/ssh/shell"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bench is a folder on a host that runs on this machine, so that the test can look at its files
// directly.
type bench struct {
	*testing.T
	dir   string
	host  *shell.Host
	files fs.Files
	ctx   context.Context

	mu      sync.Mutex
	changes []string
}

func (b *bench) Event(e event.Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if e.Kind == event.Changed {
		b.changes = append(b.changes, e.Host+": "+strings.ReplaceAll(e.Text, b.dir, "DIR"))
	}
}

func (b *bench) Close() error { return nil }

// changed compares the changes since its last call.
func (b *bench) changed(want ...string) {
	b.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if !slices.Equal(b.changes, want) {
		b.Errorf("events: %q; want %q", b.changes, want)
	}
	b.changes = nil
}

func (b *bench) path(name string) string { return filepath.Join(b.dir, name) }

func (b *bench) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func (b *bench) fails(err error, want string) {
	b.Helper()
	if err == nil || !strings.Contains(strings.ReplaceAll(err.Error(), b.dir, "DIR"), want) {
		b.Errorf("error: %v; want %q", err, want)
	}
}

// names compares the names in the folder, so that a temporary file is noticed.
func (b *bench) names(want ...string) {
	b.Helper()
	entries, err := os.ReadDir(b.dir)
	b.must(err)
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if !slices.Equal(got, want) {
		b.Errorf("there are %q; want %q", got, want)
	}
}

// onBoth runs a test on a host with OpenSSH, on this machine itself,
// and on this machine with sudo.
func onBoth(t *testing.T, test func(*bench)) {
	t.Run("openssh", func(t *testing.T) {
		admin := filepath.Join(t.TempDir(), "admin")
		server := labtest.StartSSHD(t, []string{labtest.Line(labtest.Key(t, admin), "")})
		test(newBench(t, func(p *shell.Pool) *shell.Host {
			return p.Host(inventory.Host{Name: "web1", Address: "127.0.0.1", Port: server.Port, User: server.User,
				Identities: []string{admin}, KnownHosts: []string{server.KnownHosts}, IdentityAgent: "none"})
		}))
	})
	t.Run("localhost", func(t *testing.T) { test(newBench(t, (*shell.Pool).Localhost)) })
	t.Run("sudo", func(t *testing.T) {
		b := newBench(t, (*shell.Pool).Localhost)
		b.files = fs.As(b.host, "root")
		test(b)
	})
}

func newBench(t *testing.T, host func(*shell.Pool) *shell.Host) *bench {
	b := &bench{T: t, dir: t.TempDir()}
	stream := event.NewStream(b)
	pool := shell.NewPool(stream, shell.Options{})
	t.Cleanup(func() {
		if err := pool.Close(); err != nil {
			t.Error(err)
		}
	})
	b.host = host(pool)
	b.files = fs.On(b.host)
	b.ctx = event.WithStream(t.Context(), stream)
	return b
}

func (b *bench) put(name, text string) {
	b.Helper()
	b.must(os.WriteFile(b.path(name), []byte(text), 0o644))
}

func (b *bench) holds(name, want string) {
	b.Helper()
	got, err := os.ReadFile(b.path(name))
	if err != nil || string(got) != want {
		b.Errorf("%s holds %.60q, %v; want %.60q", name, got, err, want)
	}
}

func TestLooking(t *testing.T) {
	onBoth(t, func(b *bench) {
		b.put("file", "text")
		b.must(os.Chmod(b.path("file"), 0o640))
		b.must(os.Mkdir(b.path("folder"), 0o750))
		b.must(os.Symlink("/nonexistent", b.path("link")))
		b.must(exec.Command("mkfifo", b.path("pipe")).Run())
		for name, want := range map[string]string{"file": "file 0640", "folder": "folder 0750", "link": "link 0777",
			"pipe": "other 0644", "folder/": "folder 0750"} {
			info, err := b.files.Stat(b.ctx, b.dir+"/"+name)
			if got := info.Kind + " " + info.Mode; err != nil || got != want {
				b.Errorf("%s: %s, %v; want %s", name, got, err, want)
			}
			if info.UID != os.Getuid() || info.Modified < 1e9 || name == "file" && info.Size != 4 {
				b.Errorf("%s: %+v", name, info)
			}
			if ok, err := b.files.Exists(b.ctx, b.path(name)); !ok || err != nil {
				b.Errorf("%s: exists: %v, %v", name, ok, err)
			}
		}
		for _, name := range []string{"none", "none/none", "file/none"} {
			if ok, err := b.files.Exists(b.ctx, b.path(name)); ok || err != nil {
				b.Errorf("%s: exists: %v, %v", name, ok, err)
			}
		}
		_, err := b.files.Stat(b.ctx, b.path("none"))
		b.fails(err, b.host.Name()+": stat DIR/none: no such file or folder")
		if !errors.Is(err, os.ErrNotExist) {
			b.Errorf("error: %#v", err)
		}
		names, err := b.files.List(b.ctx, b.dir)
		if want := []string{"file", "folder", "link", "pipe"}; err != nil || !slices.Equal(names, want) {
			b.Errorf("list: %q, %v", names, err)
		}
		if names, err := b.files.List(b.ctx, b.path("folder")); err != nil || names == nil || len(names) != 0 {
			b.Errorf("list of nothing: %#v, %v", names, err)
		}
		_, err = b.files.List(b.ctx, b.path("none"))
		b.fails(err, "list DIR/none: no such file or folder")
		if target, err := b.files.Readlink(b.ctx, b.path("link")); err != nil || target != "/nonexistent" {
			b.Errorf("readlink: %q, %v", target, err)
		}
		_, err = b.files.Readlink(b.ctx, b.path("file"))
		b.fails(err, "readlink DIR/file: is a file, not a link")
		space, err := b.files.Disk(b.ctx, b.dir)
		if err != nil || space.BytesFree <= 0 || space.BytesFree > space.BytesTotal ||
			space.InodesFree > space.InodesTotal {
			b.Errorf("disk: %+v, %v", space, err)
		}
		b.changed()
	})
}

func TestPaths(t *testing.T) {
	b := newBench(t, (*shell.Pool).Localhost)
	for path, want := range map[string]string{"": "empty path", "file": "not an absolute path",
		"~/file": "~ is not supported", "/srv/../etc": "has a .. in it", "/a\x00b": "NUL byte"} {
		_, err := b.files.Exists(b.ctx, path)
		b.fails(err, want)
		b.fails(write(b.files, b.ctx, path, "", fs.WriteOptions{}), want)
		_, err = b.files.Remove(b.ctx, path, true)
		b.fails(err, want)
		b.fails(b.files.Rename(b.ctx, "/nonexistent", path), want)
		_, err = b.files.Symlink(b.ctx, path, b.path("link"), true)
		b.fails(err, want)
	}
	b.names()
	b.changed()
}

func TestReadAndWrite(t *testing.T) {
	onBoth(t, func(b *bench) {
		long := strings.Repeat("0123456789abcde\n", 20000)
		var bytes strings.Builder
		for i := 1; i < 256; i++ {
			bytes.WriteByte(byte(i))
		}
		for _, text := range []string{"", "short", "-n", "'\\n%s'\n\n", bytes.String(), "a\x00b\xff\r\n", long} {
			b.must(write(b.files, b.ctx, b.path("file"), text, fs.WriteOptions{}))
			b.holds("file", text)
			if got, err := b.files.Read(b.ctx, b.path("file"), fs.DefaultMax); err != nil || got != text {
				b.Errorf("read %.60q, %v; want %.60q", got, err, text)
			}
			b.changed(fmt.Sprintf("%s: wrote DIR/file, %d bytes", b.host.Name(), len(text)))
		}
		b.names("file")
		if got, err := b.files.Read(b.ctx, b.path("file"), len(long)); err != nil || got != long {
			b.Errorf("read %d bytes, %v", len(got), err)
		}
		_, err := b.files.Read(b.ctx, b.path("file"), len(long)-1)
		b.fails(err, "read DIR/file: larger than 319999 bytes")
		_, err = b.files.Read(b.ctx, b.dir, fs.DefaultMax)
		b.fails(err, "read DIR: is a folder")
		if got, err := b.files.Read(b.ctx, "/proc/self/status", fs.DefaultMax); err != nil ||
			!strings.HasPrefix(got, "Name:") {
			b.Errorf("read %q, %v", got, err) // its size is reported as 0
		}
		b.must(write(b.files, b.ctx, b.path("secret"), "x", fs.WriteOptions{Mode: "0600"}))
		if info, err := os.Stat(b.path("secret")); err != nil || info.Mode() != 0o600 {
			b.Errorf("mode %v, %v", info.Mode(), err)
		}
		b.must(os.Symlink(b.path("file"), b.path("link")))
		b.must(os.Mkdir(b.path("folder"), 0o755))
		b.changed(b.host.Name() + ": wrote DIR/secret, 1 bytes")
		for _, appending := range []bool{false, true} {
			o := fs.WriteOptions{Append: appending}
			b.fails(write(b.files, b.ctx, b.path("link"), "x", o), "DIR/link: is a link")
			b.fails(write(b.files, b.ctx, b.path("folder"), "x", o), "exists and is a folder")
			b.fails(write(b.files, b.ctx, b.path("none/file"), "x", o),
				"no such file or folder: its folder DIR/none does not exist")
		}
		b.fails(write(b.files, b.ctx, b.path("file"), "x", fs.WriteOptions{Mode: "rw"}), `mode "rw": want octal digits`)
		b.holds("file", long)
		b.names("file", "folder", "link", "secret")
		b.changed()
	})
}

// A concurrent reader sees one whole text or the other.
func TestWriteIsAtomic(t *testing.T) {
	onBoth(t, func(b *bench) {
		texts := []string{strings.Repeat("a", 100000), strings.Repeat("b", 50000)}
		b.put("file", texts[0])
		done := make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() {
			defer close(done)
			for i := range 20 {
				if err := write(b.files, b.ctx, b.path("file"), texts[i%2], fs.WriteOptions{}); err != nil {
					b.Error(err)
				}
			}
		})
		for reads, over := 0, false; !over; reads++ {
			select {
			case <-done:
				over = true
			default:
			}
			got, err := os.ReadFile(b.path("file"))
			if err != nil || !slices.Contains(texts, string(got)) {
				b.Fatalf("read %d bytes, %v", len(got), err)
			}
		}
		wg.Wait()
	})
}

func TestAppend(t *testing.T) {
	onBoth(t, func(b *bench) {
		log := func(text string) error {
			return write(b.files, b.ctx, b.path("log"), text, fs.WriteOptions{Append: true, Mode: "0640"})
		}
		b.must(log("one\n"))
		b.must(log("two\n"))
		b.holds("log", "one\ntwo\n")
		b.changed(b.host.Name()+": appended to DIR/log, 4 bytes", b.host.Name()+": appended to DIR/log, 4 bytes")
		if info, err := os.Stat(b.path("log")); err != nil || info.Mode() != 0o640 {
			b.Errorf("mode %v, %v", info.Mode(), err)
		}
		b.must(os.Chmod(b.path("log"), 0o600))
		b.must(log("three\n"))
		if info, err := os.Stat(b.path("log")); err != nil || info.Mode() != 0o600 {
			b.Errorf("the mode became %v, %v", info.Mode(), err)
		}
		b.fails(log(strings.Repeat("x", 32769)), "cannot append")
		b.holds("log", "one\ntwo\nthree\n")
		for _, before := range []string{"", "\n", "whole\n", "half ", "half"} {
			b.put("log", before)
			b.must(write(b.files, b.ctx, b.path("log"), "'next'\n", fs.WriteOptions{Append: true, Line: true}))
			want := before + "'next'\n"
			if strings.HasPrefix(before, "half") {
				want = before + "\n'next'\n"
			}
			b.holds("log", want)
		}
	})
}

// Files can be read and written while a command runs: the command may wait for one of them.
func TestBesideACommand(t *testing.T) {
	onBoth(t, func(b *bench) {
		var command sync.WaitGroup
		command.Go(func() {
			script := shell.Command{Script: `: > "$1"; until [ -e "$2" ]; do sleep 0.05; done`,
				Args: []string{b.path("begun"), b.path("file")}, Timeout: time.Minute}
			if _, err := b.host.Run(b.ctx, script); err != nil {
				b.Error(err)
			}
		})
		for there := false; !there; {
			var err error
			there, err = b.files.Exists(b.ctx, b.path("begun"))
			b.must(err)
		}
		b.must(write(b.files, b.ctx, b.path("file"), "x", fs.WriteOptions{}))
		command.Wait()
	})
}

// Two runs append to one file concurrently, each over its own connection.
func TestAppendsDontMix(t *testing.T) {
	admin := filepath.Join(t.TempDir(), "admin")
	server := labtest.StartSSHD(t, []string{labtest.Line(labtest.Key(t, admin), "")})
	host := func(p *shell.Pool) *shell.Host {
		return p.Host(inventory.Host{Name: "web1", Address: "127.0.0.1", Port: server.Port, User: server.User,
			Identities: []string{admin}, KnownHosts: []string{server.KnownHosts}, IdentityAgent: "none"})
	}
	b, other := newBench(t, host), newBench(t, host)
	b.put("log", "")
	var wg sync.WaitGroup
	for i, h := range []*shell.Host{b.host, other.host} {
		wg.Go(func() {
			line := strings.Repeat(string(rune('a'+i)), 10000) + "\n"
			for range 20 {
				if err := write(fs.On(h), b.ctx, b.path("log"), line, fs.WriteOptions{Append: true}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	got, err := os.ReadFile(b.path("log"))
	b.must(err)
	lines := strings.Split(strings.TrimSuffix(string(got), "\n"), "\n")
	if len(lines) != 40 {
		t.Errorf("there are %d lines", len(lines))
	}
	for _, l := range lines {
		if len(l) != 10000 || strings.Trim(l, l[:1]) != "" {
			t.Errorf("a line of %d bytes is torn", len(l))
		}
	}
}

// write is Files.Write without its result.
func write(f fs.Files, ctx context.Context, path, text string, opts fs.WriteOptions) error {
	_, err := f.Write(ctx, path, text, opts)
	return err
}
