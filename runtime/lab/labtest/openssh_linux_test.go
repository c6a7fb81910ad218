package labtest_test

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"runbook/runtime/lab/labtest"
)

func newOpenSSH(t *testing.T, names ...string) *labtest.OpenSSH {
	t.Helper()
	o, err := labtest.NewOpenSSH(labtest.OpenSSHOptions{Hosts: names})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := o.Close(); err != nil {
			t.Error(err)
		}
	})
	return o
}

// lookPath finds a program that these tests need.
func lookPath(t *testing.T, name, debian string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%s is missing: install the Debian package %s", name, debian)
	}
	return path
}

// eventually polls a condition and fails the test if it does not hold within 20 s.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for tick := time.NewTicker(20 * time.Millisecond); !holds(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("not within 20 s: %s", what)
		}
	}
}

func inside(t *testing.T, o *labtest.OpenSSH, host string, argv ...string) string {
	t.Helper()
	out, err := o.Inside(host, argv...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// ssh returns the command line of OpenSSH's client that logs in to a host of the lab.
func ssh(t *testing.T, o *labtest.OpenSSH, host string) []string {
	t.Helper()
	return []string{lookPath(t, "ssh", "openssh-client"), "-F", "none", "-o", "UserKnownHostsFile=" + o.KnownHosts(),
		"-o", "StrictHostKeyChecking=yes", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-o", "ConnectTimeout=3",
		"-i", o.AdminKey(), labtest.DeployUser + "@" + o.Address(host)}
}

func command(argv []string, env ...string) (string, error) {
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

func TestOpenSSHHosts(t *testing.T) {
	o := newOpenSSH(t, "web1", "web2")
	mine := "/tmp/mine-of-" + filepath.Base(o.Dir) // a name that this machine does not have
	out, err := command(append(ssh(t, o, "web1"), "id -un; pwd; ls -A; touch /srv/app/mine "+mine))
	if err != nil || out != labtest.DeployUser+"\n/home/"+labtest.DeployUser {
		t.Errorf("%v: %s", err, out)
	}
	// Each host has its own folders and sees only its own processes.
	if got := inside(t, o, "web1", "ls", "/srv/app", mine); got != mine+"\n\n/srv/app:\nmine" {
		t.Errorf("web1: %q", got)
	}
	if got := inside(t, o, "web2", "ls", "-A", "/srv/app"); got != "" {
		t.Errorf("web2: %q", got)
	}
	if _, err := os.Stat(mine); !os.IsNotExist(err) {
		t.Errorf("the host shares this machine's /tmp: %v", err)
	}
	eventually(t, "web1 shows only its own processes", func() bool { // sshd ends a session's processes later
		return inside(t, o, "web1", "ps", "-eo", "comm=") == "sshd\nps"
	})
	if got := inside(t, o, "web1", "ls", o.Wheels()); !strings.Contains(got, "greeting-1.0-") {
		t.Errorf("wheels: %q", got)
	}
	if _, err := o.Inside("web3", "true"); err == nil || !strings.Contains(err.Error(), "web1, web2") {
		t.Errorf("an unknown host: %v", err)
	}
}

// A host reads the repository through a forwarded agent. The deploy key allows nothing else.
func TestOpenSSHGitServer(t *testing.T) {
	o := newOpenSSH(t, "web1")
	sha, err := o.Commit("2.0")
	if err != nil {
		t.Fatal(err)
	}
	agentFor(t, o.DeployKey(), func(socket string) {
		argv := ssh(t, o, "web1")
		argv = append(argv[:len(argv)-1], "-A", argv[len(argv)-1])
		git := "GIT_SSH_COMMAND='ssh -o BatchMode=yes -o StrictHostKeyChecking=yes -o UserKnownHostsFile=" +
			o.KnownHosts() + "' git "
		out, err := command(append(argv,
			git+"clone -q -b release "+o.RepoURL()+" /srv/app/clone && git -C /srv/app/clone rev-parse HEAD"),
			"SSH_AUTH_SOCK="+socket)
		if err != nil || out != sha {
			t.Errorf("clone: %v: %s", err, out)
		}
		out, err = command(append(argv, "cd /srv/app/clone && "+git+"push origin HEAD:refs/heads/other"),
			"SSH_AUTH_SOCK="+socket)
		if err == nil {
			t.Errorf("the deploy key can push: %s", out)
		}
	})
	if log, err := o.Log("web1"); err != nil || !strings.Contains(log, "Accepted publickey for "+labtest.DeployUser) {
		t.Errorf("log: %v: %s", err, log)
	}
}

// agentFor runs fn with an ssh-agent that holds one key, and stops the agent.
func agentFor(t *testing.T, key string, fn func(socket string)) {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "agent")
	agent := exec.Command(lookPath(t, "ssh-agent", "openssh-client"), "-D", "-a", socket)
	if err := agent.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := agent.Process.Kill(); err != nil {
			t.Error(err)
		}
		if err := agent.Wait(); err == nil {
			t.Error("the agent has exited")
		}
	}()
	add := lookPath(t, "ssh-add", "openssh-client")
	eventually(t, "ssh-agent accepts the key", func() bool {
		_, err := command([]string{add, "-q", key}, "SSH_AUTH_SOCK="+socket)
		return err == nil
	})
	fn(socket)
}

// Debian's Apache runs as a normal user, with the host's own processes and network.
func TestOpenSSHRunsApache(t *testing.T) {
	o := newOpenSSH(t, "web1", "web2")
	prepare := `set -e; cd /srv/app; mkdir lib tools
		/usr/bin/python3 -m zipfile -e "$(ls "$1"/greeting-2.0-*.whl)" lib
		/usr/bin/python3 -m zipfile -e "$(ls "$1"/mod_wsgi-*.whl)" tools
		printf 'import greeting\ndef application(e, s):\n    ` +
		`s("200 OK", [])\n    return [greeting.VERSION.encode()]\n' > wsgi.py
		/usr/bin/python3 tools/mod_wsgi_express.py setup-server wsgi.py ` +
		`--server-root server --processes 3 --python-path lib
		server/apachectl start`
	ask := "import urllib.request; print(urllib.request.urlopen('http://127.0.0.1:8000/').read().decode())"
	for _, host := range []string{"web1", "web2"} { // on the same port
		inside(t, o, host, "runuser", "-u", labtest.DeployUser, "--", "sh", "-c", prepare, "sh", o.Wheels())
		var got string
		eventually(t, "Apache answers on "+host, func() bool {
			var err error
			got, err = o.Inside(host, "/usr/bin/python3", "-c", ask)
			return err == nil
		})
		if got != "2.0" {
			t.Errorf("%s answers %q", host, got)
		}
		if got := inside(t, o, host, "sh", "-c", "ps -eo args= | grep -c '^(wsgi:'"); got != "3" {
			t.Errorf("%s has %s daemon processes, want 3", host, got)
		}
	}
}

func TestOpenSSHLink(t *testing.T) {
	o := newOpenSSH(t, "web1")
	if err := o.Link("web1", false); err != nil {
		t.Fatal(err)
	}
	if out, err := command(append(ssh(t, o, "web1"), "true")); err == nil || !strings.Contains(out, "timed out") &&
		!strings.Contains(out, "No route") {
		t.Errorf("disconnected: %v: %s", err, out)
	}
	if err := o.Link("web1", true); err != nil {
		t.Fatal(err)
	}
	eventually(t, "ssh works after the link is up again", func() bool {
		_, err := command(append(ssh(t, o, "web1"), "true"))
		return err == nil
	})
}

// Close ends daemons and removes links and folders. Two labs at once do not share anything.
func TestOpenSSHCloseLeavesNothing(t *testing.T) {
	o, other := newOpenSSH(t, "web1"), newOpenSSH(t, "web1")
	bridges := []string{bridge(o), bridge(other)}
	if links(t, bridges[0]) == "" || links(t, bridges[1]) == "" {
		t.Error("the labs have no links of the names that the test checks below")
	}
	if o.Address("web1") == other.Address("web1") {
		t.Errorf("two labs share %s", o.Address("web1"))
	}
	if out, err := command(append(ssh(t, o, "web1"), "setsid sleep 1004 >/dev/null 2>&1 & echo started")); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if err := o.Close(); err != nil {
		t.Error(err)
	}
	if err := other.Close(); err != nil {
		t.Error(err)
	}
	if out, err := command([]string{"ps", "-eo", "args="}); err != nil || strings.Contains(out, "sleep 1004") ||
		strings.Contains(out, o.Dir) {
		t.Errorf("processes left: %v: %s", err, out)
	}
	for _, b := range bridges {
		if left := links(t, b); left != "" {
			t.Errorf("links left: %s", left)
		}
	}
	if _, err := os.Stat(o.Dir); !os.IsNotExist(err) {
		t.Errorf("the folder still exists: %v", err)
	}
}

// bridge returns the name of a lab's bridge, which contains the number of its subnet.
func bridge(o *labtest.OpenSSH) string { return "rbl" + strings.Split(o.Address("web1"), ".")[2] }

// links lists the network interfaces of one lab. Labs of other tests have their own.
func links(t *testing.T, bridge string) string {
	t.Helper()
	interfaces, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, one := range interfaces {
		if one.Name == bridge || strings.HasPrefix(one.Name, bridge+"v") {
			names = append(names, one.Name)
		}
	}
	return strings.Join(names, " ")
}

func TestOpenSSHFolderMustBeReachable(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := labtest.NewOpenSSH(labtest.OpenSSHOptions{Dir: dir}); err == nil ||
		!strings.Contains(err.Error(), "mode 0700") {
		t.Errorf("got %v", err)
	}
}

func TestOpenSSHReportsOutputOfSSHD(t *testing.T) {
	_, err := labtest.NewOpenSSH(labtest.OpenSSHOptions{Hosts: []string{"web1"}, Config: "NoSuchDirective yes"})
	if err == nil || !strings.Contains(err.Error(), "NoSuchDirective") {
		t.Errorf("got %v", err)
	}
}
