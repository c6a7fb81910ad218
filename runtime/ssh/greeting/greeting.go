// Package greeting watches what a server sends first on a new connection.
package greeting

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"sync"

	"runbook/runtime/ssh/platform"
)

// Conn is a new connection that watches what the server sends first. sshd closes a connection
// before its version line while MaxStartups logins are under way. That is no refusal: the client
// may try again.
type Conn struct {
	net.Conn
	ahead []byte // read, but not passed on; only the one reader uses it

	mu    sync.Mutex
	said  []byte // what came before the version line
	named bool
	ended bool
}

// The bytes before the version line that are kept, and the bytes that are read ahead.
const (
	maxKept  = 1 << 10
	maxAhead = 1 << 10
)

// Watch returns conn as a Conn.
func Watch(conn net.Conn) *Conn { return &Conn{Conn: conn} }

// Read reads ahead for a reader with a smaller buffer: x/crypto reads the version line byte by byte,
// and a system call for each byte is 3 % of what a login costs.
func (c *Conn) Read(b []byte) (int, error) {
	if len(c.ahead) == 0 && len(b) >= maxAhead {
		n, err := c.Conn.Read(b)
		c.watch(b[:n], err)
		return n, err
	}
	if len(c.ahead) == 0 {
		ahead := make([]byte, maxAhead)
		n, err := c.Conn.Read(ahead)
		c.watch(ahead[:n], err)
		if n == 0 {
			return 0, err
		}
		c.ahead = ahead[:n] // an error comes again with the next read
	}
	n := copy(b, c.ahead)
	c.ahead = c.ahead[n:]
	return n, nil
}

// watch records what was read.
func (c *Conn) watch(b []byte, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.named {
		return
	}
	c.said = append(c.said, b[:min(len(b), maxKept-len(c.said))]...)
	c.named = bytes.HasPrefix(c.said, []byte("SSH-")) || bytes.Contains(c.said, []byte("\nSSH-"))
	c.ended = errors.Is(err, io.EOF) || errors.Is(err, platform.ErrReset)
}

// Heard returns what came first, and whether the version line was in it.
func (c *Conn) Heard() (said string, named bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return string(c.said), c.named
}

// Dropped reports whether the server closed the connection before its version line, and gave no
// reason but too many logins.
func (c *Conn) Dropped() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	said := strings.TrimSpace(string(c.said))
	return c.ended && !c.named && (said == "" || strings.HasPrefix(said, "Exceeded MaxStartups"))
}
