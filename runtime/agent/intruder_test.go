//go:build unix

package agent

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	gossh "golang.org/x/crypto/ssh"
	sshagent "golang.org/x/crypto/ssh/agent"

	"runbook/runtime/event"
	"runbook/runtime/lab/labtest"
	"runbook/runtime/ssh/shell"
)

// TestIntruder: whoever opens the socket on the host can list the deploy key, but not use it.
func TestIntruder(t *testing.T) {
	s := newSite(t)
	f := s.forward()
	ask, answer := filepath.Join(s.dir, "ask"), filepath.Join(s.dir, "answer")
	for _, fifo := range []string{ask, answer} {
		if err := syscall.Mkfifo(fifo, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	done := make(chan error, 1)
	go func() {
		_, err := s.host.Run(shell.WithAgent(s.ctx, f),
			shell.Command{Script: `printf %s "$SSH_AUTH_SOCK" > ` + ask + `; cat ` + answer})
		done <- err
	}()
	path, err := os.ReadFile(ask)
	if err != nil {
		t.Fatal(err)
	}
	dial := func() (net.Conn, sshagent.ExtendedAgent) {
		conn, err := net.Dial("unix", string(path))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		return conn, sshagent.NewClient(conn)
	}
	_, c := dial()
	keys, err := c.List()
	if err != nil || len(keys) != 1 || string(keys[0].Blob) != string(s.deployKey.Marshal()) {
		t.Errorf("listed %v, %v", keys, err)
	}
	if _, err := c.Sign(s.deployKey, []byte("junk")); err == nil {
		t.Error("signed junk")
	}
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for what, err := range map[string]error{
		"removed the keys": c.RemoveAll(), "removed the key": c.Remove(s.deployKey),
		"locked the agent":   c.Lock([]byte("x")),
		"unlocked the agent": c.Unlock([]byte("x")), "added a key": c.Add(sshagent.AddedKey{PrivateKey: private}),
	} {
		if err == nil {
			t.Error(what)
		}
	}
	s.withPrograms(string(path))
	// A login elsewhere, as an intruder's ssh client would want it signed: with a binding, then
	// without.
	for _, bind := range []bool{true, false} {
		_, c := dial()
		signers := func() ([]gossh.Signer, error) { return c.Signers() }
		conf := &gossh.ClientConfig{User: s.elsewhere.User, Auth: []gossh.AuthMethod{gossh.PublicKeysCallback(signers)},
			HostKeyCallback: gossh.FixedHostKey(s.elsewhere.HostKey)}
		if bind {
			other := ed25519Key(t)
			if _, err := c.Extension("session-bind@openssh.com",
				bindRequest(t, other.PublicKey(), other, []byte("session"), 0)); err == nil {
				t.Error("bound to an unknown server")
			}
		}
		if client, err := gossh.Dial("tcp", s.elsewhere.Address(), conf); err == nil {
			t.Error("logged in elsewhere")
			_ = client.Close()
		}
	}
	// The agent's keys are unchanged.
	_, c = dial()
	if keys, err := c.List(); err != nil || len(keys) != 1 || string(keys[0].Blob) != string(s.deployKey.Marshal()) {
		t.Errorf("listed %v, %v in the end", keys, err)
	}
	open, _ := dial()
	if err := os.WriteFile(answer, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	// The command has ended: an open connection is closed, and a new one is impossible.
	if _, err := open.Read(make([]byte, 1)); !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the open connection: %v", err)
	}
	_, c = dial()
	if keys, err := c.List(); err == nil {
		t.Errorf("listed %v after the scope", keys)
	}
	if used := s.rec.of(event.KeyUsed); len(used) > 0 {
		t.Errorf("the key was used: %v", used)
	}
}

// withPrograms repeats the attack with OpenSSH's own programs.
func (s *site) withPrograms(socket string) {
	s.Helper()
	run := func(argv ...string) (string, error) {
		cmd := exec.Command(argv[0], argv[1:]...)
		cmd.Env = append(os.Environ(), "SSH_AUTH_SOCK="+socket, "SSH_ASKPASS=/bin/echo", "SSH_ASKPASS_REQUIRE=force")
		out, err := cmd.CombinedOutput()
		return strings.TrimSpace(string(out)), err
	}
	want := labtest.Line(s.deployKey, "")
	if out, err := run("ssh-add", "-L"); err != nil || !strings.HasPrefix(out, strings.TrimSpace(want)) ||
		strings.Contains(out, "\n") {
		s.Errorf("ssh-add -L: %q, %v; want %q alone", out, err, want)
	}
	mine := filepath.Join(s.dir, "mine")
	labtest.Key(s.T, mine)
	// Without a private key file next to public, ssh-keygen must ask the agent.
	message, public := filepath.Join(s.dir, "message"), filepath.Join(s.dir, "public")
	for path, text := range map[string]string{message: "a contract", public: want} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			s.Fatal(err)
		}
	}
	elsewhere := strings.Fields(client(s.elsewhere) +
		fmt.Sprintf(" -p %d %s@127.0.0.1 echo inside", s.elsewhere.Port, s.elsewhere.User))
	for _, argv := range [][]string{
		{"ssh-keygen", "-Y", "sign", "-n", "file", "-f", public, message},
		elsewhere,
		append([]string{"ssh", "-A"}, elsewhere[1:]...),
		{"ssh-add", mine}, {"ssh-add", "-x"}, {"ssh-add", "-X"}, {"ssh-add", "-d", public}, {"ssh-add", "-D"},
	} {
		if out, err := run(argv...); err == nil {
			s.Errorf("%v succeeded: %s", argv, out)
		}
	}
	if _, err := os.Stat(message + ".sig"); err == nil {
		s.Error("a message was signed")
	}
}
