package fs_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"runbook/runtime/event"
	"runbook/runtime/fs"
	"runbook/runtime/fs/owner"
)

// Nothing is written where nothing changes, whichever function writes.
func TestUnchanged(t *testing.T) {
	onBoth(t, func(b *bench) {
		files, name := b.files, b.host.Name()
		owned := fs.PutOptions{Owner: "root", Group: "0", Mode: "0640"}
		for _, c := range []struct {
			what  string
			write func() (bool, error)
			mode  os.FileMode
		}{
			{"write", func() (bool, error) { return files.Write(b.ctx, b.path("file"), "one\n", fs.WriteOptions{}) },
				0o644},
			{"write text", func() (bool, error) {
				return files.Write(b.ctx, b.path("file"), "two\n",
					fs.WriteOptions{})
			}, 0o644},
			{"write mode", func() (bool, error) {
				return files.Write(b.ctx, b.path("file"), "two\n", fs.WriteOptions{Mode: "0600"})
			}, 0o600},
			{"put text", func() (bool, error) { return files.Put(b.ctx, b.path("file"), "a\x00b", fs.PutOptions{}) },
				0o600},
			{"put mode", func() (bool, error) { return files.Put(b.ctx, b.path("file"), "a\x00b", owned) }, 0o640},
			{"put new", func() (bool, error) { return files.Put(b.ctx, b.path("-rf x\n'y'"), "", fs.PutOptions{}) },
				0o644},
			{"put secret", func() (bool, error) {
				return files.Put(b.ctx, b.path("key"), strings.Repeat("x", 1<<20), fs.PutOptions{Secret: true})
			}, 0o600},
			{"chmod", func() (bool, error) { return files.Chmod(b.ctx, b.path("key"), "4711") }, 0o711 | os.ModeSetuid},
			{"chown", func() (bool, error) {
				return files.Chown(b.ctx, b.path("key"),
					owner.Owner{User: "root", Group: ""})
			}, 0},
			{"chown numbers", func() (bool, error) {
				return files.Chown(b.ctx, b.path("key"),
					owner.Owner{User: "1", Group: "1"})
			}, 0},
			{"chown group", func() (bool, error) {
				return files.Chown(b.ctx, b.path("key"),
					owner.Owner{User: "", Group: "root"})
			}, 0},
		} {
			wants := []bool{true, false}
			if c.what == "chown" { // it belongs to root, as the tests run as root
				wants = wants[1:]
			}
			for _, want := range wants {
				if changed, err := c.write(); err != nil || changed != want {
					b.Errorf("%s: changed %v, %v; want %v", c.what, changed, err, want)
				}
			}
			path := b.path("file")
			if strings.HasPrefix(c.what, "put new") {
				path = b.path("-rf x\n'y'")
			} else if c.what == "put secret" || c.what[0] == 'c' {
				path = b.path("key")
			}
			if info, err := os.Stat(path); c.mode != 0 && (err != nil || info.Mode() != c.mode) {
				b.Errorf("%s: %v, %v; want mode %v", c.what, info, err, c.mode)
			}
		}
		b.holds("file", "a\x00b")
		b.names("-rf x\n'y'", "file", "key")
		b.changed(name+": wrote DIR/file, 4 bytes", name+": wrote DIR/file, 4 bytes", name+": wrote DIR/file, 4 bytes",
			name+": wrote DIR/file, 3 bytes",
			name+": wrote DIR/file, 3 bytes", name+": wrote DIR/-rf x\n'y', 0 bytes",
			name+": wrote DIR/key, 1048576 bytes",
			name+": set mode 4711 of DIR/key, which was 0600", name+": gave DIR/key to 1:1",
			name+": gave DIR/key to :root")
	})
}

