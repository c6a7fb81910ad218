//go:build unix

package main

import (
	"encoding/pem"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"runbook/recipes"
	"runbook/runtime/lab"
)

// raceOptions shorten the end of a runbook that was built with the race detector, which by default
// sleeps for a second to catch late goroutines. The stories run it hundreds of times.
const raceOptions = "GORACE=atexit_sleep_ms=10"

func TestMain(m *testing.M) {
	testscript.Main(removingShipped{m}, map[string]func(){"runbook": main})
}

// TestStories runs testdata/*.txtar. Each is a script with files, against its own two hosts, web1
// and web2. $HOSTS is their hosts file; $WEB1 and $WEB2 are their application folders.
func TestStories(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup:               withHosts,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"mkfifo":    mkfifo,
			"status":    status,
			"gitserver": gitServer,
			"push":      pushVersion,
			"webhook":   webhook,
			"httpsgit":  httpsGit,
		},
	})
}

// TestShippedTests runs the tests of the shipped recipes, with the shipped build: it takes half as
// long.
func TestShippedTests(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/slow",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			program, err := buildShipped()
			if err != nil {
				return err
			}
			tests, err := fs.Glob(recipes.Files, "*_test.lua")
			if err != nil {
				return err
			}
			env.Setenv("SHIPPED", program)
			env.Setenv("TESTS", strings.Join(tests, " "))
			return withHosts(env)
		},
	})
}

func withHosts(env *testscript.Env) error {
	l, err := lab.New("")
	if err != nil {
		return err
	}
	env.Defer(func() {
		if err := l.Close(); err != nil {
			env.T().Log("closing the lab: ", err)
			env.T().FailNow()
		}
	})
	for _, name := range []string{"web1", "web2"} {
		h, err := l.Host(name)
		if err != nil {
			return err
		}
		env.Setenv(map[string]string{"web1": "WEB1", "web2": "WEB2"}[name], h.Root)
	}
	home := filepath.Join(env.WorkDir, ".home")
	if err := os.MkdirAll(home, 0o700); err != nil {
		return err
	}
	env.Values[inProcessKey{}] = l
	env.Setenv("HOSTS", l.HostsFile())
	env.Setenv("HOME", home)
	env.Setenv("USER", "ada")
	env.Setenv("NO_COLOR", "1")
	setRaceOptions(env)
	return nil
}

func setRaceOptions(env *testscript.Env) {
	name, value, _ := strings.Cut(raceOptions, "=")
	env.Setenv(name, value)
}

// inProcessKey is the key under which a story keeps its lab.
type inProcessKey struct{}

// gitServer starts the lab's git server, and sets the variables to release from it: gitserver
// [python]. With the argument the system's Python creates the virtualenvs, otherwise the lab's.
func gitServer(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 1 || len(args) == 1 && args[0] != "python" {
		ts.Fatalf("usage: gitserver [python]")
	}
	l := ts.Value(inProcessKey{}).(*lab.Lab)
	_, err := l.GitServer()
	ts.Check(err)
	if len(args) == 0 {
		tools, err := l.Tools("python3")
		ts.Check(err)
		ts.Setenv("RUNBOOK_PYTHON", tools.Python)
		ts.Setenv("RUNBOOK_MOD_WSGI_EXPRESS", tools.ModWSGIExpress)
	}
	ts.Setenv("RUNBOOK_HOSTS", l.HostsFile())
	ts.Setenv("RUNBOOK_KNOWN_HOSTS", l.KnownHosts())
	ts.Setenv("RUNBOOK_REPO", l.RepoURL())
	ts.Setenv("RUNBOOK_KEY", l.DeployKey())
	ts.Setenv("RUNBOOK_PIP_ARG", "--no-index\n--find-links="+l.Wheels())
}

// pushVersion commits a version of the application: push 2.0.
func pushVersion(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: push VERSION")
	}
	_, err := ts.Value(inProcessKey{}).(*lab.Lab).Commit(args[0])
	ts.Check(err)
}

// webhook starts a web server that appends POST bodies to a file, except on /no: webhook FILE. $URL
// is its address.
func webhook(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: webhook FILE")
	}
	path := ts.MkAbs(args[0])
	ts.Check(os.WriteFile(path, nil, 0o600))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/no" {
			http.NotFound(w, r)
			return
		}
		body, err := io.ReadAll(r.Body)
		if f, openErr := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0o600); err == nil && openErr == nil {
			_, writeErr := f.Write(append(body, '\n'))
			err = errors.Join(writeErr, f.Close())
		} else {
			err = errors.Join(err, openErr)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	}))
	ts.Defer(server.Close)
	ts.Setenv("URL", server.URL+"/")
}

// mkfifo creates a named pipe. Reading it waits until a recipe writes to it, so no story has to
// sleep.
func mkfifo(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: mkfifo PATH")
	}
	ts.Check(syscall.Mkfifo(ts.MkAbs(args[0]), 0o600))
}

// status runs a command that must end with an exit status: status 2 runbook run x.lua.
func status(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status N COMMAND…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
}

// httpsGit serves the lab's repository to one login: httpsgit USER PASSWORD. $ADDRESS is its
// address, and ca.pem its certificate authority.
func httpsGit(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: httpsgit USER PASSWORD")
	}
	repo, err := ts.Value(inProcessKey{}).(*lab.Lab).Repo()
	ts.Check(err)
	programs, err := exec.Command("git", "--exec-path").Output()
	ts.Check(err)
	backend := &cgi.Handler{Path: filepath.Join(strings.TrimSpace(string(programs)), "git-http-backend"),
		Env: []string{"GIT_PROJECT_ROOT=" + filepath.Dir(repo.Bare), "GIT_HTTP_EXPORT_ALL=1"}}
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != args[0] || password != args[1] {
			w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
			http.Error(w, "no", http.StatusUnauthorized)
			return
		}
		backend.ServeHTTP(w, r)
	}))
	ts.Defer(server.Close)
	ts.Setenv("ADDRESS", strings.TrimPrefix(server.URL, "https://"))
	ts.Setenv("NAME", filepath.Base(repo.Bare))
	ts.Check(os.WriteFile(ts.MkAbs("ca.pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE",
		Bytes: server.Certificate().Raw}), 0o600))
}
