package git_test

import (
	"context"
	"encoding/pem"
	"io/fs"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"runbook/runtime/event"
	"runbook/runtime/git"
	"runbook/runtime/ssh/shell"
)

// httpsServer is a git server that accepts one user.
type httpsServer struct {
	*httptest.Server
	user, password string

	mu    sync.Mutex
	tried []string // USER:PASSWORD of each request that had them
}

func (s *httpsServer) logins() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	tried := s.tried
	s.tried = nil
	return tried
}

// serveHTTPS serves the bench's repositories.
func (b *bench) serveHTTPS(user, password string) *httpsServer {
	s := &httpsServer{user: user, password: password}
	backend := &cgi.Handler{Path: b.run("--exec-path") + "/git-http-backend",
		Env: []string{"GIT_PROJECT_ROOT=" + b.dir, "GIT_HTTP_EXPORT_ALL=1"}}
	s.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, ok := r.BasicAuth()
		if ok {
			s.mu.Lock()
			s.tried = append(s.tried, user+":"+password)
			s.mu.Unlock()
		}
		if user != s.user || password != s.password {
			w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
			http.Error(w, "no", http.StatusUnauthorized)
			return
		}
		backend.ServeHTTP(w, r)
	}))
	b.Cleanup(s.Close)
	return s
}

// believing returns a context in which the host's git trusts the server and has a home folder with
// this configuration.
func (s *httpsServer) believing(b *bench, config string) (ctx context.Context, home string) {
	b.Helper()
	home = b.TempDir()
	b.write(filepath.Join(home, "ca.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE",
		Bytes: s.Certificate().Raw})))
	b.write(filepath.Join(home, ".gitconfig"), config)
	return shell.WithEnv(b.ctx, b.host, map[string]string{"HOME": home, "GIT_SSL_CAINFO": filepath.Join(home, "ca.pem"),
		"GIT_CONFIG_NOSYSTEM": "1"}), home
}

// at returns the URL of the bench's repository with this user-info.
func (s *httpsServer) at(info string) string {
	return strings.Replace(s.URL, "https://", "https://"+info, 1) + "/app.git"
}

// found returns the files under dir that contain word.
func found(t *testing.T, dir, word string) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		if err == nil && strings.Contains(string(text), word) {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestHTTPSLogin: the login of an https URL reaches the git server, but it appears in no file,
// command line or event on the way.
func TestHTTPSLogin(t *testing.T) {
	for name, test := range map[string]struct{ user, password, info string }{
		"a password":        {"deploy", "p@ss'w$rd", "deploy:p%40ss'w$rd@"},
		"a token":           {"t0ken-0123456789", "", "t0ken-0123456789@"},
		"a token, no more":  {"t0ken-0123456789", "", "t0ken-0123456789:@"},
		"a name with an at": {"ada@example.org", "secret99", "ada%40example.org:secret99@"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			revision := b.commit("release", "release")
			s := b.serveHTTPS(test.user, test.password)
			// The host's own credential helper, which stores what it learns.
			ctx, home := s.believing(b, "[credential]\n\thelper = store\n")
			trace := filepath.Join(t.TempDir(), "trace") // of each program that git runs, with its arguments
			ctx = shell.WithEnv(ctx, b.host, map[string]string{"GIT_TRACE": trace})
			url := s.at(test.info)
			if err := b.git.Reach(ctx, b.host, url); err != nil {
				t.Fatal(err)
			}
			if got, err := b.git.Resolve(ctx, b.host, url, "release"); err != nil || got != revision {
				t.Fatalf("%s, %v", got, err)
			}
			root := b.dir + "/root"
			if err := os.Mkdir(root, 0o755); err != nil {
				t.Fatal(err)
			}
			if made, err := b.git.Mirror(ctx, b.host,
				git.MirrorOptions{Repo: url, Path: root + "/repo.git"}); err != nil || !made {
				t.Fatal(made, err)
			}
			for name, o := range map[string]git.CloneOptions{"mirror": {Mirror: root + "/repo.git"}, "server": {},
				"depth": {Depth: 1}} {
				o.Repo, o.Revision, o.Into = url, revision, root+"/from-"+name
				if err := b.git.Clone(ctx, b.host, o); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				if origin := b.run("-C", o.Into, "remote", "get-url", "origin"); origin != s.at("") {
					t.Errorf("%s: origin is %s", name, origin)
				}
			}
			secret := test.password
			if secret == "" {
				secret = test.user
			}
			for _, dir := range []string{root, home} {
				if files := found(t, dir, secret); len(files) > 0 {
					t.Errorf("%q is in %v", secret, files)
				}
			}
			if _, err := os.Stat(filepath.Join(home, ".git-credentials")); err == nil {
				t.Error("the host's own helper wrote the login down")
			}
			if seen := b.read(trace); strings.Contains(seen, secret) || !strings.Contains(seen, "remote-https") {
				t.Errorf("command lines on the host: %s", seen)
			}
			for _, kind := range []event.Kind{event.CommandBegun, event.CommandEnded, event.Changed} {
				if said := strings.Join(b.texts(kind), "\n"); strings.Contains(said, secret) {
					t.Errorf("events: %s", said)
				}
			}
			for _, login := range s.logins() {
				if login != test.user+":"+test.password {
					t.Errorf("logged in as %s", login)
				}
			}
		})
	}
}

func TestHTTPSLoginRefused(t *testing.T) {
	b := newBench(t)
	s, other := b.serveHTTPS("deploy", "right"), b.serveHTTPS("deploy", "right")
	ctx, home := s.believing(b, "[credential]\n\thelper = store\n")
	stored := strings.Replace(s.URL, "https://", "https://deploy:right@", 1) + "\n"
	_, err := b.git.Resolve(ctx, b.host, s.at("deploy:wrong1@"), "main")
	b.fails(err, "the git server refused the login", "in the repository's URL")
	if strings.Contains(err.Error(), "wrong1") {
		t.Errorf("the error shows the password: %v", err)
	}
	_, err = b.git.Resolve(ctx, b.host, s.at("deploy@"), "main")
	b.fails(err, "the git server refused the login", "in the repository's URL")

	// The host's own helper is asked only about a user without a password, and its store does not
	// change.
	b.write(filepath.Join(home, ".git-credentials"), stored)
	if _, err := b.git.Resolve(ctx, b.host, s.at("deploy@"), "main"); err != nil {
		t.Error(err)
	}
	_, err = b.git.Resolve(ctx, b.host, s.at("deploy:wrong1@"), "main")
	b.fails(err, "the git server refused the login", "")
	if text := b.read(filepath.Join(home, ".git-credentials")); text != stored {
		t.Errorf("stored: %s", text)
	}
	if _, err := b.git.Resolve(ctx, b.host, s.at(""), "main"); err != nil { // only the host's own helper has the login
		t.Error(err)
	}

	// A redirect to another server does not take the login there.
	s.logins()
	moved := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL+r.URL.RequestURI(), http.StatusMovedPermanently)
	}))
	defer moved.Close()
	b.write(filepath.Join(home, ".git-credentials"), "")
	_, err = b.git.Resolve(ctx, b.host, strings.Replace(moved.URL, "https://", "https://deploy:right@", 1)+"/app.git",
		"main")
	b.fails(err, "the git server refused the login", "")
	if tried := other.logins(); len(tried) > 0 {
		t.Errorf("another server got %v", tried)
	}
}
