package lab_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	gossh "golang.org/x/crypto/ssh"

	"runbook/runtime/lab"
	"runbook/runtime/lab/labtest"
)

// site is a host with two releases, for a server root that the stand-in sets up.
type site struct {
	*testing.T
	lab    *labtest.Lab
	host   *lab.Host
	client *gossh.Client
}

// newSite creates the releases one and two. current points to one.
func newSite(t *testing.T) *site {
	t.Helper()
	l := labtest.Start(t, "web1")
	h := l.Hosts[0]
	s := &site{T: t, lab: l, host: h, client: dial(t, l, h)}
	app, err := os.ReadFile("app/wsgi.py")
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{"one", "two"} {
		folder := filepath.Join(h.Root, "releases", name)
		for path, content := range map[string]string{
			"wsgi.py": string(app), "lib/greeting/__init__.py": fmt.Sprintf("VERSION = '%d.0'\n", i+1),
		} {
			path = filepath.Join(folder, path)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		// mod_wsgi detects a switch by the file's modification time.
		at := time.Date(2026, 1, 1+i, 0, 0, 0, 0, time.UTC)
		if err := os.Chtimes(filepath.Join(folder, "wsgi.py"), at, at); err != nil {
			t.Fatal(err)
		}
	}
	s.point("one")
	return s
}

func (s *site) point(release string) {
	s.Helper()
	current := filepath.Join(s.host.Root, "current")
	if err := os.RemoveAll(current); err != nil {
		s.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(s.host.Root, "releases", release), current); err != nil {
		s.Fatal(err)
	}
}

// setup runs setup-server for current, with the libraries of the release that current points to.
func (s *site) setup(processes int) string {
	s.Helper()
	current := filepath.Join(s.host.Root, "current")
	real, err := os.Readlink(current)
	if err != nil {
		s.Fatal(err)
	}
	here, err := filepath.Abs("standin/mod_wsgi_express.py")
	if err != nil {
		s.Fatal(err)
	}
	owner := ""
	if os.Getuid() == 0 {
		owner = "--user www-data --group www-data"
	}
	return output(s.T, s.client, fmt.Sprintf("python3 %s setup-server %s/wsgi.py --server-root %s/server --port %d "+
		"--processes %d --threads 2 --python-path %s/lib --working-directory %s %s",
		here, current, s.host.Root, s.host.AppPort, processes, real, current, owner))
}

func (s *site) ctl(action string) string {
	s.Helper()
	return output(s.T, s.client, s.host.Root+"/server/apachectl "+action)
}

func (s *site) get(path string) (string, error) {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get(fmt.Sprintf("http://127.0.0.1:%d%s", s.host.AppPort, path))
	if err != nil {
		return "", err
	}
	body, err := io.ReadAll(response.Body)
	if err := response.Body.Close(); err != nil {
		return "", err
	}
	return strings.TrimSpace(string(body)), err
}

// serves waits until an answer begins with want, and returns it.
func (s *site) serves(want string) string {
	s.Helper()
	var got string
	s.eventually("serve "+want, func() bool {
		var err error
		got, err = s.get("/")
		return err == nil && strings.HasPrefix(got, want)
	})
	return got
}

// daemons waits for a number of daemon processes.
func (s *site) daemons(want int) {
	s.Helper()
	s.eventually(fmt.Sprintf("have %d daemon processes", want), func() bool {
		n := 0
		for _, p := range s.processes() {
			if strings.HasPrefix(p.Command, "(wsgi:") {
				n++
			}
		}
		return n == want
	})
}

func (s *site) processes() []lab.Process {
	s.Helper()
	found, err := s.lab.Processes.List()
	if err != nil {
		s.Fatal(err)
	}
	return found
}

func (s *site) eventually(what string, holds func() bool) {
	s.Helper()
	if within(holds) {
		return
	}
	answer, err := s.get("/")
	log, logErr := os.ReadFile(filepath.Join(s.host.Root, "server", "error_log"))
	s.Fatalf("did not %s: answer %q, %v, processes %v, error log %v:\n%s", what, answer, err, s.processes(), logErr,
		log)
}

// As with the real mod_wsgi-express, a switch affects the script at once, and the libraries after
// a graceful restart.
func TestStandInRunsApache(t *testing.T) {
	for path, debian := range map[string]string{
		"/usr/sbin/apache2": "apache2", "/usr/lib/apache2/modules/mod_wsgi.so": "libapache2-mod-wsgi-py3",
	} {
		if _, err := os.Stat(path); err != nil {
			t.Fatalf("%s is missing: install the Debian package %s", path, debian)
		}
	}
	s := newSite(t)
	if out := s.setup(2); !strings.Contains(out, "Control Script     : "+s.host.Root+"/server/apachectl") {
		t.Errorf("setup-server says %q", out)
	}
	if left := s.processes(); len(left) != 0 {
		t.Errorf("setup-server started something: %v", left)
	}
	if out := s.ctl("configtest"); out != "Syntax OK" {
		t.Errorf("configtest: %s", out)
	}
	s.ctl("start")
	s.serves("greeting 1.0, release one, process ")
	s.daemons(2)
	if got, err := s.get("/health"); err != nil || got != "ok" {
		t.Errorf("/health: %q, %v", got, err)
	}
	s.point("two")
	s.serves("greeting 1.0, release two, process ")
	s.setup(4)
	s.daemons(2) // written, but not loaded yet
	s.ctl("graceful")
	s.serves("greeting 2.0, release two, process ")
	s.daemons(4)
	s.ctl("stop")
	s.eventually("leave no process", func() bool { return len(s.processes()) == 0 })
}

func TestStandInWithoutApache(t *testing.T) {
	s := newSite(t)
	s.host.Setenv("HTTPD", "/nonexistent/apache2")
	s.setup(2)
	if out := s.ctl("start"); !strings.Contains(out, "Debian package apache2") {
		t.Errorf("start does not say what is missing: %q", out)
	}
	first := s.serves("greeting 1.0, release one, process ")
	if out := s.ctl("start"); !strings.Contains(out, "already running") {
		t.Errorf("a second start: %q", out)
	}
	s.point("two")
	s.serves("greeting 1.0, release two, process ")
	s.setup(2)
	s.ctl("graceful")
	second := s.serves("greeting 2.0, release two, process ")
	if pid := first[strings.LastIndex(first, " "):]; !strings.HasSuffix(second, pid) {
		t.Errorf("another process after the graceful restart: %q, then %q", first, second)
	}
	s.ctl("stop")
	s.eventually("leave no process", func() bool { return len(s.processes()) == 0 })
	// restart starts a server that does not run, and a graceful restart may follow before it is
	// ready.
	s.ctl("restart && kill -USR1 $(cat " + s.host.Root + "/server/httpd.pid)")
	s.serves("greeting 2.0, release two, process ")
	// Closing the lab stops it.
}

func TestStandInRefuses(t *testing.T) {
	s := newSite(t)
	here, err := filepath.Abs("standin/mod_wsgi_express.py")
	if err != nil {
		t.Fatal(err)
	}
	command := "python3 " + here + " setup-server x.py --server-root " + s.host.Home + "/server "
	out, err := session(t, s.client).CombinedOutput(command + "--proceses=2")
	if err == nil || !strings.Contains(string(out), "no such option: --proceses") {
		t.Errorf("an unknown option: %v: %s", err, out)
	}
	if os.Getuid() != 0 {
		return // the rest needs root
	}
	if out, err := session(t, s.client).CombinedOutput(strings.Replace(command, "x.py", s.host.Root+"/current/wsgi.py",
		1)); err != nil {
		t.Errorf("root without --user: setup-server: %v: %s", err, out)
	}
	out, err = session(t, s.client).CombinedOutput(s.host.Home + "/server/apachectl start")
	if err == nil || !strings.Contains(string(out), "running as root") {
		t.Errorf("root without --user: start: %v: %s", err, out)
	}
}
