package git_test

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"runbook/runtime/git"
)

// A fetch that fills the disk, or is killed, leaves no partial files that keep the disk full.
func TestMirrorOnFullDisk(t *testing.T) {
	if os.Getuid() != 0 {
		t.Fatal("only root can mount the file system that this test needs: run the tests with sudo, as .ci/test does")
	}
	b := newBench(t)
	small := filepath.Join(b.dir, "small")
	if err := os.Mkdir(small, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("runbook-test", small, "tmpfs", 0, "size=2m"); err != nil {
		t.Fatal(err)
	}
	defer func() {
		// Detached, because a program that another test starts may still have a file there open.
		if err := syscall.Unmount(small, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	}()
	m := &mirrored{b, filepath.Join(small, "repo.git")}
	m.check("at first", true)
	room := func() uint64 {
		var st syscall.Statfs_t
		if err := syscall.Statfs(small, &st); err != nil {
			t.Fatal(err)
		}
		return st.Bavail
	}
	before := room()
	random := make([]byte, 4<<20)
	if _, err := rand.Read(random); err != nil { // compressible data would fit
		t.Fatal(err)
	}
	b.write(filepath.Join(b.work, "big"), string(random))
	b.commit("main", "a big file")
	_, err := b.git.Mirror(b.ctx, b.host, git.MirrorOptions{Repo: b.repo, Path: m.path})
	b.fails(err, "no space left", "remove old releases")
	if after := room(); after+10 < before {
		t.Errorf("%d blocks are free, %d were", after, before)
	}
	b.run("-C", m.path, "fsck", "--strict")
	killed := filepath.Join(m.path, "objects", "pack", "tmp_pack_abc123")
	b.write(killed, strings.Repeat("x", 1000))
	_, err = b.git.Mirror(b.ctx, b.host, git.MirrorOptions{Repo: b.repo, Path: m.path})
	b.fails(err, "no space left", "remove old releases")
	if _, err := os.Stat(killed); !os.IsNotExist(err) {
		t.Errorf("%s: %v", killed, err)
	}
}
