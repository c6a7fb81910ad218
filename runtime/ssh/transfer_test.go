package ssh

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"runbook/runtime/event"
)

// packed is the archive of a folder.
func packed(t *testing.T, from, name string) []byte {
	t.Helper()
	var b bytes.Buffer
	must(t, pack(&b, from, name, nil))
	return b.Bytes()
}

// left are the names in a folder that a transfer would have to remove.
func left(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	must(t, err)
	for _, e := range entries {
		if strings.Contains(e.Name(), ".runbook-") {
			names = append(names, e.Name())
		}
	}
	return names
}

// A stream that ends early must not pass for the whole, wherever it ends: tar itself is content with one that ends
// between two entries.
func TestPartOfAStream(t *testing.T) {
	h := newPool(t, PoolOptions{}).Localhost()
	dir := t.TempDir()
	source := filepath.Join(dir, "source")
	must(t, os.MkdirAll(filepath.Join(source, "shut"), 0o755))
	for _, name := range []string{"a", "b", "shut/c"} {
		must(t, os.WriteFile(filepath.Join(source, name), []byte(strings.Repeat(name, 300)), 0o644))
	}
	to := filepath.Join(dir, "to")
	for _, length := range []int{0, 512, 1024, 2048, 4096, 5000} {
		u := upload{ctx: t.Context(), host: h, from: source, to: to, temporary: temporaryName(to), folder: true}
		all := packed(t, source, filepath.Base(u.temporary))
		if length >= len(all) {
			t.Fatalf("the archive has %d bytes", len(all))
		}
		if err := u.send("folder", 0, bytes.NewReader(all[:length])); err == nil {
			t.Errorf("the first %d bytes of %d passed for the whole", length, len(all))
		}
	}
	file := filepath.Join(dir, "file")
	must(t, os.WriteFile(file, []byte("old"), 0o600))
	u := upload{ctx: t.Context(), host: h, from: "-", to: file, temporary: temporaryName(file), mode: 0o600}
	if err := u.send("file", 10, strings.NewReader("new")); err == nil || !strings.Contains(err.Error(), "changed while") {
		t.Errorf("part of a file: %v", err)
	}
	if b, err := os.ReadFile(file); err != nil || string(b) != "old" {
		t.Errorf("the old file is %q, %v", b, err)
	}
	if names := left(t, dir); len(names) > 0 {
		t.Errorf("left: %q", names)
	}
}

// hostWith is this machine as a host that has the named programs alone.
func hostWith(t *testing.T, names ...string) (*Host, context.Context) {
	t.Helper()
	bin := t.TempDir()
	for _, name := range names {
		program, err := exec.LookPath(name)
		must(t, err)
		must(t, os.Symlink(program, filepath.Join(bin, name)))
	}
	h := newPool(t, PoolOptions{}).Localhost()
	return h, WithEnv(t.Context(), h, map[string]string{"PATH": bin})
}

// Without tar on the host the files go one by one, with the same result.
func TestTransferWithoutTar(t *testing.T) {
	h, ctx := hostWith(t, "rm", "chmod", "find", "head", "stat", "mv", "cat", "wc")
	dir := t.TempDir()
	source := filepath.Join(dir, "source")
	must(t, os.MkdirAll(filepath.Join(source, "sub"), 0o751))
	must(t, os.WriteFile(filepath.Join(source, "sub", "big"), []byte(strings.Repeat("x", 300000)), 0o640))
	must(t, os.Symlink("sub/big", filepath.Join(source, "link")))
	must(t, sent(h.Upload(ctx, source, filepath.Join(dir, "up"), UploadOptions{})))
	must(t, h.Download(ctx, source, filepath.Join(dir, "down"), DefaultDownload))
	for _, name := range []string{"up", "down"} {
		if got, want := tree(t, filepath.Join(dir, name)), tree(t, source); !slices.Equal(got, want) {
			t.Errorf("%s: got %.300q, want %.300q", name, got, want)
		}
	}
	if h.conn.files == nil {
		t.Error("no sftp was used")
	}
}

// A server that allows nothing but sftp gets files all the same.
func TestTransferBySFTPAlone(t *testing.T) {
	h := newPool(t, PoolOptions{}).Host(startSSHD(t, "ForceCommand internal-sftp").target(t))
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "a"), []byte("a"), 0o640))
	must(t, sent(h.Upload(t.Context(), filepath.Join(dir, "a"), filepath.Join(dir, "b"), UploadOptions{})))
	must(t, h.Download(t.Context(), filepath.Join(dir, "b"), filepath.Join(dir, "c"), DefaultDownload))
	if b, err := os.ReadFile(filepath.Join(dir, "c")); err != nil || string(b) != "a" {
		t.Errorf("%q, %v", b, err)
	}
}

// An interrupt in the middle leaves nothing, and the old file as it was; a lost connection leaves the old file.
func TestTransferInterrupted(t *testing.T) {
	target, dir := startSSHD(t).target(t), t.TempDir()
	big, to := filepath.Join(dir, "big"), filepath.Join(dir, "to")
	must(t, os.WriteFile(big, nil, 0o600))
	must(t, os.Truncate(big, 1<<40))
	for name, stop := range map[string]func(context.CancelFunc, *Host){
		"interrupt": func(cancel context.CancelFunc, _ *Host) { cancel() },
		"loss":      func(_ context.CancelFunc, h *Host) { h.conn.link.abandon() },
	} {
		must(t, os.WriteFile(to, []byte("old"), 0o600))
		h := newPool(t, PoolOptions{}).Host(target)
		must(t, h.Connect(t.Context()))
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- sent(h.Upload(ctx, big, to, UploadOptions{})) }()
		eventually(t, "it is on its way", func() bool { return len(left(t, dir)) > 0 })
		stop(cancel, h)
		err := <-ended
		cancel()
		var lost *LostError
		if !errors.Is(err, context.Canceled) && !errors.As(err, &lost) {
			t.Errorf("%s: %v", name, err)
		}
		if b, err := os.ReadFile(to); err != nil || string(b) != "old" {
			t.Errorf("%s: the old file is %q, %v", name, b, err)
		}
		eventually(t, name+": nothing is left", func() bool { return len(left(t, dir)) == 0 })
	}
}

