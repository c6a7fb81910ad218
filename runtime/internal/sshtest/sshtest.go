// Package sshtest runs real OpenSSH servers on this machine, for the tests of ssh, shell and
// transfer.
package sshtest

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
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

// Server is a real OpenSSH server on this machine.
type Server struct {
	Dir     string
	Port    int
	HostKey string // its public key line
	Key     string // a private key file that may log in
	cmd     *exec.Cmd
	Log     string // the file that it logs to
}

// Start starts a server with the given lines in its configuration.
func Start(t testing.TB, lines ...string) *Server {
	t.Helper()
	return StartIn(t, "", lines...)
}

// StartIn starts a server in a mount namespace of its own, which the shell script prepare sets up;
// "" for none.
func StartIn(t testing.TB, prepare string, lines ...string) *Server {
	t.Helper()
	const program = "/usr/sbin/sshd"
	if _, err := os.Stat(program); err != nil {
		t.Fatalf("%s is missing: install the package openssh-server", program)
	}
	if os.Getuid() == 0 {
		Must(t, os.MkdirAll("/run/sshd", 0o755))
	}
	dir := t.TempDir()
	s := &Server{Dir: dir, Port: FreePort(t), Key: filepath.Join(dir, "id"), Log: filepath.Join(dir, "log")}
	s.HostKey = NewKey(t, filepath.Join(dir, "hostkey"))
	Must(t, os.WriteFile(filepath.Join(dir, "authorized"), []byte(NewKey(t, s.Key)+"\n"), 0o600))
	config := append(lines, "Port "+fmt.Sprint(s.Port), "ListenAddress 127.0.0.1", "HostKey "+dir+"/hostkey",
		"AuthorizedKeysFile "+dir+"/authorized",
		"StrictModes no", "UsePAM no", "PidFile none", "PasswordAuthentication no", "KbdInteractiveAuthentication no",
		"PermitRootLogin prohibit-password", "LogLevel DEBUG1",
		"SetEnv HOME="+dir) // the start-up files of the user who runs the tests must not matter
	if !slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, "Subsystem") }) {
		config = append(config, "Subsystem sftp internal-sftp")
	}
	Must(t, os.WriteFile(filepath.Join(dir, "config"), []byte(strings.Join(config, "\n")+"\n"), 0o600))
	s.cmd = exec.Command(program, "-D", "-e", "-f", filepath.Join(dir, "config"))
	if prepare != "" {
		s.cmd = exec.Command("unshare", append([]string{"-m", "/bin/sh", "-c", prepare + ` && exec "$@"`, "sh"},
			s.cmd.Args...)...)
	}
	log, err := os.Create(s.Log)
	Must(t, err)
	s.cmd.Stderr = log
	Must(t, s.cmd.Start())
	t.Cleanup(func() {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
		_ = log.Close()
		if t.Failed() {
			text, _ := os.ReadFile(s.Log)
			t.Logf("sshd logged:\n%s", Last(string(text), 3000))
		}
	})
	Eventually(t, "sshd listens", func() bool {
		c, err := net.Dial("tcp", s.Address())
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	})
	return s
}

func (s *Server) Address() string { return fmt.Sprintf("127.0.0.1:%d", s.Port) }

// Target returns how to reach the server, whose key is known.
func (s *Server) Target(t testing.TB) inventory.Host {
	t.Helper()
	known := filepath.Join(t.TempDir(), "known_hosts")
	Must(t, os.WriteFile(known, []byte(fmt.Sprintf("[127.0.0.1]:%d %s\n", s.Port, s.HostKey)), 0o600))
	return inventory.Host{Name: "web1", Address: "127.0.0.1", Port: s.Port, User: Me(t), Identities: []string{s.Key},
		KnownHosts: []string{known}, IdentityAgent: "none", Vars: map[string]any{}}
}

// Sessions returns how many processes serve connections.
func (s *Server) Sessions(t testing.TB) int {
	t.Helper()
	out, err := exec.Command("pgrep", "-P", fmt.Sprint(s.cmd.Process.Pid)).Output()
	if err != nil && len(out) > 0 {
		t.Fatal(err)
	}
	return len(strings.Fields(string(out)))
}