func TestPutRefuses(t *testing.T) {
	onBoth(t, func(b *bench) {
		files := b.files
		b.put("file", "old\n")
		b.must(os.Mkdir(b.path("folder"), 0o755))
		b.must(os.Symlink(b.path("file"), b.path("link")))
		for _, c := range []struct {
			path string
			opts fs.PutOptions
			want string
		}{
			{"link", fs.PutOptions{}, "write DIR/link: is a link to DIR/file"},
			{"folder", fs.PutOptions{}, "write DIR/folder: exists and is a folder"},
			{"none/file", fs.PutOptions{}, "its folder DIR/none does not exist"},
			{"file/x", fs.PutOptions{}, "its folder DIR/file does not exist"},
			{"file", fs.PutOptions{Mode: "rw"}, "want octal digits"},
			{"file", fs.PutOptions{Owner: "a:b"}, `owner: "a:b" is not the name`},
			{"file", fs.PutOptions{Owner: "no-such-user"}, "invalid user"},
			{"file", fs.PutOptions{Validate: []string{"sh", "-c", `grep -q old "$1" || { echo "bad $1"; exit 3; }`,
				"sh", "%s"}}, "exited 3, so the file stays as it was:\nbad DIR/file"},
			{"file", fs.PutOptions{Secret: true, Validate: []string{"grep", "-q", "old", "%s"}},
				"(not shown, because the file is secret)"},
			{"file", fs.PutOptions{Validate: []string{"/none", "%s"}}, "exited 127"},
		} {
			changed, err := files.Put(b.ctx, b.path(c.path), "new\n", c.opts)
			b.fails(err, c.want)
			if changed {
				b.Errorf("%s: changed", c.want)
			}
		}
		b.fails(second(files.Chmod(b.ctx, b.path("link"), "0600")), "is a link")
		b.fails(second(files.Chown(b.ctx, b.path("link"), owner.Owner{User: "root", Group: ""})), "is a link")
		b.fails(second(files.Chown(b.ctx, b.path("none"), owner.Owner{User: "root", Group: ""})),
			"no such file or folder")
		b.fails(second(files.Chown(b.ctx, b.path("file"), owner.Owner{User: "", Group: "no-such-group"})),
			"invalid group")
		b.holds("file", "old\n")
		b.names("file", "folder", "link")
		b.changed()
	})
}

func second(_ bool, err error) error { return err }

func TestTemp(t *testing.T) {
	onBoth(t, func(b *bench) {
		why := errors.New("interrupted")
		ctx, interrupt := context.WithCancelCause(b.ctx)
		defer interrupt(nil)
		for _, c := range []struct {
			ctx  context.Context
			fail error
		}{{b.ctx, nil}, {b.ctx, why}, {ctx, why}} {
			var at string
			err := b.files.Temp(c.ctx, func(dir string) error {
				at = dir
				if info, err := os.Stat(dir); err != nil || info.Mode() != os.ModeDir|0o700 {
					b.Errorf("%v, %v", info, err)
				}
				b.must(os.MkdirAll(dir+"/closed/inside", 0o755))
				b.must(os.Chmod(dir+"/closed", 0))
				if c.ctx == ctx {
					interrupt(why)
				}
				return c.fail
			})
			if !errors.Is(err, c.fail) {
				b.Errorf("%v, want %v", err, c.fail)
			}
			if _, err := os.Stat(at); !errors.Is(err, os.ErrNotExist) {
				b.Errorf("%s: %v", at, err)
			}
		}
		if err := b.files.Temp(ctx,
			func(string) error { b.Error("called after the interrupt"); return nil }); !errors.Is(err, why) {
			b.Error(err)
		}
	})
}

// An interrupt in the middle leaves the old file and nothing else.
func TestPutInterrupted(t *testing.T) {
	onBoth(t, func(b *bench) {
		b.put("file", "old\n")
		why := errors.New("interrupted")
		ctx, interrupt := context.WithCancelCause(b.ctx)
		defer interrupt(nil)
		done := make(chan struct{})
		go func() {
			defer close(done)
			for { // until the validation has begun
				if _, err := os.Stat(b.path("begun")); err == nil || ctx.Err() != nil {
					interrupt(why)
					return
				}
			}
		}()
		_, err := b.files.Put(ctx, b.path("file"), "new\n",
			fs.PutOptions{Validate: []string{"sh", "-c", `: > "$1"; exec sleep 1000`, "sh", b.path("begun")}})
		interrupt(nil)
		<-done
		if !errors.Is(err, why) {
			b.Errorf("%v", err)
		}
		b.holds("file", "old\n")
		b.names("begun", "file")
		if hint := event.Hint(err); hint != "" {
			b.Errorf("hint %q", hint)
		}
		b.changed()
	})
}
