//go:build unix

package transfer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"runbook/runtime/event"
	"runbook/runtime/ssh/shell"
)

// tree lists a folder: names, types, modes and contents.
func tree(t *testing.T, root string) []string {
	t.Helper()
	var list []string
	must(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		must(t, err)
		info, err := d.Info()
		must(t, err)
		rel, err := filepath.Rel(root, path)
		must(t, err)
		text := ""
		switch {
		case info.Mode().IsRegular():
			b, err := os.ReadFile(path)
			must(t, err)
			text = string(b)
		case info.Mode()&fs.ModeSymlink != 0:
			text, err = os.Readlink(path)
			must(t, err)
		}
		list = append(list, fmt.Sprintf("%s %v %s", rel, info.Mode(), text))
		return nil
	}))
	return list
}

// sent returns the error of an upload.
func sent(_ bool, err error) error { return err }

func TestTransfer(t *testing.T) {
	onEach(t, func(t *testing.T, h *shell.Host) {
		ctx := t.Context()
		dir := t.TempDir()
		source := filepath.Join(dir, "source")
		must(t, os.MkdirAll(filepath.Join(source, "sub", "empty"), 0o755))
		must(t, os.WriteFile(filepath.Join(source, "run it"), []byte("#!/bin/sh\n"), 0o751))
		must(t, os.WriteFile(filepath.Join(source, "sub", "big"), []byte(strings.Repeat("x", 300000)), 0o600))
		must(t, os.Symlink("../run it", filepath.Join(source, "sub", "link")))
		must(t, os.Chmod(filepath.Join(source, "sub"), 0o555))
		t.Cleanup(func() { // so that the folder can be removed
			must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
				if err == nil && d.IsDir() {
					return os.Chmod(path, 0o755)
				}
				return err
			}))
		})
		want := tree(t, source)
		up, down := filepath.Join(dir, "up"), filepath.Join(dir, "down")
		must(t, sent(Upload(ctx, h, source, up, UploadOptions{})))
		must(t, Download(ctx, h, up, down, DownloadOptions{Max: plenty}))
		for _, d := range []string{up, down} {
			if got := tree(t, d); !slices.Equal(got, want) {
				t.Errorf("%s: got %.300q, want %.300q", d, got, want)
			}
		}
		// A folder replaces nothing. A file replaces a file, with its own mode or the given one.
		if err := sent(Upload(ctx, h, source, up, UploadOptions{})); err == nil || event.Hint(err) == "" {
			t.Errorf("a folder was replaced: %v", err)
		}
		if err := Download(ctx, h, up, down, DownloadOptions{Max: plenty}); err == nil {
			t.Error("a local folder was replaced")
		}
		if err := sent(Upload(ctx, h, filepath.Join(source, "run it"), up, UploadOptions{})); err == nil {
			t.Error("a folder was replaced by a file")
		}
		file := filepath.Join(dir, "file")
		must(t, os.WriteFile(file, []byte("old"), 0o600))
		must(t, sent(Upload(ctx, h, filepath.Join(source, "run it"), file, UploadOptions{Mode: 0o640})))
		info, err := os.Stat(file)
		must(t, err)
		if b, err := os.ReadFile(file); err != nil || string(b) != "#!/bin/sh\n" || info.Mode().Perm() != 0o640 {
			t.Errorf("%q, %v, %v", b, info.Mode(), err)
		}
		for _, err := range []error{sent(Upload(ctx, h, filepath.Join(dir, "none"), file, UploadOptions{})),
			sent(Upload(ctx, h, file, "/does/not/exist/x", UploadOptions{})),
			Download(ctx, h, "/does/not/exist", filepath.Join(dir, "x"), DownloadOptions{Max: plenty})} {
			if !errors.Is(err, fs.ErrNotExist) && !strings.Contains(err.Error(), "this machine has no /") {
				t.Errorf("%v", err)
			}
		}
		stopped, cancel := context.WithCancel(ctx)
		cancel()
		if err := sent(Upload(stopped, h, source, filepath.Join(dir, "stopped"), UploadOptions{})); !errors.Is(err,
			context.Canceled) {
			t.Errorf("interrupted: %v", err)
		}
		// A transfer that fails halfway leaves nothing either.
		odd := filepath.Join(dir, "odd")
		must(t, os.Mkdir(odd, 0o755))
		must(t, os.WriteFile(filepath.Join(odd, "a"), []byte("a"), 0o600))
		must(t, syscall.Mkfifo(filepath.Join(odd, "b"), 0o600))
		for _, err := range []error{sent(Upload(ctx, h, odd, filepath.Join(dir, "stopped"), UploadOptions{})),
			Download(ctx, h, odd, filepath.Join(dir, "stopped"), DownloadOptions{Max: plenty})} {
			if err == nil || !strings.Contains(err.Error(), "is not a file, folder or link") {
				t.Errorf("a pipe was copied: %v", err)
			}
		}
		entries, err := os.ReadDir(dir)
		must(t, err)
		for _, e := range entries {
			if strings.Contains(e.Name(), ".runbook-") || e.Name() == "stopped" {
				t.Errorf("%s was left", e.Name())
			}
		}
	})
}