// NewKey writes an ed25519 key pair and returns the public line.
func NewKey(t testing.TB, path string) string {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	Must(t, err)
	block, err := gossh.MarshalPrivateKey(private, "test")
	Must(t, err)
	Must(t, os.WriteFile(path, pem.EncodeToMemory(block), 0o600))
	signer, err := gossh.NewSignerFromKey(private)
	Must(t, err)
	line := strings.TrimSpace(string(gossh.MarshalAuthorizedKey(signer.PublicKey())))
	Must(t, os.WriteFile(path+".pub", []byte(line+"\n"), 0o600))
	return line
}

func ParseKey(t testing.TB, line string) gossh.PublicKey {
	t.Helper()
	key, _, _, _, err := gossh.ParseAuthorizedKey([]byte(line))
	Must(t, err)
	return key
}

func FreePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	Must(t, err)
	defer func() { Must(t, l.Close()) }()
	return l.Addr().(*net.TCPAddr).Port
}

func Me(t testing.TB) string {
	t.Helper()
	u, err := user.Current()
	Must(t, err)
	return u.Username
}

func Must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func Last(s string, n int) string { return s[max(0, len(s)-n):] }

// Eventually waits up to ten seconds until ok returns true. what is the condition in words.
func Eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(10 * time.Second)
	for !ok() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("ten seconds later it is not true that %s", what)
		}
	}
}

// Recorder records events.
type Recorder struct {
	Stream *event.Stream // the stream that it reads
	Events []event.Event
}

func (r *Recorder) Event(e event.Event) { r.Events = append(r.Events, e) }
func (r *Recorder) Close() error        { return nil }

// Recording returns a context and the Recorder of its events. Read them only after the last event
// has been emitted.
func Recording(t testing.TB) (context.Context, *Recorder) {
	r := &Recorder{}
	r.Stream = event.NewStream(r)
	return event.WithStream(t.Context(), r.Stream), r
}

// Logged reports whether the server has written text to its log.
func (s *Server) Logged(text string) bool {
	b, err := os.ReadFile(s.Log)
	return err == nil && strings.Contains(string(b), text)
}

// DropConnections kills the processes that serve the server's connections.
func (s *Server) DropConnections(t testing.TB) {
	t.Helper()
	if out, err := exec.Command("pkill", "-KILL", "-P", fmt.Sprint(s.cmd.Process.Pid)).CombinedOutput(); err != nil {
		t.Errorf("pkill (package procps): %v: %s", err, out)
	}
}

// Admit makes a public key the only one that may log in.
func (s *Server) Admit(t testing.TB, line string) {
	t.Helper()
	Must(t, os.WriteFile(filepath.Join(s.Dir, "authorized"), []byte(line+"\n"), 0o600))
}

// Output returns the texts of the Output events, joined.
func (r *Recorder) Output() string {
	var b strings.Builder
	for _, e := range r.Events {
		if e.Kind == event.Output {
			b.WriteString(e.Text)
		}
	}
	return b.String()
}

// Keygen runs ssh-keygen.
func Keygen(t testing.TB, args ...string) {
	t.Helper()
	if out, err := exec.Command("ssh-keygen", args...).CombinedOutput(); err != nil {
		t.Fatalf("ssh-keygen %v (package openssh-client): %v: %s", args, err, out)
	}
}

// Home returns an environment with nothing but HOME, an empty folder.
func Home(t testing.TB) func(string) string {
	home := t.TempDir()
	return func(name string) string {
		if name == "HOME" {
			return home
		}
		return ""
	}
}

// Asker is a person at a terminal. It has the answers left to give and the questions asked so far.
type Asker struct {
	Answers []string
	Asked   []string
}

// Prompt returns the next answer.
func (a *Asker) Prompt(_ context.Context, question string, secret bool) (string, error) {
	a.Asked = append(a.Asked, question)
	if !secret {
		return "", errors.New("the answer would be shown")
	}
	if len(a.Answers) == 0 {
		return "", errors.New("nobody Answers")
	}
	answer := a.Answers[0]
	a.Answers = a.Answers[1:]
	return answer, nil
}

// Of returns the events of a kind.
func (r *Recorder) Of(kind event.Kind) []event.Event {
	var list []event.Event
	for _, e := range r.Events {
		if e.Kind == kind {
			list = append(list, e)
		}
	}
	return list
}
