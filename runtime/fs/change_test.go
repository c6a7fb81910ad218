package fs_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"runbook/runtime/event"
	"runbook/runtime/fs"
	"runbook/runtime/ssh/shell"
)

func TestMkdir(t *testing.T) {
	onBoth(t, func(b *bench) {
		name := b.host.Name()
		all := fs.MkdirOptions{Parents: true}
		for _, want := range []bool{true, false} {
			if made, err := b.files.Mkdir(b.ctx, b.path("a/b/c"), all); err != nil || made != want {
				b.Errorf("made %v, %v; want %v", made, err, want)
			}
		}
		b.changed(name + ": made folder DIR/a/b/c")
		_, err := b.files.Mkdir(b.ctx, b.path("x/y"), fs.MkdirOptions{})
		b.fails(err, "mkdir DIR/x/y: no such file or folder: its folder DIR/x does not exist")
		if made, err := b.files.Mkdir(b.ctx, b.path("private"), fs.MkdirOptions{Mode: "0700"}); err != nil || !made {
			b.Errorf("made %v, %v", made, err)
		}
		if made, err := b.files.Mkdir(b.ctx, b.path("private"), fs.MkdirOptions{Mode: "0755"}); err != nil || made {
			b.Errorf("made %v, %v", made, err)
		}
		if info, err := os.Stat(b.path("private")); err != nil || info.Mode().Perm() != 0o700 {
			b.Errorf("mode %v, %v", info.Mode(), err)
		}
		b.changed(name + ": made folder DIR/private")
		b.must(os.Symlink(b.path("private"), b.path("link")))
		if made, err := b.files.Mkdir(b.ctx, b.path("link"), all); err != nil || made {
			b.Errorf("made %v, %v", made, err)
		}
		b.put("file", "")
		b.must(os.Symlink("/nonexistent/x", b.path("dangling")))
		_, err = b.files.Mkdir(b.ctx, b.path("file"), all)
		b.fails(err, "DIR/file is a file")
		_, err = b.files.Mkdir(b.ctx, b.path("file/x"), all)
		b.fails(err, "DIR/file is a file")
		_, err = b.files.Mkdir(b.ctx, b.path("dangling"), all)
		b.fails(err, "DIR/dangling is a dangling link")
		b.changed()
	})
}

func TestRemove(t *testing.T) {
	onBoth(t, func(b *bench) {
		name := b.host.Name()
		remove := func(what string, recursive, want bool) {
			b.Helper()
			if removed, err := b.files.Remove(b.ctx, b.dir+"/"+what, recursive); err != nil || removed != want {
				b.Errorf("%s: removed %v, %v; want %v", what, removed, err, want)
			}
		}
		b.must(os.MkdirAll(b.path("kept/inside"), 0o755))
		b.put("file", "")
		b.must(os.MkdirAll(b.path("full/inside"), 0o755))
		b.must(os.Mkdir(b.path("empty"), 0o755))
		for _, link := range []string{"link", "link2", "full/link"} {
			b.must(os.Symlink(b.path("kept"), b.path(link)))
		}
		remove("none", false, false)
		remove("none", true, false)
		remove("file", false, true)
		remove("empty", false, true)
		_, err := b.files.Remove(b.ctx, b.path("full"), false)
		b.fails(err, "remove DIR/full: the folder is not empty")
		if hint := event.Hint(err); !strings.Contains(hint, "recursive = true") {
			b.Errorf("hint: %q", hint)
		}
		remove("link", true, true)
		remove("link2/", true, true) // with a slash at the end, rm would follow it
		remove("full", true, true)
		b.names("kept")
		if _, err := os.Stat(b.path("kept/inside")); err != nil {
			b.Error("a link was followed:", err)
		}
		b.changed(name+": removed DIR/file", name+": removed DIR/empty", name+": removed DIR/link",
			name+": removed DIR/link2", name+": removed DIR/full")
		for _, path := range []string{"/", "//", "/srv", "/srv/", "/."} {
			_, err := b.files.Remove(b.ctx, path, true)
			b.fails(err, "refusing to remove a top-level folder")
		}
	})
}

func TestRemoveQuotes(t *testing.T) {
	b := newBench(t, (*shell.Pool).Localhost)
	for _, name := range []string{"-rf", "a b", "it's", "$(touch intruder)", "*", "x\ny"} {
		b.must(os.MkdirAll(b.path(name)+"/inside", 0o755))
		b.must(os.MkdirAll(b.path("kept"), 0o755))
		if removed, err := b.files.Remove(b.ctx, b.path(name), true); err != nil || !removed {
			t.Errorf("%q: removed %v, %v", name, removed, err)
		}
		b.names("kept")
	}
}

