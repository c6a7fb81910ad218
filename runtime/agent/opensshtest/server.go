// Package opensshtest starts real OpenSSH servers for tests. A machine without one fails the test and says which
// package is missing.
package opensshtest

import (
	"bufio"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
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
)

// Server is a running sshd on the loopback address.
type Server struct {
	User       string // who may log in: whoever runs the test
	Port       int
	HostKey    gossh.PublicKey
	KnownHosts string // a file with the server's key
	Process    *os.Process
}

// Address is 127.0.0.1:PORT.
func (s *Server) Address() string { return fmt.Sprintf("127.0.0.1:%d", s.Port) }

// Start starts a server that lets in who is in authorized, lines as in authorized_keys, and ends it with the test. lines
// go into its sshd_config, before its own: of a keyword the first counts.
func Start(t testing.TB, authorized []string, lines ...string) *Server {
	t.Helper()
	sshd, err := exec.LookPath("/usr/sbin/sshd")
	if err != nil {
		t.Fatal("there is no /usr/sbin/sshd; install openssh-server")
	}
	if os.Geteuid() == 0 { // where sshd of a system that doesn't run one lacks its folder
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			t.Fatal(err)
		}
	}
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	s := &Server{User: me.Username, Port: freePort(t), KnownHosts: filepath.Join(dir, "known_hosts")}
	hostKey := Key(t, filepath.Join(dir, "host_key"))
	s.HostKey = hostKey
	write(t, s.KnownHosts, fmt.Sprintf("[127.0.0.1]:%d %s", s.Port, gossh.MarshalAuthorizedKey(hostKey)))
	write(t, filepath.Join(dir, "authorized_keys"), strings.Join(authorized, "\n")+"\n")
	config := []string{
		"Port " + fmt.Sprint(s.Port), "ListenAddress 127.0.0.1", "HostKey " + filepath.Join(dir, "host_key"), "PidFile none",
		"AuthorizedKeysFile " + filepath.Join(dir, "authorized_keys"), "StrictModes no", "UsePAM no", "PasswordAuthentication no",
		"KbdInteractiveAuthentication no", "PermitRootLogin yes", "Subsystem sftp internal-sftp", "MaxStartups 100",
		// To bash this is no first shell, so it leaves out ~/.bashrc, whatever that does on this machine.
		"SetEnv SHLVL=2",
	}
	path := filepath.Join(dir, "sshd_config")
	write(t, path, strings.Join(append(lines, config...), "\n")+"\n")
	s.run(t, sshd, path)
	return s
}

func (s *Server) run(t testing.TB, sshd, config string) {
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
		<-drained // also those that it forked for connections have ended then
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("sshd:\n%s", said.String())
		}
	})
	select {
	case <-listening:
	case <-drained:
		t.Fatalf("sshd didn't start:\n%s", said.String())
	}
}

// Key writes a new ed25519 key to path, its public half to path.pub, and returns the latter.
func Key(t testing.TB, path string) gossh.PublicKey {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := gossh.MarshalPrivateKey(private, "test")
	if err != nil {
		t.Fatal(err)
	}
	key, err := gossh.NewPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, string(pem.EncodeToMemory(block)))
	write(t, path+".pub", string(gossh.MarshalAuthorizedKey(key)))
	return key
}

// Line is a key as a line of authorized_keys, behind options such as restrict.
func Line(key gossh.PublicKey, options string) string {
	return strings.TrimSpace(options + " " + string(gossh.MarshalAuthorizedKey(key)))
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

// Certified makes a host key with a certificate for name, in dir. It returns the authority that signed it and the lines of
// sshd_config that make a server show it.
func Certified(t testing.TB, dir, name string) (authority gossh.PublicKey, lines []string) {
	t.Helper()
	ca, host := filepath.Join(dir, "authority"), filepath.Join(dir, "certified")
	authority = Key(t, ca)
	for _, args := range [][]string{
		{"-q", "-t", "ecdsa", "-N", "", "-f", host}, // of another kind than the server's own key
		{"-q", "-s", ca, "-I", name, "-h", "-n", name, host + ".pub"},
	} {
		if out, err := exec.Command("ssh-keygen", args...).CombinedOutput(); err != nil {
			t.Fatalf("ssh-keygen %v (package openssh-client): %v: %s", args, err, out)
		}
	}
	return authority, []string{"HostKey " + host, "HostCertificate " + host + "-cert.pub"}
}
