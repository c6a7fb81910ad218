package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"runbook/runtime/lab"
	"runbook/runtime/lab/labtest"
)

var poolForm = flag.String("pool", "short", "TestPool's form: short, full, or restarts to measure the ways to restart")

// pool is two web servers with Apache and mod_wsgi, and two HAProxys in front of them, each on its
// own host of an OpenSSH lab; and a project whose app.lua takes servers out of service in HAProxy.
// Only pools.lua lists the second HAProxy.
type pool struct {
	*testing.T
	lab      *labtest.OpenSSH
	repo     *lab.Repo
	dir      string // the project
	env      []string
	timeline timeline
	answers  []answer // of all loads so far
}

func newPool(t *testing.T) *pool {
	t.Helper()
	for path, debian := range map[string]string{
		"/usr/sbin/haproxy": "haproxy", "/usr/sbin/apache2": "apache2",
		"/usr/lib/apache2/modules/mod_wsgi.so": "libapache2-mod-wsgi-py3", "/usr/bin/python3": "python3",
	} {
		if _, err := os.Stat(path); err != nil {
			t.Fatalf("%v: install the Debian package %s, as .ci/test does", err, debian)
		}
	}
	o, err := labtest.NewOpenSSH(labtest.OpenSSHOptions{Hosts: []string{"web1", "web2", "lb1", "lb2"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := o.Close(); err != nil {
			t.Error(err)
		}
	})
	p := &pool{T: t, lab: o, dir: t.TempDir(), timeline: timeline{}}
	if p.repo, err = o.Repo(); err != nil {
		t.Fatal(err)
	}
	p.push(nil)
	p.write(filepath.Join(o.Dir, "haproxy.cfg"),
		strings.NewReplacer("WEB1", o.Address("web1"), "WEB2", o.Address("web2")).
			Replace(p.read("testdata/pool/haproxy.cfg")), 0o644)
	p.write(filepath.Join(o.Dir, "express"), p.read("testdata/pool/express"), 0o755)
	wheels, err := filepath.Glob(filepath.Join(o.Wheels(), "mod_wsgi-*.whl"))
	if err != nil || len(wheels) != 1 {
		t.Fatal(wheels, err)
	}
	p.command("python3", "-m", "zipfile", "-e", wheels[0], filepath.Join(o.Dir, "mod_wsgi"))
	p.project()
	return p
}

// project writes an admin's project: recipes with app.lua, and a hosts file.
func (p *pool) project() {
	p.Helper()
	tools, err := p.lab.Tools("/usr/bin/python3")
	if err != nil {
		p.Fatal(err)
	}
	p.env = append(os.Environ(), raceOptions, "HOME="+p.TempDir(), "USER=ada", "NO_COLOR=1",
		"RUNBOOK_PYTHON="+tools.Python, "RUNBOOK_HOSTS="+filepath.Join(p.dir, "pool.lua"),
		"RUNBOOK_KNOWN_HOSTS="+p.lab.KnownHosts(), "RUNBOOK_REPO="+p.lab.RepoURL(), "RUNBOOK_KEY="+p.lab.DeployKey(),
		"RUNBOOK_MOD_WSGI_EXPRESS="+filepath.Join(p.lab.Dir, "express"), "RUNBOOK_HEALTH_WITHIN=20s")
	both := regexp.MustCompile(`name = "lb.",`).ReplaceAllString(p.read(p.lab.HostsFile()),
		`$0 tags = { "balancer" }, sudo = "passwordless",`)
	p.write(filepath.Join(p.dir, "pools.lua"), both, 0o644)
	p.write(filepath.Join(p.dir, "pool.lua"), regexp.MustCompile(`.*name = "lb2".*\n`).ReplaceAllString(both, ""),
		0o644)
	p.command("runbook", "init", p.dir)
	recipes := filepath.Join(p.dir, "recipes")
	if err := os.Mkdir(filepath.Join(recipes, "lib"), 0o755); err != nil {
		p.Fatal(err)
	}
	if err := os.Rename(filepath.Join(recipes, "app.lua"), filepath.Join(recipes, "lib/shipped.lua")); err != nil {
		p.Fatal(err)
	}
	p.write(filepath.Join(recipes, "app.lua"), p.read("testdata/pool/app.lua"), 0o644)
	p.command("runbook", "check", filepath.Join(recipes, "release.lua"), filepath.Join(recipes, "rollback.lua"))
}

func (p *pool) read(path string) string {
	p.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		p.Fatal(err)
	}
	return string(text)
}

func (p *pool) write(path, text string, mode os.FileMode) {
	p.Helper()
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		p.Fatal(err)
	}
}

func (p *pool) command(argv ...string) string {
	p.Helper()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir, cmd.Env = p.dir, p.env
	out, err := cmd.CombinedOutput()
	if err != nil {
		p.Fatalf("%s: %v\n%s", strings.Join(argv, " "), err, out)
	}
	return string(out)
}

func (p *pool) inside(host string, argv ...string) string {
	p.Helper()
	out, err := p.lab.Inside(host, argv...)
	if err != nil {
		p.Fatalf("%s: %v", host, err)
	}
	return out
}

