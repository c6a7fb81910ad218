package labtest

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	gossh "golang.org/x/crypto/ssh"

	"runbook/runtime/lab"
)

// SSHD is an sshd on the loopback address.
type SSHD struct {
	User       string // the user who runs the test; nobody else can log in
	Port       int
	HostKey    gossh.PublicKey
	KnownHosts string // a file with the server's key
	Process    *os.Process
}

// Address returns 127.0.0.1:PORT.
func (s *SSHD) Address() string { return fmt.Sprintf("127.0.0.1:%d", s.Port) }

// StartSSHD starts an sshd and stops it at the end of the test. authorized are the lines of
// authorized_keys. lines come first in sshd_config, so they override the settings here.
func StartSSHD(t testing.TB, authorized []string, lines ...string) *SSHD {
	t.Helper()
	sshd, err := exec.LookPath("/usr/sbin/sshd")
	if err != nil {
		t.Fatal("/usr/sbin/sshd is missing: install the Debian package openssh-server")
	}
	if os.Geteuid() == 0 { // the folder is missing on a system that has never run sshd
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			t.Fatal(err)
		}
	}
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	s := &SSHD{User: me.Username, Port: freePort(t), KnownHosts: filepath.Join(dir, "known_hosts")}
	hostKey := Key(t, filepath.Join(dir, "host_key"))
	s.HostKey = hostKey
	write(t, s.KnownHosts, fmt.Sprintf("[127.0.0.1]:%d %s", s.Port, gossh.MarshalAuthorizedKey(hostKey)))
	write(t, filepath.Join(dir, "authorized_keys"), strings.Join(authorized, "\n")+"\n")
	config := []string{
		"Port " + fmt.Sprint(s.Port), "ListenAddress 127.0.0.1", "HostKey " + filepath.Join(dir, "host_key"),
		"PidFile none",
		"AuthorizedKeysFile " + filepath.Join(dir, "authorized_keys"), "StrictModes no", "UsePAM no",
		"PasswordAuthentication no",
		"KbdInteractiveAuthentication no", "PermitRootLogin yes", "Subsystem sftp internal-sftp", "MaxStartups 100",
		// Bash skips ~/.bashrc in a nested shell. The ~/.bashrc of this machine may do anything.
		"SetEnv SHLVL=2",
	}
	path := filepath.Join(dir, "sshd_config")
	write(t, path, strings.Join(append(lines, config...), "\n")+"\n")
	s.run(t, sshd, path)
	return s
}

func (s *SSHD) run(t testing.TB, sshd, config string) {
	cmd := exec.Command(sshd, "-D", "-e", "-f", config)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.Process = cmd.Process
	listening := make(chan struct{})
	drained := make(chan struct{})
	var said strings.Builder
	go func() {
		defer close(drained)
		up := false
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			said.WriteString(lines.Text() + "\n")
			if !up && strings.Contains(lines.Text(), "Server listening") {
				up = true
				close(listening)
			}
		}
	}()
	t.Cleanup(func() {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
		<-drained // its children for connections have exited, too
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("sshd:\n%s", said.String())
		}
	})
	select {
	case <-listening:
	case <-drained:
		t.Fatalf("sshd did not start:\n%s", said.String())
	}
}

// Key writes a new ed25519 key to path and its public half to path.pub, and returns the latter.
func Key(t testing.TB, path string) gossh.PublicKey {
	t.Helper()
	signer, err := lab.WriteKey(path)
	if err != nil {
		t.Fatal(err)
	}
	return signer.PublicKey()
}

// Line formats a key for authorized_keys, after options such as restrict.
func Line(key gossh.PublicKey, options string) string {
	return strings.TrimSpace(options + " " + lab.AuthorizedKey(key))
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port
}

// Certified creates a host key in dir, with a certificate for name. It returns the authority that
// signed it and the lines of sshd_config that present it.
func Certified(t testing.TB, dir, name string) (authority gossh.PublicKey, lines []string) {
	t.Helper()
	ca, host := filepath.Join(dir, "authority"), filepath.Join(dir, "certified")
	authority = Key(t, ca)
	for _, args := range [][]string{
		{"-q", "-t", "ecdsa", "-N", "", "-f", host}, // a different type from the server's own key
		{"-q", "-s", ca, "-I", name, "-h", "-n", name, host + ".pub"},
	} {
		if out, err := exec.Command("ssh-keygen", args...).CombinedOutput(); err != nil {
			t.Fatalf("ssh-keygen %v (package openssh-client): %v: %s", args, err, out)
		}
	}
	return authority, []string{"HostKey " + host, "HostCertificate " + host + "-cert.pub"}
}