func TestRename(t *testing.T) {
	onBoth(t, func(b *bench) {
		b.put("from", "new")
		b.put("to", "old")
		b.must(b.files.Rename(b.ctx, b.path("from"), b.path("to")))
		b.holds("to", "new")
		b.names("to")
		b.changed(b.host.Name() + ": renamed DIR/from to DIR/to")
		b.fails(b.files.Rename(b.ctx, b.path("from"), b.path("to")),
			"rename DIR/from: to DIR/to: no such file or folder")
		b.must(os.MkdirAll(b.path("full/inside"), 0o755))
		b.must(os.Mkdir(b.path("folder"), 0o755))
		if err := b.files.Rename(b.ctx, b.path("folder"), b.path("full")); err == nil {
			b.Error("a folder that isn't empty was replaced")
		}
		b.names("folder", "full", "to")
		b.changed()
	})
}

func TestSymlink(t *testing.T) {
	onBoth(t, func(b *bench) {
		name := b.host.Name()
		link := func(target string, replace, want bool) {
			b.Helper()
			if made, err := b.files.Symlink(b.ctx, target, b.path("current"), replace); err != nil || made != want {
				b.Errorf("%s: %v, %v; want %v", target, made, err, want)
			}
			if got, err := os.Readlink(b.path("current")); err != nil || got != target {
				b.Errorf("it leads to %q, %v; want %q", got, err, target)
			}
			b.names("current")
		}
		link("/srv/app/releases/one", true, true)
		link("/srv/app/releases/one", true, false)
		link("/srv/app/releases/one", false, false)
		link("/srv/app/releases/two", true, true)
		b.changed(name+": DIR/current → /srv/app/releases/one", name+": DIR/current → /srv/app/releases/two")
		_, err := b.files.Symlink(b.ctx, "/srv/app/releases/three", b.path("current"), false)
		b.fails(err, "symlink DIR/current: is a link to /srv/app/releases/two")
		_, err = b.files.Symlink(b.ctx, "releases/three", b.path("current"), true)
		b.fails(err, `target "releases/three": not an absolute path`)
		_, err = b.files.Symlink(b.ctx, "/srv/app", b.path("none/current"), true)
		b.fails(err, "no such file or folder: its folder DIR/none does not exist")
		b.put("file", "precious")
		b.must(os.Mkdir(b.path("folder"), 0o755))
		for _, what := range []string{"file", "folder"} {
			_, err = b.files.Symlink(b.ctx, "/srv/app", b.path(what), true)
			b.fails(err, "exists and is a "+what+", not a link")
		}
		b.holds("file", "precious")
		b.names("current", "file", "folder")
		b.changed()
	})
}

// At any instant the link points to one release or the other.
func TestSymlinkIsAtomic(t *testing.T) {
	onBoth(t, func(b *bench) {
		targets := []string{"/one", "/two"}
		b.must(os.Symlink(targets[1], b.path("current")))
		done := make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() {
			defer close(done)
			for i := range 50 {
				if _, err := b.files.Symlink(b.ctx, targets[i%2], b.path("current"), true); err != nil {
					b.Error(err)
				}
			}
		})
		for over := false; !over; {
			select {
			case <-done:
				over = true
			default:
			}
			if got, err := os.Readlink(b.path("current")); err != nil || !slices.Contains(targets, got) {
				b.Fatalf("it leads to %q, %v", got, err)
			}
		}
		wg.Wait()
	})
}

// TestCauses expects the cause instead of SFTP's "failure", on file systems made for the test.
func TestCauses(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Fatal("only root can mount the file systems that this test needs: run the tests with sudo, as .ci/test does")
	}
	onBoth(t, func(b *bench) {
		mount := func(name, options string) string {
			b.Helper()
			dir := b.path(name)
			b.must(os.Mkdir(dir, 0o755))
			if out, err := exec.Command("mount", "-t", "tmpfs", "-o", options, "tmpfs",
				dir).CombinedOutput(); err != nil {
				b.Fatalf("mount: %v: %s", err, out)
			}
			b.Cleanup(func() {
				if out, err := exec.Command("umount", "-l", dir).CombinedOutput(); err != nil {
					b.Errorf("umount: %v: %s", err, out)
				}
			})
			return dir
		}
		full := mount("full", "size=64k,nr_inodes=100")
		err := write(b.files, b.ctx, full+"/file", strings.Repeat("x", 100000), fs.WriteOptions{})
		b.fails(err, "write DIR/full/file: no space left on the file system")
		if left, err := os.ReadDir(full); err != nil || len(left) > 0 {
			b.Errorf("left: %v, %v", left, err)
		}
		_, err = b.files.Mkdir(b.ctx, mount("inodes", "size=64k,nr_inodes=1")+"/folder", fs.MkdirOptions{})
		b.fails(err, "mkdir DIR/inodes/folder: no inodes left on the file system")
		readOnly := mount("readonly", "ro")
		b.fails(write(b.files, b.ctx, readOnly+"/file", "x", fs.WriteOptions{}), "the file system is read-only")
		_, err = b.files.Symlink(b.ctx, "/srv", readOnly+"/link", true)
		b.fails(err, "the file system is read-only")
		b.changed()
	})
}

