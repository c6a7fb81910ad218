//go:build unix

// Package hostile runs SSH and git servers that attack their client: they print without end, list
// folders without end, flood the agent. Only tests use it.
//
// Apart from the requested attacks a server behaves like a normal host, so that runbook gets as far
// as the attack. Commands really run, as the user who runs the test.
package hostile

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	gossh "golang.org/x/crypto/ssh"
)

// Attacks select what a server does to its client. A nil field leaves that part of the server
// honest.
type Attacks struct {
	// Greet writes the output of every session instead of running its command.
	Greet func(stdout, stderr io.Writer)
	// Keep writes the output of a lock's keeper after the keeper has acquired the lock.
	Keep func(stdout, stderr io.Writer)
	// Agent is called with the connection after a request for agent forwarding.
	Agent func(conn *gossh.ServerConn)
	// Programs are scripts by name. Commands find them before the real programs.
	Programs map[string]string
	// Ask runs a keyboard-interactive login by calling ask. If nil, everybody can log in.
	Ask func(ask gossh.KeyboardInteractiveChallenge) error
}

// Server is a hostile server on the loopback address.
type Server struct {
	Port    int
	HostKey string // in the format of authorized_keys

	attacks Attacks
	config  *gossh.ServerConfig
	path    string // PATH of commands
	open    sync.WaitGroup
}

// Start starts a server and stops it at the end of the test.
func Start(t testing.TB, attacks Attacks) *Server {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := gossh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{
		HostKey: strings.TrimSpace(string(gossh.MarshalAuthorizedKey(signer.PublicKey()))),
		attacks: attacks, path: os.Getenv("PATH"),
		// With the race detector, chacha20 without assembly takes most of the time of a flood.
		config: &gossh.ServerConfig{Config: gossh.Config{Ciphers: []string{gossh.CipherAES128GCM}},
			NoClientAuth: attacks.Ask == nil},
	}
	if attacks.Ask != nil {
		s.config.KeyboardInteractiveCallback = func(_ gossh.ConnMetadata,
			ask gossh.KeyboardInteractiveChallenge) (*gossh.Permissions, error) {
			return nil, attacks.Ask(ask)
		}
	}
	s.config.AddHostKey(signer)
	if attacks.Programs != nil {
		dir := t.TempDir()
		for name, script := range attacks.Programs {
			if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		s.path = dir + ":" + s.path
	}
	s.listen(t)
	return s
}

// listen accepts connections on a free port until the end of the test.
func (s *Server) listen(t testing.TB) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.Port = listener.Addr().(*net.TCPAddr).Port
	var mu sync.Mutex
	conns, closed := map[net.Conn]bool{}, false
	s.open.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns[conn] = true
			if closed {
				_ = conn.Close()
			}
			mu.Unlock()
			s.open.Go(func() {
				s.serve(conn)
				mu.Lock()
				delete(conns, conn)
				mu.Unlock()
			})
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		mu.Lock()
		closed = true
		for conn := range conns {
			_ = conn.Close() // it may already be closed
		}
		mu.Unlock()
		s.open.Wait()
	})
}

func (s *Server) serve(c net.Conn) {
	defer func() { _ = c.Close() }()
	conn, channels, requests, err := gossh.NewServerConn(c, s.config)
	if err != nil {
		return
	}
	var all sync.WaitGroup
	defer all.Wait()
	all.Go(func() { gossh.DiscardRequests(requests) })
	for offered := range channels {
		if offered.ChannelType() != "session" {
			_ = offered.Reject(gossh.UnknownChannelType, "no")
			continue
		}
		ch, requests, err := offered.Accept()
		if err != nil {
			return
		}
		all.Go(func() { s.session(conn, ch, requests) })
	}
}

// session answers the requests of one session and runs its command meanwhile. The command is killed
// at the end of the session.
func (s *Server) session(conn *gossh.ServerConn, ch gossh.Channel, requests <-chan *gossh.Request) {
	defer func() { _ = ch.Close() }()
	var all sync.WaitGroup
	defer all.Wait()
	end := make(chan struct{})
	defer close(end)
	for r := range requests {
		ok := true
		switch r.Type {
		case "exec":
			var line struct{ Text string }
			if err := gossh.Unmarshal(r.Payload, &line); err != nil {
				return
			}
			all.Go(func() { s.run(ch, line.Text, end) })
		case "auth-agent-req@openssh.com":
			if ok = s.attacks.Agent != nil; ok {
				all.Go(func() { s.attacks.Agent(conn) })
			}
		default:
			ok = r.Type == "env"
		}
		if r.WantReply {
			_ = r.Reply(ok, nil)
		}
	}
}

// run runs a command or attacks instead, and closes the session.
func (s *Server) run(ch gossh.Channel, line string, end <-chan struct{}) {
	status := uint32(127)
	if s.attacks.Greet != nil {
		s.attacks.Greet(ch, ch.Stderr())
	} else {
		status = s.command(ch, line, end)
	}
	// Errors mean that the client has closed the session.
	_, _ = ch.SendRequest("exit-status", false, gossh.Marshal(struct{ Status uint32 }{status}))
	_ = ch.Close()
}

// command runs a command of the client and returns its exit status.
func (s *Server) command(ch gossh.Channel, line string, end <-chan struct{}) uint32 {
	cmd := exec.Command("/bin/sh", "-c", line)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Env = append(os.Environ(), "PATH="+s.path, "SSH_AUTH_SOCK=/nonexistent")
	out := &keeperWatch{w: ch}
	if s.attacks.Keep != nil {
		out.acquired = func() { s.attacks.Keep(ch, ch.Stderr()) }
	}
	cmd.Stdout, cmd.Stderr = out, ch.Stderr()
	in, err := cmd.StdinPipe()
	if err != nil || cmd.Start() != nil {
		return 127
	}
	go func() { // ends with the session
		_, _ = io.Copy(in, io.TeeReader(ch, &out.script))
		_ = in.Close()
	}()
	exited := make(chan struct{})
	go func() {
		select {
		case <-exited:
		case <-end:
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		}
	}()
	err = cmd.Wait()
	close(exited)
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return uint32(max(exit.ExitCode(), 0))
	}
	return 0
}

// keeperWatch forwards the output of a command, and calls acquired when a lock's keeper reports
// that it has the lock.
type keeperWatch struct {
	w        io.Writer
	script   lockedBuffer
	acquired func()
}

func (k *keeperWatch) Write(b []byte) (int, error) {
	n, err := k.w.Write(b)
	if err == nil && k.acquired != nil && bytes.Contains(b, []byte("taken\n")) &&
		strings.Contains(k.script.String(), "flock -n 9") {
		k.acquired()
	}
	return n, err
}

// lockedBuffer keeps the first 64 KiB that are written to it.
type lockedBuffer struct {
	mu   sync.Mutex
	text []byte
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.text = append(b.text, p[:min(len(p), max(0, 64<<10-len(b.text)))]...)
	return len(p), nil
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return string(b.text)
}
