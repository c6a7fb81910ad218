package ssh

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	gossh "golang.org/x/crypto/ssh"

	"runbook/runtime/event"
	"runbook/runtime/inventory"
)

// sshd is a real OpenSSH server on this machine.
type sshd struct {
	dir     string
	port    int
	hostKey string // its public key line
	key     string // a private key file that may log in
	cmd     *exec.Cmd
	log     string
}

// startSSHD starts a server with the given lines in its configuration.
func startSSHD(t *testing.T, lines ...string) *sshd {
	t.Helper()
	return startSSHDIn(t, "", lines...)
}

// startSSHDIn does it in a mount namespace of its own that a shell script prepares, if there is one.
func startSSHDIn(t *testing.T, prepare string, lines ...string) *sshd {
	t.Helper()
	const program = "/usr/sbin/sshd"
	if _, err := os.Stat(program); err != nil {
		t.Fatalf("%s is missing: install the package openssh-server", program)
	}
	if os.Getuid() == 0 {
		must(t, os.MkdirAll("/run/sshd", 0o755))
	}
	dir := t.TempDir()
	s := &sshd{dir: dir, port: freePort(t), key: filepath.Join(dir, "id"), log: filepath.Join(dir, "log")}
	s.hostKey = newKey(t, filepath.Join(dir, "hostkey"))
	must(t, os.WriteFile(filepath.Join(dir, "authorized"), []byte(newKey(t, s.key)+"\n"), 0o600))
	config := append(lines, "Port "+fmt.Sprint(s.port), "ListenAddress 127.0.0.1", "HostKey "+dir+"/hostkey", "AuthorizedKeysFile "+dir+"/authorized",
		"StrictModes no", "UsePAM no", "PidFile none", "PasswordAuthentication no", "KbdInteractiveAuthentication no",
		"PermitRootLogin prohibit-password", "LogLevel DEBUG1",
		"SetEnv HOME="+dir) // the start-up files of whoever runs the tests are not to be tested
	if !slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, "Subsystem") }) {
		config = append(config, "Subsystem sftp internal-sftp")
	}
	must(t, os.WriteFile(filepath.Join(dir, "config"), []byte(strings.Join(config, "\n")+"\n"), 0o600))
	s.cmd = exec.Command(program, "-D", "-e", "-f", filepath.Join(dir, "config"))
	if prepare != "" {
		s.cmd = exec.Command("unshare", append([]string{"-m", "/bin/sh", "-c", prepare + ` && exec "$@"`, "sh"}, s.cmd.Args...)...)
	}
	log, err := os.Create(s.log)
	must(t, err)
	s.cmd.Stderr = log
	must(t, s.cmd.Start())
	t.Cleanup(func() {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
		_ = log.Close()
		if t.Failed() {
			text, _ := os.ReadFile(s.log)
			t.Logf("sshd said:\n%s", last(string(text), 3000))
		}
	})
	eventually(t, "sshd listens", func() bool {
		c, err := net.Dial("tcp", s.address())
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	})
	return s
}

func (s *sshd) address() string { return fmt.Sprintf("127.0.0.1:%d", s.port) }

// target is how the server is reached, with its key known.
func (s *sshd) target(t *testing.T) inventory.Host {
	t.Helper()
	known := filepath.Join(t.TempDir(), "known_hosts")
	must(t, os.WriteFile(known, []byte(fmt.Sprintf("[127.0.0.1]:%d %s\n", s.port, s.hostKey)), 0o600))
	return inventory.Host{Name: "web1", Address: "127.0.0.1", Port: s.port, User: me(t), Identities: []string{s.key},
		KnownHosts: []string{known}, IdentityAgent: "none", Vars: map[string]any{}}
}

// sessions is how many processes of this server there are, the listening one left out.
func (s *sshd) sessions(t *testing.T) int {
	t.Helper()
	out, err := exec.Command("pgrep", "-P", fmt.Sprint(s.cmd.Process.Pid)).Output()
	if err != nil && len(out) > 0 {
		t.Fatal(err)
	}
	return len(strings.Fields(string(out)))
}

func newPool(t *testing.T, o PoolOptions) *Pool {
	t.Helper()
	if o.Getenv == nil {
		home := t.TempDir()
		o.Getenv = func(name string) string {
			if name == "HOME" {
				return home
			}
			return ""
		}
	}
	p := NewPool(o)
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return p
}

// hosts are this machine directly and by SSH: both must behave alike.
func hosts(t *testing.T) map[string]*Host {
	p := newPool(t, PoolOptions{})
	return map[string]*Host{"localhost": p.Localhost(), "sshd": p.Host(startSSHD(t).target(t))}
}

func onEach(t *testing.T, fn func(t *testing.T, h *Host)) {
	t.Helper()
	for name, h := range hosts(t) {
		t.Run(name, func(t *testing.T) { fn(t, h) })
	}
}

// newKey writes an ed25519 key pair and returns the public line.
func newKey(t *testing.T, path string) string {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	block, err := gossh.MarshalPrivateKey(private, "test")
	must(t, err)
	must(t, os.WriteFile(path, pem.EncodeToMemory(block), 0o600))
	signer, err := gossh.NewSignerFromKey(private)
	must(t, err)
	line := strings.TrimSpace(string(gossh.MarshalAuthorizedKey(signer.PublicKey())))
	must(t, os.WriteFile(path+".pub", []byte(line+"\n"), 0o600))
	return line
}

func parseKey(t *testing.T, line string) gossh.PublicKey {
	t.Helper()
	key, _, _, _, err := gossh.ParseAuthorizedKey([]byte(line))
	must(t, err)
	return key
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer func() { must(t, l.Close()) }()
	return l.Addr().(*net.TCPAddr).Port
}

func me(t *testing.T) string {
	t.Helper()
	u, err := user.Current()
	must(t, err)
	return u.Username
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func last(s string, n int) string { return s[max(0, len(s)-n):] }

// eventually polls until ok, for ten seconds.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(10 * time.Second)
	for !ok() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("it never came to pass that %s", what)
		}
	}
}

// recorder keeps events.
type recorder struct{ events []event.Event }

func (r *recorder) Event(e event.Event) { r.events = append(r.events, e) }
func (r *recorder) Close() error        { return nil }

// recording returns a context whose events the recorder gets. Read them when what makes them is over.
func recording(t *testing.T) (context.Context, *recorder) {
	r := &recorder{}
	return event.WithStream(t.Context(), event.NewStream(r)), r
}

func run(t *testing.T, h *Host, c Command) Result {
	t.Helper()
	r, err := h.Run(t.Context(), c)
	if err != nil {
		t.Fatalf("%+v: %v", c, err)
	}
	return r
}

// logged says whether the server has written text to its log.
func (s *sshd) logged(text string) bool {
	b, err := os.ReadFile(s.log)
	return err == nil && strings.Contains(string(b), text)
}
