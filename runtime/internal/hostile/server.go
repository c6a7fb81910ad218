//go:build unix

// Package hostile is an SSH server for tests that speaks the protocol and then does what no honest host does: it prints without end, lists
// folders without end, floods the agent. git.go has a git server and a repository of that kind.
//
// Its one rule: without a misdeed it is a host like any other, so that runbook gets as far as the misdeed. Commands really run, as
// whoever runs the test.
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

	"github.com/pkg/sftp"
	gossh "golang.org/x/crypto/ssh"
)

// Misdeeds are what a server does; it is honest where they are nil.
type Misdeeds struct {
	// Greet prints in place of a session's command.
	Greet func(stdout, stderr io.Writer)
	// Keep prints in place of what the keeper of a lock does after it has taken it.
	Keep func(stdout, stderr io.Writer)
	// Names is what a folder has when it is listed by SFTP, from the n-th READDIR on; an empty name ends a packet.
	Names func(n int) []string
	// Agent is called with the connection once agent forwarding was asked for, while the first command runs.
	Agent func(conn *gossh.ServerConn)
	// Programs are scripts by their names, which commands find before the real ones.
	Programs map[string]string
	// Ask asks whoever logs in, by the function that it is given, instead of letting everybody in.
	Ask func(ask gossh.KeyboardInteractiveChallenge) error
}

// Server is a hostile server on the loopback address.
type Server struct {
	Port    int
	HostKey string // its public key line

	misdeeds Misdeeds
	config   *gossh.ServerConfig
	path     string // PATH of commands
	open     sync.WaitGroup
}

// Start starts a server that lets everybody in, unless it asks, and ends it with the test.
func Start(t testing.TB, m Misdeeds) *Server {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	_, private, err := ed25519.GenerateKey(rand.Reader)
	must(err)
	signer, err := gossh.NewSignerFromKey(private)
	must(err)
	s := &Server{HostKey: strings.TrimSpace(string(gossh.MarshalAuthorizedKey(signer.PublicKey()))), misdeeds: m, path: os.Getenv("PATH"),
		config: &gossh.ServerConfig{NoClientAuth: m.Ask == nil}}
	if m.Ask != nil {
		s.config.KeyboardInteractiveCallback = func(_ gossh.ConnMetadata, ask gossh.KeyboardInteractiveChallenge) (*gossh.Permissions, error) {
			return nil, m.Ask(ask)
		}
	}
	s.config.AddHostKey(signer)
	if m.Programs != nil {
		dir := t.TempDir()
		for name, script := range m.Programs {
			must(os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script), 0o755))
		}
		s.path = dir + ":" + s.path
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	s.Port = l.Addr().(*net.TCPAddr).Port
	var mu sync.Mutex
	conns, closed := map[net.Conn]bool{}, false
	s.open.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns[c] = true
			if closed {
				_ = c.Close()
			}
			mu.Unlock()
			s.open.Go(func() {
				s.serve(c)
				mu.Lock()
				delete(conns, c)
				mu.Unlock()
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		mu.Lock()
		closed = true
		for c := range conns {
			_ = c.Close() // it may be closed already
		}
		mu.Unlock()
		s.open.Wait()
	})
	return s
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

// session answers the requests of one session. Its command runs beside them, and is ended with it.
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
		case "subsystem":
			all.Go(func() { s.files(ch) })
		case "auth-agent-req@openssh.com":
			if ok = s.misdeeds.Agent != nil; ok {
				all.Go(func() { s.misdeeds.Agent(conn) })
			}
		default:
			ok = r.Type == "env"
		}
		if r.WantReply {
			_ = r.Reply(ok, nil)
		}
	}
}

// run runs a command, or does something else, and closes the session.
func (s *Server) run(ch gossh.Channel, line string, end <-chan struct{}) {
	status := uint32(127)
	if s.misdeeds.Greet != nil {
		s.misdeeds.Greet(ch, ch.Stderr())
	} else {
		status = s.command(ch, line, end)
	}
	// Errors mean that the client has closed it.
	_, _ = ch.SendRequest("exit-status", false, gossh.Marshal(struct{ Status uint32 }{status}))
	_ = ch.Close()
}

func (s *Server) command(ch gossh.Channel, line string, end <-chan struct{}) uint32 {
	cmd := exec.Command("/bin/sh", "-c", line)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Env = append(os.Environ(), "PATH="+s.path, "SSH_AUTH_SOCK=/nonexistent")
	out := &keeperWatch{w: ch}
	if s.misdeeds.Keep != nil {
		out.taken = func() { s.misdeeds.Keep(ch, ch.Stderr()) }
	}
	cmd.Stdout, cmd.Stderr = out, ch.Stderr()
	in, err := cmd.StdinPipe()
	if err != nil || cmd.Start() != nil {
		return 127
	}
	go func() { // it ends with the session
		_, _ = io.Copy(in, io.TeeReader(ch, &out.script))
		_ = in.Close()
	}()
	gone := make(chan struct{})
	go func() {
		select {
		case <-gone:
		case <-end:
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		}
	}()
	err = cmd.Wait()
	close(gone)
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return uint32(max(exit.ExitCode(), 0))
	}
	return 0
}

// keeperWatch passes on what a command prints, and calls taken when it is a keeper that has the lock.
type keeperWatch struct {
	w      io.Writer
	script lockedBuffer
	taken  func()
}

func (k *keeperWatch) Write(b []byte) (int, error) {
	n, err := k.w.Write(b)
	if err == nil && k.taken != nil && bytes.Contains(b, []byte("taken\n")) && strings.Contains(k.script.String(), "flock -n 9") {
		k.taken()
	}
	return n, err
}

// lockedBuffer keeps the beginning of what is written.
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

// files serves SFTP.
func (s *Server) files(ch gossh.Channel) {
	defer func() { _ = ch.Close() }()
	if s.misdeeds.Names != nil {
		list(ch, s.misdeeds.Names)
		return
	}
	server, err := sftp.NewServer(ch)
	if err != nil {
		return
	}
	_ = server.Serve()
	_ = server.Close()
}
