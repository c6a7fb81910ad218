package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"runbook/cmd/runbook/project"
	"runbook/runtime/lab"
	"runbook/runtime/lab/labtest"
)

// matrixSite is a lab with two hosts, and the settings to release there.
type matrixSite struct {
	labtest.Site
	inside *labtest.Lab     // hosts in this process, or nil
	real   *labtest.OpenSSH // hosts with OpenSSH, or nil
	dir    string           // the folder with the recipes
	env    []string
	flags  []string
	serve  bool
	broken bool // the application need not answer
	source string
	repo   *lab.Repo
	sent   map[string]string // the commits of releases, by name
	secret string            // a line from the middle of the deploy key
	closed bool
}

func newMatrixSite(t *testing.T, full, serve bool, source string) *matrixSite {
	t.Helper()
	dir, err := os.MkdirTemp("", "matrix-") // not t.TempDir: its path is too long for sockets
	if err != nil {
		t.Fatal(err)
	}
	s := &matrixSite{dir: dir, serve: serve, source: source, sent: map[string]string{}}
	t.Cleanup(func() { s.close(t) })
	if full {
		if s.real, err = labtest.NewOpenSSH(labtest.OpenSSHOptions{Hosts: []string{"web1", "web2"}}); err == nil {
			s.Site = s.real
			s.repo, err = s.real.Repo()
		}
	} else {
		s.inside = labtest.StartWithGit(t, "web1", "web2")
		s.Site = s.inside
		s.repo, err = s.inside.Repo()
	}
	if err != nil {
		t.Fatal(err)
	}
	key, err := os.ReadFile(s.DeployKey())
	if err != nil {
		t.Fatal(err)
	}
	s.secret = strings.Split(strings.TrimSpace(string(key)), "\n")[2]
	if _, err := project.Write(dir); err != nil {
		t.Fatal(err)
	}
	if err := s.settings(); err != nil {
		t.Fatal(err)
	}
	return s
}

// bare replaces the Python interpreter, whose start takes most of the time of a release. It handles
// the four programs that a release without requirements runs, and creates no virtualenv.
const bare = `#!/bin/sh
say() { printf '\0'; printf '%s\t\0' "$@"; printf '\0\n'; }
case $2 in
*EnvBuilder*) mkdir -p "$3/bin" && printf 'home = /usr/bin\n' > "$3/pyvenv.cfg" && exec ln -s "$0" "$3/bin/python" ;;
*requirements* | *ModuleType*) exit ;; # verify.py and import.py
*'sys.version'*) say python 3.11.0; say venv yes ;;
*) exit 1 ;;
esac
`

// impatient is an ssh_config that notices a dead link within seconds.
const impatient = "ServerAliveInterval 2\nServerAliveCountMax 3\n"

// settings override the shipped app.lua. Without serve nothing is installed or restarted, which
// makes a run short; with serve a release does everything.
func (s *matrixSite) settings() error {
	config := filepath.Join(s.dir, "ssh_config")
	if err := os.WriteFile(config, []byte(impatient), 0o644); err != nil {
		return err
	}
	s.env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + s.dir, "USER=ada", "NO_COLOR=1", "TMPDIR=" + os.TempDir(),
		"RUNBOOK_HOSTS=" + s.HostsFile(), "RUNBOOK_KNOWN_HOSTS=" + s.KnownHosts(),
		"RUNBOOK_SOURCE=" + s.source, "RUNBOOK_REPO=" + s.RepoURL(), "RUNBOOK_KEY=" + s.DeployKey(),
		"RUNBOOK_SSH_CONFIG=" + config,
	}
	if s.source == "archive" {
		s.env = append(s.env, "RUNBOOK_PATH="+s.repo.Work)
	}
	if s.serve {
		s.env = append(s.env, "RUNBOOK_HEALTH=/health", "RUNBOOK_PIP_ARG=--no-index\n--find-links="+s.Wheels())
		return nil
	}
	python := filepath.Join(filepath.Dir(s.HostsFile()), "python") // where hosts with OpenSSH see it, too
	s.env = append(s.env, "RUNBOOK_RESTART=none", "RUNBOOK_PYTHON="+python)
	s.flags = []string{"--requirements", ""} // an empty variable counts as unset
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

// bring changes the code for each release if this machine sends it, so that there is something to
// send.
func (s *matrixSite) bring(t *testing.T, release string) {
	t.Helper()
	var err error
	switch {
	case s.source == "archive":
		err = os.WriteFile(filepath.Join(s.repo.Work, "name"), []byte(release), 0o644)
	case s.source == "push" && s.sent[release] == "":
		s.sent[release], err = s.repo.CommitFiles(release, map[string]string{"name": release})
	case s.source == "push":
		err = exec.Command("git", "--git-dir="+s.repo.Bare, "update-ref", "refs/heads/"+lab.Branch,
			s.sent[release]).Run()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// old is a release that the next release prunes.
const old = "r00000"

// ready prepares one run: a release to prune, if there are any releases, and a file whose time
// separates the files that the run writes from older ones.
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
			s.shell(t, host, `mkdir -p "$1/.git" && printf %s "$2" >"$1/.runbook.json" && `+
				`printf "%040d\n" 0 >"$1/.git/HEAD" && chown -R --reference="$1/.." "$1"`, dir, marker)
			continue
		}
		if err := errors.Join(os.MkdirAll(filepath.Join(dir, ".git"), 0o755),
			os.WriteFile(filepath.Join(dir, ".runbook.json"), []byte(marker), 0o644),
			os.WriteFile(filepath.Join(dir, ".git/HEAD"), fmt.Appendf(nil, "%040d\n", 0), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
}

// stamp is the path of ready's time stamp file. Hosts with OpenSSH see it, too.
func (s *matrixSite) stamp() string { return filepath.Join(filepath.Dir(s.HostsFile()), "stamp") }

// look runs a command on a host without runbook.
func (s *matrixSite) look(t *testing.T, host string, argv ...string) string {
	t.Helper()
	out, err := s.Inside(host, argv...)
	if err != nil {
		t.Errorf("%s: %v", host, err)
	}
	return out
}

// shell runs a line of shell code on a host without runbook.
func (s *matrixSite) shell(t *testing.T, host, line string, args ...string) string {
	t.Helper()
	return s.look(t, host, append([]string{"sh", "-c", line, "sh"}, args...)...)
}
