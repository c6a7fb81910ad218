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
		// Detached: a program that another test is just starting may hold a file on it for a moment.
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