// An archive comes from the host: nothing in it may lead out of the folder.
func TestUnpackStaysInside(t *testing.T) {
	for name, entries := range map[string][]tar.Header{
		"a way up":        {{Name: "../out", Typeflag: tar.TypeReg}},
		"from the root":   {{Name: "/out", Typeflag: tar.TypeReg}},
		"through a link":  {{Name: "link", Linkname: "..", Typeflag: tar.TypeSymlink}, {Name: "link/out", Typeflag: tar.TypeReg}},
		"folder in link":  {{Name: "link", Linkname: "..", Typeflag: tar.TypeSymlink}, {Name: "link/out", Typeflag: tar.TypeDir}},
		"a second name":   {{Name: "name", Linkname: "../secret", Typeflag: tar.TypeLink}},
		"by a backslash":  {{Name: `..\out`, Typeflag: tar.TypeReg}},
		"a file replaced": {{Name: "a", Typeflag: tar.TypeReg}, {Name: "a", Typeflag: tar.TypeReg}},
		"a device":        {{Name: "null", Typeflag: tar.TypeChar}},
	} {
		dir := t.TempDir()
		must(t, os.WriteFile(filepath.Join(dir, "secret"), nil, 0o600))
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		for _, h := range entries {
			h.Mode = 0o600
			must(t, w.WriteHeader(&h))
		}
		must(t, w.Close())
		if err := unpack(&b, filepath.Join(dir, "in"), newBudget("x", DefaultDownload)); err == nil {
			t.Errorf("%s was accepted", name)
		}
		if _, err := os.Lstat(filepath.Join(dir, "out")); err == nil {
			t.Errorf("%s: something was written outside", name)
		}
	}
}

// A file of 1 TiB that is a hole takes 10 KiB of an archive, in either of the formats that know holes.
func TestUnpackRefusesSparseFiles(t *testing.T) {
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "hole"), nil, 0o600))
	must(t, os.Truncate(filepath.Join(dir, "hole"), 1<<40))
	for _, args := range [][]string{{"--format=gnu"}, {"--format=posix"}, {"--format=posix", "--sparse-version=0.0"}, {"--format=posix", "--sparse-version=0.1"}} {
		archive, err := exec.Command("tar", append(args, "-S", "-C", dir, "-cf", "-", "hole")...).Output()
		must(t, err)
		in := filepath.Join(t.TempDir(), "in")
		if err := unpack(bytes.NewReader(archive), in, newBudget("x", DefaultDownload)); err == nil || !strings.Contains(err.Error(), "hole") || event.Hint(err) == "" {
			t.Errorf("%v: %v", args, err)
		}
		if info, err := os.Stat(filepath.Join(in, "hole")); err == nil {
			t.Errorf("%v: %d bytes were written", args, info.Size())
		}
	}
}

// What a host sends is counted as it is written, by whichever way it comes.
func TestDownloadLimit(t *testing.T) {
	for name, lines := range map[string][]string{"stream": nil, "sftp": {"ForceCommand internal-sftp"}} {
		t.Run(name, func(t *testing.T) {
			h := newPool(t, PoolOptions{}).Host(startSSHD(t, lines...).target(t))
			dir := t.TempDir()
			must(t, os.Mkdir(filepath.Join(dir, "folder"), 0o700))
			for _, file := range []string{"one", "two"} {
				must(t, os.WriteFile(filepath.Join(dir, "folder", file), bytes.Repeat([]byte("x"), 500), 0o600))
			}
			to := filepath.Join(dir, "to")
			for _, from := range []struct {
				name string
				size int64
			}{{"folder", 1000}, {"folder/one", 500}} {
				err := h.Download(t.Context(), filepath.Join(dir, from.name), to, from.size-1)
				var long *TooLongError
				if !errors.As(err, &long) || event.Hint(err) == "" {
					t.Errorf("%s: %v", from.name, err)
				}
				if names := left(t, dir); len(names) > 0 {
					t.Errorf("left: %q", names)
				}
				must(t, h.Download(t.Context(), filepath.Join(dir, from.name), to, from.size))
				must(t, os.RemoveAll(to))
			}
		})
	}
}

// Names count, too: an empty file is more than nothing.
func TestUnpackCountsNames(t *testing.T) {
	archive := func(entries ...string) io.Reader {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		for _, name := range entries {
			must(t, w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o600}))
		}
		must(t, w.Close())
		return &b
	}
	few := newBudget("x", 0)
	few.names = 2
	if err := unpack(archive("a", "b", "c"), filepath.Join(t.TempDir(), "in"), few); err == nil || !strings.Contains(err.Error(), "names") {
		t.Error(err)
	}
	few = newBudget("x", 0)
	few.nameBytes = 3
	if err := unpack(archive("a", "b", "cd"), filepath.Join(t.TempDir(), "in"), few); err == nil || !strings.Contains(err.Error(), "names") {
		t.Error(err)
	}
}
