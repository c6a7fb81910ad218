//go:build unix

package transfer

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"runbook/runtime/event"
	"runbook/runtime/internal/sshtest"
	"runbook/runtime/ssh"
	"runbook/runtime/ssh/shell"
)

// packed returns the archive of a folder.
func packed(t *testing.T, u *upload) []byte {
	t.Helper()
	var b bytes.Buffer
	must(t, u.pack(&b))
	return b.Bytes()
}

// left returns the temporary names in a folder.
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

// A stream that ends early must be an error, wherever it ends. tar itself accepts one that ends
// between two entries.
func TestPartOfAStream(t *testing.T) {
	h := newPool(t, shell.Options{}).Localhost()
	dir := t.TempDir()
	source := filepath.Join(dir, "source")
	must(t, os.MkdirAll(filepath.Join(source, "shut"), 0o755))
	for _, name := range []string{"a", "b", "shut/c"} {
		must(t, os.WriteFile(filepath.Join(source, name), []byte(strings.Repeat(name, 300)), 0o644))
	}
	to := filepath.Join(dir, "to")
	for _, length := range []int{0, 512, 1024, 2048, 4096, 5000} {
		u, err := newUpload(t.Context(), h, source, to, UploadOptions{})
		must(t, err)
		all := packed(t, u)
		if length >= len(all) {
			t.Fatalf("the archive has %d bytes", len(all))
		}
		if err := u.stream("folder", 0, bytes.NewReader(all[:length]), nil); err == nil {
			t.Errorf("the first %d bytes of %d were accepted", length, len(all))
		}
	}
	file := filepath.Join(dir, "file")
	must(t, os.WriteFile(file, []byte("old"), 0o600))
	u, err := newUpload(t.Context(), h, file, file, UploadOptions{})
	must(t, err)
	if err := u.stream("file", 10, strings.NewReader("new"), nil); err == nil ||
		!strings.Contains(err.Error(), "changed while") {
		t.Errorf("part of a file: %v", err)
	}
	if b, err := os.ReadFile(file); err != nil || string(b) != "old" {
		t.Errorf("the old file is %q, %v", b, err)
	}
	if names := left(t, dir); len(names) > 0 {
		t.Errorf("left: %q", names)
	}
}

// hostWith returns this machine as a host with only the named programs.
func hostWith(t *testing.T, names ...string) (*shell.Host, context.Context) {
	t.Helper()
	bin := t.TempDir()
	for _, name := range names {
		program, err := exec.LookPath(name)
		must(t, err)
		must(t, os.Symlink(program, filepath.Join(bin, name)))
	}
	h := newPool(t, shell.Options{}).Localhost()
	return h, shell.WithEnv(t.Context(), h, map[string]string{"PATH": bin})
}

// A host without tar still takes files. For a folder the error names what is missing.
func TestTransferWithoutTar(t *testing.T) {
	h, ctx := hostWith(t, "rm", "chmod", "find", "head", "stat", "mv", "cat", "wc")
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	must(t, os.WriteFile(file, []byte("text"), 0o640))
	must(t, sent(Upload(ctx, h, file, filepath.Join(dir, "up"), UploadOptions{})))
	must(t, Download(ctx, h, filepath.Join(dir, "up"), filepath.Join(dir, "down"), DownloadOptions{Max: plenty}))
	if b, err := os.ReadFile(filepath.Join(dir, "down")); err != nil || string(b) != "text" {
		t.Errorf("%q, %v", b, err)
	}
	folder := t.TempDir()
	for _, err := range []error{sent(Upload(ctx, h, folder, filepath.Join(dir, "folder"), UploadOptions{})),
		Download(ctx, h, folder, filepath.Join(dir, "folder"), DownloadOptions{Max: plenty})} {
		if !errors.Is(err, errNoTar) || !strings.Contains(event.Hint(err), "install") {
			t.Errorf("%v, hint %q", err, event.Hint(err))
		}
	}
	if names := left(t, dir); len(names) > 0 {
		t.Errorf("left: %q", names)
	}
}

