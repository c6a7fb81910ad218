package lab_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The lab's Python creates working virtualenvs, whose pip installs from the lab's wheels.
func TestTools(t *testing.T) {
	l := newLab(t, "web1")
	tools, err := l.Tools("python3")
	if err != nil {
		t.Fatal(err)
	}
	env := filepath.Join(l.Root("web1"), "venv")
	inside := func(argv ...string) string {
		t.Helper()
		out, err := l.Inside("web1", argv...)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	inside(tools.Python, "-m", "venv", env)
	requirements := filepath.Join(l.Dir, "requirements.txt")
	if err := os.WriteFile(requirements, []byte("greeting==2.0 # a comment\nno_such>=1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	out := inside(env+"/bin/python", "-m", "pip", "install", "--no-input", "-r", requirements,
		"--find-links="+l.Wheels())
	if !strings.Contains(out, "installed greeting-2.0-") || !strings.Contains(out, "passed over no_such>=1") {
		t.Errorf("pip said %q", out)
	}
	if got := inside(env+"/bin/python", "-c",
		"import greeting, sys; print(greeting.VERSION, sys.prefix)"); got != "2.0 "+env {
		t.Errorf("got %q", got)
	}
	if got := inside(env+"/bin/python", "-m", "pip", "install", "--find-links="+l.Wheels(),
		"mod_wsgi"); !strings.Contains(got, "installed mod_wsgi-") {
		t.Errorf("got %q", got)
	}
	if out, err := l.Inside("web1", env+"/bin/mod_wsgi-express"); err == nil ||
		!strings.Contains(err.Error(), "Invalid command was specified") {
		t.Errorf("mod_wsgi-express in the virtualenv: %q, %v", out, err)
	}
	if got := inside(env+"/bin/pip", "--version"); !strings.Contains(got, "stand-in") {
		t.Errorf("got %q", got)
	}
	server := filepath.Join(l.Root("web1"), "server")
	inside(tools.ModWSGIExpress, "setup-server", "wsgi.py", "--server-root", server, "--user", "nobody", "--group",
		"nogroup")
	if _, err := os.Stat(filepath.Join(server, "apachectl")); err != nil {
		t.Error(err)
	}
	if _, err := l.EmptyRepo(); err == nil || !strings.Contains(err.Error(), "already") {
		t.Errorf("a second repository: %v", err)
	}
}
