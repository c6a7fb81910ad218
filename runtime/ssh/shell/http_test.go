package shell

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"runbook/runtime/internal/sshtest"
	"runbook/runtime/ssh/web"
)

func TestHTTP(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter,
		*http.Request) {
		t.Error("a redirect to another server was followed")
	}))
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
		get := func(path string, limit time.Duration) (web.Response, error) {
			return h.HTTP(t.Context(), web.Request{URL: server.URL + path, Headers: map[string]string{"X-Ask": "me"},
				Timeout: limit}, "")
		}
		for _, path := range []string{"/", "/moved"} {
			r, err := get(path, 10*time.Second)
			if err != nil || r.Status != http.StatusTeapot || r.Body != "short and stout" ||
				r.Headers["x-asked"] != "me" {
				t.Errorf("%s: %+v, %v", path, r, err)
			}
		}
		for _, path := range []string{"/away", "/secure"} {
			if r, err := get(path, 10*time.Second); err != nil || r.Status != http.StatusFound {
				t.Errorf("%s: %+v, %v", path, r, err)
			}
		}
		if r, err := get("/big", 10*time.Second); err != nil || len(r.Body) != 1<<20 {
			t.Errorf("big: %d, %v", len(r.Body), err)
		}
		if _, err := get("/slow", 200*time.Millisecond); err == nil || !strings.Contains(err.Error(), "within 200ms") {
			t.Errorf("slow: %v", err)
		}
		for _, address := range []string{"127.0.0.1:80", "ftp://127.0.0.1/",
			fmt.Sprintf("http://127.0.0.1:%d/", sshtest.FreePort(t))} {
			if _, err := h.HTTP(t.Context(), web.Request{URL: address, Timeout: 10 * time.Second}, ""); err == nil {
				t.Errorf("%s answered", address)
			}
		}
	}
	onEach(t, ask)
	// Hardening guides forbid tunnels. Then Python relays.
	t.Run("without tunnels", func(t *testing.T) {
		s := sshtest.Start(t, "AllowTcpForwarding no", "DisableForwarding yes")
		h := newPool(t, Options{}).Host(s.Target(t))
		ask(t, h)
		if left := pids(t, relayProgram); left != "" {
			t.Errorf("left on the host: %s", left)
		}
	})
}

// pids waits until no process has text in its command line, and returns those that remain.
func pids(t *testing.T, text string) string {
	t.Helper()
	var left []string
	sshtest.Eventually(t, "the processes end", func() bool {
		left = nil
		files, err := filepath.Glob("/proc/[0-9]*/cmdline")
		must(t, err)
		for _, file := range files {
			if line, err := os.ReadFile(file); err == nil &&
				strings.Contains(string(line), text) { // it may have ended meanwhile
				left = append(left, filepath.Base(filepath.Dir(file)))
			}
		}
		return len(left) == 0
	})
	return strings.Join(left, " ")
}