// push commits the application, with these files changed.
func (p *pool) push(files map[string]string) {
	p.Helper()
	all := map[string]string{"wsgi.py": p.read("testdata/pool/wsgi.py"), "sick": "no"}
	for path, text := range files {
		all[path] = text
	}
	if _, err := p.repo.CommitFiles("pool", all); err != nil {
		p.Fatal(err)
	}
}

// balancers are the hosts with HAProxy.
var balancers = []string{"lb1", "lb2"}

// sudoers allows everybody everything on a host, in an /etc of that host alone.
const sudoers = `cp -a /etc /srv/etc && echo 'ALL ALL=(ALL) NOPASSWD: ALL' > /srv/etc/sudoers && ` +
	`mount --bind /srv/etc /etc`

// balance starts HAProxy.
func (p *pool) balance() {
	p.Helper()
	for _, host := range balancers {
		p.inside(host, "sh", "-c", sudoers)
		p.inside(host, "haproxy", "-D", "-f", filepath.Join(p.lab.Dir, "haproxy.cfg"))
		p.until("HAProxy has both servers up", func() bool { return p.up(host, "app") && p.up(host, "filed") })
	}
}

// up reports whether HAProxy has both servers of a backend in service.
func (p *pool) up(host, backend string) bool {
	p.Helper()
	return strings.Count(p.status(host, backend), ",UP,") == 2
}

// status returns HAProxy's states of a backend's servers.
func (p *pool) status(host, backend string) string {
	p.Helper()
	const program = `
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect("/srv/haproxy.sock")
s.sendall(b"show stat " + sys.argv[1].encode() + b" 4 -1\n")
print(s.makefile().read())`
	return p.inside(host, "python3", "-c", program, backend)
}

// until waits for a condition.
func (p *pool) until(what string, is func() bool) {
	p.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for !is() {
		select {
		case <-tick.C:
		case <-deadline:
			p.Fatalf("%s: not within %v", what, patience)
		}
	}
}

// runbook runs a recipe, which must end with the exit status, and returns its events.
func (p *pool) runbook(status int, env []string, argv ...string) string {
	p.Helper()
	cmd := exec.Command("runbook", append([]string{"run", "--json"}, argv...)...)
	cmd.Dir, cmd.Env = p.dir, append(p.env, env...)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	err := cmd.Run()
	var exit *exec.ExitError
	got := 0
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else if err != nil {
		p.Error(err)
	}
	if got != status {
		p.Errorf("%s: exit status %d, want %d\n%s\n%s", strings.Join(argv, " "), got, status, tail(out.String()),
			said.String())
	}
	if err := p.timeline.read(out.String()); err != nil {
		p.Error(err)
	}
	return out.String()
}

// tail returns the failure and the table of a run.
func tail(events string) string {
	lines := strings.Split(strings.TrimSpace(events), "\n")
	return strings.Join(lines[max(0, len(lines)-12):], "\n")
}

// change runs a recipe while visitors send requests to HAProxy at the port, and expects that none
// of them fails.
func (p *pool) change(port string, status int, env []string, argv ...string) (events string) {
	p.Helper()
	began := time.Now()
	answers := during(p.T, p.lab.Address("lb1")+port, usual, func() { events = p.runbook(status, env, argv...) })
	bad, slow := 0, 0
	for _, a := range answers {
		if a.path == "/slow" {
			slow++
		}
		switch {
		case a.failed():
			p.report(&bad, "failed", a)
		case !p.timeline.allows(a):
			p.report(&bad, "the release was not current", a)
		}
	}
	if len(answers) < 100 || slow == 0 {
		p.Errorf("only %d requests, %d slow ones", len(answers), slow)
	}
	p.answers = append(p.answers, answers...)
	p.Logf("%-60s %5.1f s, exit %d: %5d requests (%d slow), %d failed or wrong", strings.Join(argv, " "),
		time.Since(began).Seconds(),
		status, len(answers), slow, bad)
	return events
}

// report reports the first few wrong answers.
func (p *pool) report(count *int, what string, a answer) {
	p.Helper()
	if *count++; *count <= 5 {
		p.Errorf("%s: %s", what, a)
	}
}

// daemons returns the process ids of Apache's daemon processes on a host, and their working
// directories.
func (p *pool) daemons(host string) string {
	p.Helper()
	return p.inside(host, "sh", "-c",
		`for p in $(pgrep -f '^\(wsgi:' | sort -n); do echo "$p $(readlink /proc/$p/cwd)"; done`)
}

// expect asserts the current release of a host, and its processes.
func (p *pool) expect(host, release string) {
	p.Helper()
	if current := p.inside(host, "readlink", "/srv/app/current"); current != "/srv/app/releases/"+release {
		p.Errorf("%s: current points to %s, want %s", host, current, release)
	}
	for one := range strings.Lines(p.daemons(host)) {
		if !strings.HasSuffix(strings.TrimSpace(one), "/releases/"+release) {
			p.Errorf("%s: a process works elsewhere than in %s: %s", host, release, one)
		}
	}
}

// total returns the last line of a test's log.
func (p *pool) total() string {
	failed, byRelease := 0, map[string]int{}
	for _, a := range p.answers {
		if a.failed() {
			failed++
		}
		byRelease[a.release]++
	}
	return fmt.Sprintf("%d requests, %d failed; answers by release: %v", len(p.answers), failed, byRelease)
}