// Neither an interrupt nor a lost connection leaves anything but the old file.
func TestTransferInterrupted(t *testing.T) {
	server, dir := sshtest.Start(t), t.TempDir()
	big, to := filepath.Join(dir, "big"), filepath.Join(dir, "to")
	must(t, os.WriteFile(big, nil, 0o600))
	must(t, os.Truncate(big, 1<<40))
	for name, stop := range map[string]func(context.CancelFunc){
		"interrupt": func(cancel context.CancelFunc) { cancel() },
		"loss":      func(context.CancelFunc) { server.DropConnections(t) },
	} {
		must(t, os.WriteFile(to, []byte("old"), 0o600))
		h := newPool(t, shell.Options{}).Host(server.Target(t))
		must(t, h.Connect(t.Context()))
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- sent(Upload(ctx, h, big, to, UploadOptions{})) }()
		sshtest.Eventually(t, "it is on its way", func() bool { return len(left(t, dir)) > 0 })
		stop(cancel)
		err := <-ended
		cancel()
		var lost *shell.LostError
		if !errors.Is(err, context.Canceled) && !errors.As(err, &lost) {
			t.Errorf("%s: %v", name, err)
		}
		if b, err := os.ReadFile(to); err != nil || string(b) != "old" {
			t.Errorf("%s: the old file is %q, %v", name, b, err)
		}
		sshtest.Eventually(t, name+": nothing is left", func() bool { return len(left(t, dir)) == 0 })
	}
}

// An archive comes from the host. Nothing in it may be written outside of the folder.
func TestUnpackStaysInside(t *testing.T) {
	for name, entries := range map[string][]tar.Header{
		"a way up":      {{Name: "../out", Typeflag: tar.TypeReg}},
		"from the root": {{Name: "/out", Typeflag: tar.TypeReg}},
		"through a link": {{Name: "link", Linkname: "..", Typeflag: tar.TypeSymlink},
			{Name: "link/out", Typeflag: tar.TypeReg}},
		"folder in link": {{Name: "link", Linkname: "..", Typeflag: tar.TypeSymlink},
			{Name: "link/out", Typeflag: tar.TypeDir}},
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
		if err := unpack(&b, filepath.Join(dir, "in"), newBudget("x", plenty)); err == nil {
			t.Errorf("%s was accepted", name)
		}
		if _, err := os.Lstat(filepath.Join(dir, "out")); err == nil {
			t.Errorf("%s: something was written outside", name)
		}
	}
}

// A sparse file of 1 TiB takes 10 KiB in an archive. Files with holes are refused in every format.
func TestUnpackRefusesSparseFiles(t *testing.T) {
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "hole"), nil, 0o600))
	must(t, os.Truncate(filepath.Join(dir, "hole"), 1<<40))
	for _, args := range [][]string{{"--format=gnu"}, {"--format=posix"}, {"--format=posix", "--sparse-version=0.0"},
		{"--format=posix", "--sparse-version=0.1"}} {
		archive, err := exec.Command("tar", append(args, "-S", "-C", dir, "-cf", "-", "hole")...).Output()
		must(t, err)
		in := filepath.Join(t.TempDir(), "in")
		if err := unpack(bytes.NewReader(archive), in, newBudget("x", plenty)); err == nil ||
			!strings.Contains(err.Error(), "hole") || event.Hint(err) == "" {
			t.Errorf("%v: %v", args, err)
		}
		if info, err := os.Stat(filepath.Join(in, "hole")); err == nil {
			t.Errorf("%v: %d bytes were written", args, info.Size())
		}
	}
}

// The limit counts what is written, whatever the host announces.
func TestDownloadLimit(t *testing.T) {
	h := newPool(t, shell.Options{}).Localhost()
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
		err := Download(t.Context(), h, filepath.Join(dir, from.name), to, DownloadOptions{Max: from.size - 1})
		var long *ssh.TooLongError
		if !errors.As(err, &long) || event.Hint(err) == "" {
			t.Errorf("%s: %v", from.name, err)
		}
		if names := left(t, dir); len(names) > 0 {
			t.Errorf("left: %q", names)
		}
		must(t, Download(t.Context(), h, filepath.Join(dir, from.name), to, DownloadOptions{Max: from.size}))
		must(t, os.RemoveAll(to))
	}
}

// Names count too: empty files also take room.
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
	if err := unpack(archive("a", "b", "c"), filepath.Join(t.TempDir(), "in"), few); err == nil ||
		!strings.Contains(err.Error(), "names") {
		t.Error(err)
	}
	few = newBudget("x", 0)
	few.nameBytes = 3
	if err := unpack(archive("a", "b", "cd"), filepath.Join(t.TempDir(), "in"), few); err == nil ||
		!strings.Contains(err.Error(), "names") {
		t.Error(err)
	}
}
