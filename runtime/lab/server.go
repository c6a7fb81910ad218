package lab

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"sync"

	gossh "golang.org/x/crypto/ssh"
)

// server is one SSH server on 127.0.0.1: it accepts one user with one key, and serves connections as its policy
// says.
type server struct {
	serverOptions
	address  string
	port     int
	key      gossh.PublicKey
	config   *gossh.ServerConfig
	listener net.Listener

	mu      sync.Mutex
	stopped bool
	sockets map[net.Conn]bool // every connection; true when it has logged in
	logins  int
	running sync.WaitGroup
}

type serverOptions struct {
	name      string
	user      string
	login     gossh.PublicKey
	keyFile   string
	processes *processes
	policy    policy
}

func newServer(options serverOptions) (*server, error) {
	signer, err := writeKey(options.keyFile)
	if err != nil {
		return nil, fmt.Errorf("server %s: %w", options.name, err)
	}
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("server %s: %w", options.name, err)
	}
	at := listener.Addr().(*net.TCPAddr)
	s := &server{
		serverOptions: options, address: at.IP.String(), port: at.Port, key: signer.PublicKey(),
		listener: listener, sockets: map[net.Conn]bool{},
	}
	s.config = &gossh.ServerConfig{PublicKeyCallback: s.authorize}
	s.config.AddHostKey(signer)
	s.running.Go(s.accept)
	return s, nil
}

func (s *server) authorize(meta gossh.ConnMetadata, key gossh.PublicKey) (*gossh.Permissions, error) {
	if meta.User() != s.user || !bytes.Equal(key.Marshal(), s.login.Marshal()) {
		return nil, fmt.Errorf("%s may not log in as %s", gossh.FingerprintSHA256(key), meta.User())
	}
	return &gossh.Permissions{}, nil
}

func (s *server) accept() {
	for {
		socket, err := s.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // a client that went away again
		}
		s.mu.Lock()
		if s.stopped {
			s.mu.Unlock()
			closeQuietly(socket)
			return
		}
		s.sockets[socket] = false
		s.running.Go(func() { s.serve(socket) })
		s.mu.Unlock()
	}
}

// serve is the life of one connection.
func (s *server) serve(socket net.Conn) {
	defer func() {
		closeQuietly(socket)
		s.mu.Lock()
		delete(s.sockets, socket)
		s.mu.Unlock()
	}()
	conn, channels, requests, err := gossh.NewServerConn(socket, s.config)
	if err != nil {
		return // a failed login is the client's to tell
	}
	s.mu.Lock()
	s.sockets[socket] = true
	s.logins++
	s.mu.Unlock()
	newConnection(s, conn).run(channels, requests)
}

// stop accepts no more and drops the connections there are.
func (s *server) stop() error {
	s.mu.Lock()
	s.stopped = true
	s.mu.Unlock()
	err := s.listener.Close()
	s.killConnections()
	if err != nil {
		return fmt.Errorf("server %s: %w", s.name, err)
	}
	return nil
}

func (s *server) wait() { s.running.Wait() }

func (s *server) killConnections() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for socket := range s.sockets {
		closeQuietly(socket)
	}
}

func (s *server) loginCount() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.logins
}

func (s *server) connectionCount() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, in := range s.sockets {
		if in {
			n++
		}
	}
	return n
}