func TestInterrupted(t *testing.T) {
	b := newBench(t, (*shell.Pool).Localhost)
	why := errors.New("interrupted")
	ctx, cancel := context.WithCancelCause(b.ctx)
	if _, err := b.files.Exists(ctx, b.path("file")); err != nil {
		t.Fatal(err)
	}
	cancel(why)
	if err := write(b.files, ctx, b.path("file"), "x", fs.WriteOptions{}); !errors.Is(err, why) {
		t.Errorf("write: %v", err)
	}
	if _, err := b.files.Symlink(ctx, "/srv", b.path("link"), true); !errors.Is(err, why) {
		t.Errorf("symlink: %v", err)
	}
	b.names()
	b.changed()
}

// ending is a context that ends when its Err is called for the nth time.
type ending struct {
	context.Context
	left atomic.Int32
	end  func()
}

func (e *ending) Err() error {
	if e.left.Add(-1) < 0 {
		e.end()
	}
	return e.Context.Err()
}

// An interrupt at any point leaves the old or the new file, and no temporary one.
func TestInterruptedAtEachPoint(t *testing.T) {
	b := newBench(t, (*shell.Pool).Localhost)
	for name, change := range map[string]func(context.Context) error{
		"write": func(ctx context.Context) error {
			return write(b.files, ctx, b.path("file"), "new", fs.WriteOptions{})
		},
		"symlink": func(ctx context.Context) error {
			_, err := b.files.Symlink(ctx, "/new", b.path("link"), true)
			return err
		},
	} {
		for n := int32(0); ; n++ {
			b.put("file", "old")
			_ = os.Remove(b.path("link")) // there is none at first
			b.must(os.Symlink("/old", b.path("link")))
			inner, cancel := context.WithCancel(b.ctx)
			ctx := &ending{Context: inner, end: cancel}
			ctx.left.Store(n)
			err := change(ctx)
			for limit := time.After(10 * time.Second); ; { // an abandoned request still finishes
				entries, err := os.ReadDir(b.dir)
				b.must(err)
				if len(entries) == 2 {
					break
				}
				select {
				case <-limit:
					t.Fatalf("%s, asked %d times: there is %v", name, n, entries)
				case <-time.After(time.Millisecond):
				}
			}
			text, readErr := os.ReadFile(b.path("file"))
			target, linkErr := os.Readlink(b.path("link"))
			if readErr != nil || linkErr != nil || string(text) != "old" && string(text) != "new" || target != "/old" &&
				target != "/new" {
				t.Errorf("%s, asked %d times: %q %v, %q %v", name, n, text, readErr, target, linkErr)
			}
			cancel()
			if err == nil {
				break
			}
		}
	}
}

// TestPermissions creates files and folders under the umask of host:permissions. A given mode
// overrides the umask, and a folder that inherits its group keeps the setgid bit.
func TestPermissions(t *testing.T) {
	onBoth(t, func(b *bench) {
		b.host.SetPermissions(shell.Permissions{Umask: 0o027})
		b.must(os.Mkdir(b.path("shared"), 0o755))
		b.must(os.Chmod(b.path("shared"), os.ModeSetgid|0o755))
		_, err := b.files.Mkdir(b.ctx, b.path("shared/outer/inner"), fs.MkdirOptions{Parents: true})
		b.must(err)
		_, err = b.files.Mkdir(b.ctx, b.path("open"), fs.MkdirOptions{Mode: "0777"})
		b.must(err)
		b.must(write(b.files, b.ctx, b.path("plain"), "x", fs.WriteOptions{}))
		b.must(write(b.files, b.ctx, b.path("secret"), "x", fs.WriteOptions{Mode: "0600"}))
		b.must(write(b.files, b.ctx, b.path("log"), "x", fs.WriteOptions{Append: true}))
		for name, want := range map[string]os.FileMode{
			"shared/outer":       os.ModeDir | os.ModeSetgid | 0o750,
			"shared/outer/inner": os.ModeDir | os.ModeSetgid | 0o750,
			"open":               os.ModeDir | 0o777, "plain": 0o640, "secret": 0o600, "log": 0o640,
		} {
			fi, err := os.Stat(b.path(name))
			b.must(err)
			if fi.Mode() != want {
				t.Errorf("%s: mode %v, want %v", name, fi.Mode(), want)
			}
		}
	})
}
