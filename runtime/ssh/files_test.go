package ssh

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"runbook/runtime/event"
)

// tree describes a folder: names, kinds, modes and contents.
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

// sent is the error of an upload.
func sent(_ bool, err error) error { return err }

func TestTransfer(t *testing.T) {
	onEach(t, func(t *testing.T, h *Host) {
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
		must(t, sent(h.Upload(ctx, source, up, UploadOptions{})))
		must(t, h.Download(ctx, up, down, DefaultDownload))
		for _, d := range []string{up, down} {
			if got := tree(t, d); !slices.Equal(got, want) {
				t.Errorf("%s: got %.300q, want %.300q", d, got, want)
			}
		}
		// A folder replaces nothing; a file replaces a file, with a mode of its own or a stated one.
		if err := sent(h.Upload(ctx, source, up, UploadOptions{})); err == nil || event.Hint(err) == "" {
			t.Errorf("a folder was replaced: %v", err)
		}
		if err := h.Download(ctx, up, down, DefaultDownload); err == nil {
			t.Error("a local folder was replaced")
		}
		if err := sent(h.Upload(ctx, filepath.Join(source, "run it"), up, UploadOptions{})); err == nil {
			t.Error("a folder was replaced by a file")
		}
		file := filepath.Join(dir, "file")
		must(t, os.WriteFile(file, []byte("old"), 0o600))
		must(t, sent(h.Upload(ctx, filepath.Join(source, "run it"), file, UploadOptions{Mode: 0o640})))
		info, err := os.Stat(file)
		must(t, err)
		if b, err := os.ReadFile(file); err != nil || string(b) != "#!/bin/sh\n" || info.Mode().Perm() != 0o640 {
			t.Errorf("%q, %v, %v", b, info.Mode(), err)
		}
		for _, err := range []error{sent(h.Upload(ctx, filepath.Join(dir, "none"), file, UploadOptions{})), sent(h.Upload(ctx, file, "/does/not/exist/x", UploadOptions{})), h.Download(ctx, "/does/not/exist", filepath.Join(dir, "x"), DefaultDownload)} {
			if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "/") {
				t.Errorf("%v", err)
			}
		}
		stopped, cancel := context.WithCancel(ctx)
		cancel()
		if err := sent(h.Upload(stopped, source, filepath.Join(dir, "stopped"), UploadOptions{})); !errors.Is(err, context.Canceled) {
			t.Errorf("interrupted: %v", err)
		}
		// One that fails halfway leaves nothing either.
		odd := filepath.Join(dir, "odd")
		must(t, os.Mkdir(odd, 0o755))
		must(t, os.WriteFile(filepath.Join(odd, "a"), []byte("a"), 0o600))
		must(t, syscall.Mkfifo(filepath.Join(odd, "b"), 0o600))
		for _, err := range []error{sent(h.Upload(ctx, odd, filepath.Join(dir, "stopped"), UploadOptions{})), h.Download(ctx, odd, filepath.Join(dir, "stopped"), DefaultDownload)} {
			if err == nil || !strings.Contains(err.Error(), "is no file, folder or link") {
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

func TestNoSFTP(t *testing.T) {
	h := newPool(t, PoolOptions{}).Host(startSSHD(t, "Subsystem other internal-sftp").target(t))
	_, err := h.Files(t.Context())
	if err == nil || !strings.Contains(err.Error(), "offers no sftp") || !strings.Contains(event.Hint(err), "Subsystem sftp") {
		t.Errorf("%v, hint %q", err, event.Hint(err))
	}
	run(t, h, Command{Script: "true"})
}

func TestHTTP(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a redirect led elsewhere") }))
	defer elsewhere.Close()
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/moved":
			http.Redirect(w, r, "/", http.StatusFound)
		case "/away":
			http.Redirect(w, r, elsewhere.URL, http.StatusFound)
		case "/secure":
			http.Redirect(w, r, "https://"+r.Host+"/", http.StatusFound)
		case "/slow":
			<-release
		case "/big":
			_, _ = w.Write(make([]byte, 3<<20))
		default:
			w.Header().Set("X-Asked", r.Header.Get("X-Ask"))
			w.WriteHeader(http.StatusTeapot)
			_, _ = w.Write([]byte("short and stout"))
		}
	}))
	defer server.Close()
	defer close(release)
	ask := func(t *testing.T, h *Host) {
		get := func(path string, limit time.Duration) (Response, error) {
			return h.HTTP(t.Context(), server.URL+path, map[string]string{"X-Ask": "me"}, limit)
		}
		for _, path := range []string{"/", "/moved"} {
			r, err := get(path, 10*time.Second)
			if err != nil || r.Status != http.StatusTeapot || r.Body != "short and stout" || r.Headers["x-asked"] != "me" {
				t.Errorf("%s: %+v, %v", path, r, err)
			}
		}
		for _, path := range []string{"/away", "/secure"} {
			if r, err := get(path, 10*time.Second); err != nil || r.Status != http.StatusFound {
				t.Errorf("%s: %+v, %v", path, r, err)
			}
		}
		if r, err := get("/big", 10*time.Second); err != nil || len(r.Body) != mostBody {
			t.Errorf("big: %d, %v", len(r.Body), err)
		}
		if _, err := get("/slow", 200*time.Millisecond); err == nil || !strings.Contains(err.Error(), "within 200ms") {
			t.Errorf("slow: %v", err)
		}
		for _, address := range []string{"127.0.0.1:80", "ftp://127.0.0.1/", fmt.Sprintf("http://127.0.0.1:%d/", freePort(t))} {
			if _, err := h.HTTP(t.Context(), address, nil, 10*time.Second); err == nil {
				t.Errorf("%s answered", address)
			}
		}
	}
	onEach(t, ask)
	// As hardening guides have it, by whatever program the log-in shell is.
	t.Run("without tunnels", func(t *testing.T) {
		s := startSSHD(t, "AllowTcpForwarding no", "DisableForwarding yes")
		h := newPool(t, PoolOptions{}).Host(s.target(t))
		ask(t, h)
		if left := pids(t, relayProgram); left != "" {
			t.Errorf("left on the host: %s", left)
		}
	})
}

// pids lists the processes that have a text in their command line.
func pids(t *testing.T, text string) string {
	t.Helper()
	var left []string
	eventually(t, "they end", func() bool {
		left = nil
		files, err := filepath.Glob("/proc/[0-9]*/cmdline")
		must(t, err)
		for _, file := range files {
			if line, err := os.ReadFile(file); err == nil && strings.Contains(string(line), text) { // it may have ended meanwhile
				left = append(left, filepath.Base(filepath.Dir(file)))
			}
		}
		return len(left) == 0
	})
	return strings.Join(left, " ")
}
