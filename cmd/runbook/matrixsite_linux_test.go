package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"runbook/runtime/lab"
)

// matrixSite is a lab with two hosts, and what runbook has to be told to release there.
type matrixSite struct {
	lab.Site
	inside *lab.Lab     // hosts in this process, or nil
	real   *lab.OpenSSH // hosts with OpenSSH, or nil
	dir    string       // the folder with the recipes
	env    []string
	flags  []string
	serve  bool
	broken bool   // the application need not answer
	secret string // a line from the middle of the deploy key
	closed bool
}

func newMatrixSite(t *testing.T, full, serve bool) *matrixSite {
	t.Helper()
	dir, err := os.MkdirTemp("", "matrix-") // not t.TempDir: its path is too long for sockets
	if err != nil {
		t.Fatal(err)
	}
	s := &matrixSite{dir: dir, serve: serve}
	t.Cleanup(func() { s.close(t) })
	if full {
		if s.real, err = lab.NewOpenSSH(lab.OpenSSHOptions{Hosts: []string{"web1", "web2"}}); err == nil {
			s.Site = s.real
		}
	} else if s.inside, err = lab.Start("", "web1", "web2"); err == nil {
		s.Site = s.inside
	}
	if err != nil {
		t.Fatal(err)
	}
	key, err := os.ReadFile(s.DeployKey())
	if err != nil {
		t.Fatal(err)
	}
	s.secret = strings.Split(strings.TrimSpace(string(key)), "\n")[2]
	files, err := shipped()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		path := filepath.Join(dir, f.path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := writeNew(path, f.content); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.settings(); err != nil {
		t.Fatal(err)
	}
	return s
}

// bare stands in for an interpreter, whose start is most of what a release costs: it knows the four programs that a release
// without requirements runs. What it makes is no virtualenv.
const bare = `#!/bin/sh
case $2 in
*EnvBuilder*) mkdir -p "$3/bin" && printf 'home = /usr/bin\n' > "$3/pyvenv.cfg" && exec ln -s "$0" "$3/bin/python" ;;
*requirements* | *ModuleType*) exit ;; # VERIFY and IMPORT in build.lua
*'sys.version'*) printf 'python\t3.11.0\nvenv\tyes\n' ;;
*) exit 1 ;;
esac
`

// impatient is an ssh_config by which a dead link is noticed in some seconds.
const impatient = "ServerAliveInterval 2\nServerAliveCountMax 3\n"

// settings are what differs from the shipped app.lua. Without serve nothing is installed and nothing restarted, so
// that a run is short; with it a release is what it is for an application.
func (s *matrixSite) settings() error {
	config := filepath.Join(s.dir, "ssh_config")
	if err := os.WriteFile(config, []byte(impatient), 0o644); err != nil {
		return err
	}
	s.env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + s.dir, "USER=ada", "NO_COLOR=1", "TMPDIR=" + os.TempDir(),
		"RUNBOOK_HOSTS=" + s.HostsFile(), "RUNBOOK_KNOWN_HOSTS=" + s.KnownHosts(),
		"RUNBOOK_REPO=" + s.RepoURL(), "RUNBOOK_KEY=" + s.DeployKey(), "RUNBOOK_SSH_CONFIG=" + config,
	}
	if s.serve {
		s.env = append(s.env, "RUNBOOK_HEALTH=/health", "RUNBOOK_PIP_ARG=--no-index\n--find-links="+s.Wheels())
		return nil
	}
	python := filepath.Join(filepath.Dir(s.HostsFile()), "python") // where hosts with OpenSSH see it, too
	s.env = append(s.env, "RUNBOOK_RESTART=none", "RUNBOOK_PYTHON="+python)
	s.flags = []string{"--requirements", ""} // an empty variable is one that isn't set
	return os.WriteFile(python, []byte(bare), 0o755)
}

func (s *matrixSite) close(t *testing.T) {
	if s.closed {
		return
	}
	s.closed = true
	if s.Site != nil {
		if err := s.Site.Close(); err != nil {
			t.Errorf("closing the lab: %v", err)
		}
	}
	if err := os.RemoveAll(s.dir); err != nil {
		t.Error(err)
	}
}

// old is a release that the next one removes.
const old = "r00000"

// ready puts things in place for one run: a release that there is one too many, if some were made; and a file by whose time the
// files can be told that the run writes.
func (s *matrixSite) ready(t *testing.T, some bool) {
	t.Helper()
	if err := os.WriteFile(s.stamp(), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if !some {
		return
	}
	marker := fmt.Sprintf(`{"release":"%s","revision":"%040d"}`, old, 0)
	for _, host := range []string{"web1", "web2"} {
		dir := filepath.Join(s.Root(host), "releases", old)
		if s.inside == nil {
			s.shell(t, host, `mkdir -p "$1/.git" && printf %s "$2" >"$1/.runbook.json" && printf "%040d\n" 0 >"$1/.git/HEAD" && chown -R --reference="$1/.." "$1"`, dir, marker)
			continue
		}
		if err := errors.Join(os.MkdirAll(filepath.Join(dir, ".git"), 0o755), os.WriteFile(filepath.Join(dir, ".runbook.json"), []byte(marker), 0o644),
			os.WriteFile(filepath.Join(dir, ".git/HEAD"), fmt.Appendf(nil, "%040d\n", 0), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
}

// stamp lies where hosts with OpenSSH see it, too.
func (s *matrixSite) stamp() string { return filepath.Join(filepath.Dir(s.HostsFile()), "stamp") }

// look runs a command on a host past runbook.
func (s *matrixSite) look(t *testing.T, host string, argv ...string) string {
	t.Helper()
	out, err := s.Inside(host, argv...)
	if err != nil {
		t.Errorf("%s: %v", host, err)
	}
	return out
}

// shell is look for a line of shell.
func (s *matrixSite) shell(t *testing.T, host, line string, args ...string) string {
	t.Helper()
	return s.look(t, host, append([]string{"sh", "-c", line, "sh"}, args...)...)
}
