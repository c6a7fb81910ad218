package lab_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	gossh "golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"runbook/runtime/lab"
	"runbook/runtime/lab/labtest"
)

// program finds a program that these tests need.
func program(t *testing.T, name, debian string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%s is missing: install the Debian package %s", name, debian)
	}
	return path
}

// sshOptions make OpenSSH's client use the lab's keys and ignore the user's settings.
func sshOptions(l *labtest.Lab, identity string) []string {
	return []string{"-F", "none", "-o", "UserKnownHostsFile=" + l.KnownHosts(), "-o", "GlobalKnownHostsFile=/dev/null",
		"-o", "StrictHostKeyChecking=yes", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-i", identity}
}

// run runs a program of this machine without the user's settings and returns its output.
func run(t *testing.T, l *labtest.Lab, env []string, argv ...string) (string, error) {
	t.Helper()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + l.Dir, "GIT_CONFIG_GLOBAL=/dev/null"}, env...)
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

func TestWithOpenSSHClient(t *testing.T) {
	l := newLab(t)
	h := host(t, l, "web1")
	argv := append([]string{program(t, "ssh", "openssh-client")}, sshOptions(l, l.AdminKey())...)
	argv = append(argv, "-p", fmt.Sprint(h.Port), lab.User+"@"+h.Addr)
	got, err := run(t, l, nil, append(argv, "pwd; exit 7")...)
	if err == nil || err.Error() != "exit status 7" || got != h.Home {
		t.Errorf("%q, %v", got, err)
	}
}

func TestDeployKeyOnlyReads(t *testing.T) {
	l := newLab(t)
	git := program(t, "git", "git")
	ssh := append([]string{program(t, "ssh", "openssh-client")}, sshOptions(l, l.DeployKey())...)
	env := []string{"GIT_SSH_COMMAND=" + strings.Join(ssh, " ")}

	sha, err := l.Commit("2.0")
	if err != nil {
		t.Fatal(err)
	}
	clone := filepath.Join(t.TempDir(), "clone")
	if out, err := run(t, l, env, git, "clone", "--quiet", "--branch", lab.Branch, l.RepoURL(), clone); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if got, err := run(t, l, env, git, "-C", clone, "rev-parse", "HEAD"); err != nil || got != sha {
		t.Errorf("cloned %s, want %s (%v)", got, sha, err)
	}
	got, err := os.ReadFile(filepath.Join(clone, "requirements.txt"))
	if err != nil || !strings.HasPrefix(string(got), "greeting==2.0\n") {
		t.Errorf("requirements %q, %v", got, err)
	}
	out, err := run(t, l, env, git, "-C", clone, "push", "origin", "HEAD:refs/heads/other")
	if err == nil || !strings.Contains(out, "pushing is refused") {
		t.Errorf("push: %v, %s", err, out)
	}

	server, err := l.GitServer()
	if err != nil {
		t.Fatal(err)
	}
	at := append(ssh, "-A", "-p", fmt.Sprint(server.Port), "git@"+server.Addr)
	if out, _ := run(t, l, nil, append(at, "cat /etc/passwd")...); !strings.Contains(out, "refs/heads/release") {
		t.Errorf("a command did not run upload-pack: %s", out)
	}
	if out, err := run(t, l, nil, at...); err == nil || !strings.Contains(out, "no shell") {
		t.Errorf("shell: %v, %s", err, out)
	}
	ssh[len(ssh)-1] = l.AdminKey()
	at = append(ssh, "-p", fmt.Sprint(server.Port), "git@"+server.Addr)
	if out, err := run(t, l, nil, append(at, "true")...); err == nil {
		t.Errorf("the admin's key reads the repository: %s", out)
	}
}

// As in a release: the deploy key is in an agent here, and git's ssh on the host signs with it.
func TestCloneOverForwardedAgent(t *testing.T) {
	l := newLab(t)
	h := host(t, l, "web1")
	client := dial(t, l, h)
	pem, err := os.ReadFile(l.DeployKey())
	if err != nil {
		t.Fatal(err)
	}
	key, err := gossh.ParseRawPrivateKey(pem)
	if err != nil {
		t.Fatal(err)
	}
	keyring := agent.NewKeyring()
	if err := keyring.Add(agent.AddedKey{PrivateKey: key}); err != nil {
		t.Fatal(err)
	}
	if err := agent.ForwardToAgent(client, keyring); err != nil {
		t.Fatal(err)
	}
	first := session(t, client)
	if err := agent.RequestAgentForwarding(first); err != nil {
		t.Fatal(err)
	}
	if err := agent.RequestAgentForwarding(session(t, client)); err == nil {
		t.Error("a second request on one connection was not refused")
	}
	// The socket belongs to the connection, so a later session has it without a request.
	socket := output(t, client, `echo "$SSH_AUTH_SOCK"`)
	folder, err := os.Stat(filepath.Dir(socket))
	if err != nil || folder.Mode().Perm() != 0o700 {
		t.Errorf("%s: %v, %v", socket, folder, err)
	}
	clone := "GIT_SSH_COMMAND='ssh -F none -o BatchMode=yes -o StrictHostKeyChecking=yes -o UserKnownHostsFile=" +
		l.KnownHosts() + "' git clone --quiet --branch release " + l.RepoURL() + " " + h.Root + "/clone"
	output(t, client, clone)
	if _, err := os.Stat(filepath.Join(h.Root, "clone", "wsgi.py")); err != nil {
		t.Error(err)
	}
	if err := client.Close(); err != nil {
		t.Fatal(err)
	}
	h.KillConnections()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Dir(socket)); !os.IsNotExist(err) {
		t.Errorf("%s still exists: %v", socket, err)
	}
}

func TestApplicationInstallsWithoutNetwork(t *testing.T) {
	l := newLab(t)
	python := program(t, "python3", "python3")
	venv := filepath.Join(t.TempDir(), "venv")
	if out, err := run(t, l, nil, python, "-m", "venv", venv); err != nil {
		t.Fatalf("%v: %s (install the Debian package python3-venv)", err, out)
	}
	repo, err := l.Repo()
	if err != nil {
		t.Fatal(err)
	}
	out, err := run(t, l, nil, filepath.Join(venv, "bin", "pip"), "install", "--quiet", "--no-index",
		"--disable-pip-version-check", "--find-links", l.Wheels(), "-r", filepath.Join(repo.Work, "requirements.txt"))
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	ask := "import sys; sys.path.insert(0, sys.argv[1]); import wsgi; " +
		"print(b''.join(wsgi.application({'PATH_INFO': sys.argv[2]}, lambda s, h: print(s))).decode())"
	out, err = run(t, l, nil, filepath.Join(venv, "bin", "python"), "-c", ask, repo.Work, "/")
	if err != nil || !strings.HasPrefix(out, "200 OK\ngreeting 1.0, release work, process ") {
		t.Errorf("%v: %s", err, out)
	}
	out, err = run(t, l, nil, filepath.Join(venv, "bin", "python"), "-c", ask, repo.Work, "/health")
	if err != nil || out != "200 OK\nok" {
		t.Errorf("%v: %s", err, out)
	}
	if _, err := os.Stat(filepath.Join(venv, "bin", "mod_wsgi-express")); err != nil {
		t.Error(err)
	}
}
