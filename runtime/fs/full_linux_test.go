package fs_test

import (
	"os"
	"strings"
	"syscall"
	"testing"

	"runbook/runtime/fs"
)

// A disk that becomes full takes the beginning of a write. No part of such a line may remain.
func TestAppendToFullDisk(t *testing.T) {
	if os.Getuid() != 0 {
		t.Fatal("only root can mount the file system that this test needs: run the tests with sudo, as .ci/test does")
	}
	onBoth(t, func(b *bench) {
		b.must(os.Mkdir(b.path("small"), 0o755))
		b.must(syscall.Mount("runbook-test", b.path("small"), "tmpfs", 0, "size=8k")) // two pages
		// Detached: a program that another test is just starting may still hold a file on it.
		defer func() { b.must(syscall.Unmount(b.path("small"), syscall.MNT_DETACH)) }()
		first := strings.Repeat("x", 8000) + "\n"
		b.must(write(b.files, b.ctx, b.path("small/log"), first, fs.WriteOptions{Append: true}))
		err := write(b.files, b.ctx, b.path("small/log"), strings.Repeat("y", 1000)+"\n", fs.WriteOptions{Append: true})
		b.fails(err, "no space")
		b.holds("small/log", first)
		b.must(write(b.files, b.ctx, b.path("small/log"), "fits\n", fs.WriteOptions{Append: true}))
		b.holds("small/log", first+"fits\n")
	})
}

// A disk that becomes full in the middle of a new file leaves only the old file.
func TestPutOnFullDisk(t *testing.T) {
	onBoth(t, func(b *bench) {
		b.must(os.Mkdir(b.path("small"), 0o755))
		b.must(syscall.Mount("runbook-test", b.path("small"), "tmpfs", 0, "size=16k")) // four pages
		defer func() { b.must(syscall.Unmount(b.path("small"), syscall.MNT_DETACH)) }()
		b.must(second(b.files.Put(b.ctx, b.path("small/conf"), "old\n", fs.PutOptions{Mode: "0640"})))
		b.changed(b.host.Name() + ": wrote DIR/small/conf, 4 bytes")
		_, err := b.files.Put(b.ctx, b.path("small/conf"), strings.Repeat("x", 20000),
			fs.PutOptions{Validate: []string{"test", "-s", "%s"}})
		b.fails(err, "no space left on the file system")
		b.holds("small/conf", "old\n")
		b.changed()
		entries, err := os.ReadDir(b.path("small"))
		b.must(err)
		info, err := os.Stat(b.path("small/conf"))
		if b.must(err); len(entries) != 1 || info.Mode().Perm() != 0o640 {
			b.Errorf("there are %v, mode %v", entries, info.Mode())
		}
		b.must(second(b.files.Put(b.ctx, b.path("small/conf"), strings.Repeat("x", 8000), fs.PutOptions{})))
	})
}
