package lab

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"sync"

	gossh "golang.org/x/crypto/ssh"
)

// server is an SSH server on 127.0.0.1. It accepts one user with one key.
type server struct {
	serverOptions
	address  string
	port     int
	key      gossh.PublicKey
	config   *gossh.ServerConfig
	listener net.Listener

	mu      sync.Mutex
	stopped bool
	sockets map[net.Conn]bool // every connection; true after login
	logins  int
	running sync.WaitGroup
}

type serverOptions struct {
	name      string
	user      string
	login     gossh.PublicKey
	keyFile   string
	processes *Processes
	policy    policy
}

func newServer(options serverOptions) (*server, error) {
	signer, err := WriteKey(options.keyFile)
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
		return nil, fmt.Errorf("key %s cannot log in as %s", gossh.FingerprintSHA256(key), meta.User())
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
			continue // the client has disconnected already
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

// serve handles one connection until it ends.
func (s *server) serve(socket net.Conn) {
	defer func() {
		closeQuietly(socket)
		s.mu.Lock()
		delete(s.sockets, socket)
		s.mu.Unlock()
	}()
	conn, channels, requests, err := gossh.NewServerConn(socket, s.config)
	if err != nil {
		return // the client reports a failed login
	}
	s.mu.Lock()
	s.sockets[socket] = true
	s.logins++
	s.mu.Unlock()
	newConnection(s, conn).run(channels, requests)
}

// stop closes the listener and all connections.
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
	for _, loggedIn := range s.sockets {
		if loggedIn {
			n++
		}
	}
	return n
}
