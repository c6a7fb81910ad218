package ssh

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"syscall"
	"time"

	"runbook/runtime/event"
)

// How long is waited before a server that dropped a connection is tried again: twice as long each time, within the limit for
// connecting, and never by the same measure as others who were dropped with us.
const (
	firstWait   = 100 * time.Millisecond
	longestWait = 2 * time.Second
)

// opening is a new connection until the server has named itself. sshd closes one without having done so when as many logins as
// its MaxStartups allows are under way: that is no refusal, but a request to come back later.
type opening struct {
	net.Conn

	mu    sync.Mutex
	said  []byte // what came before its name
	named bool
	ended bool
}

// mostSaid is how many bytes of what is said before the name are kept.
const mostSaid = 1 << 10

func (o *opening) Read(b []byte) (int, error) {
	n, err := o.Conn.Read(b)
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.named {
		o.said = append(o.said, b[:min(n, mostSaid-len(o.said))]...)
		o.named = bytes.HasPrefix(o.said, []byte("SSH-")) || bytes.Contains(o.said, []byte("\nSSH-"))
		o.ended = errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET)
	}
	return n, err
}

// dropped says whether the server ended the connection before it named itself, without a reason other than too many logins.
func (o *opening) dropped() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	said := strings.TrimSpace(string(o.said))
	return o.ended && !o.named && (said == "" || strings.HasPrefix(said, "Exceeded MaxStartups"))
}

// refused is the error of a server that dropped every connection until the limit was over.
func (o *opening) refused(at string) error {
	return event.WithHint(&ConnectError{Address: at, Cause: NoHandshake, Err: fmt.Errorf("%s closes every new connection before it says that it speaks SSH", at)},
		"too many logins under way for its MaxStartups? a firewall or a ban on this machine does the same; --connect-timeout sets how long it is tried")
}

// openTarget dials, and lets the connection end with the limit.
func (h *Host) openTarget(l *limit) (*opening, error) {
	conn, err := h.dialTarget(l)
	if err != nil {
		return nil, err
	}
	l.closing(conn)
	return &opening{Conn: conn}, nil
}

// sleep waits about as long as it is told, or returns false when the limit is over before.
func (l *limit) sleep(d time.Duration) bool {
	t := time.NewTimer(d/2 + rand.N(d))
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-l.ctx.Done():
		return false
	}
}
