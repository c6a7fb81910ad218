package lab

import (
	"io"
	"net"
	"sync"

	gossh "golang.org/x/crypto/ssh"
)

// maxSessions is OpenSSH's default for MaxSessions.
const maxSessions = 10

// connection is the connection of one client that has logged in.
type connection struct {
	server *server
	conn   *gossh.ServerConn
	gone   chan struct{} // closed when the client has disconnected

	mu       sync.Mutex
	sessions int
	agent    *agentSocket
	running  sync.WaitGroup
}

func newConnection(s *server, conn *gossh.ServerConn) *connection {
	return &connection{server: s, conn: conn, gone: make(chan struct{})}
}

// run serves the connection until the client disconnects, and waits for its goroutines. Commands
// keep running, as under OpenSSH.
func (c *connection) run(channels <-chan gossh.NewChannel, requests <-chan *gossh.Request) {
	c.running.Go(func() { gossh.DiscardRequests(requests) }) // a refusal answers a keepalive
	for channel := range channels {
		c.open(channel)
	}
	close(c.gone)
	c.mu.Lock()
	agent := c.agent
	c.mu.Unlock()
	if agent != nil {
		agent.close()
	}
	closeQuietly(c.conn)
	c.running.Wait()
}

func (c *connection) open(channel gossh.NewChannel) {
	switch kind := channel.ChannelType(); kind {
	case "session":
		if !c.enter() {
			refuse(channel, gossh.ResourceShortage, "no more sessions")
			return
		}
		c.running.Go(func() {
			defer c.leave()
			c.session(channel)
		})
	case "direct-tcpip", "direct-streamlocal@openssh.com":
		c.running.Go(func() { c.tunnel(channel) })
	default:
		refuse(channel, gossh.UnknownChannelType, "unknown channel type "+kind)
	}
}

// enter counts a new session. It returns false if there are too many.
func (c *connection) enter() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sessions == maxSessions {
		return false
	}
	c.sessions++
	return true
}

func (c *connection) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sessions--
}

// refuse rejects a channel. An error means that the client has disconnected.
func refuse(channel gossh.NewChannel, reason gossh.RejectionReason, message string) {
	if err := channel.Reject(reason, message); err != nil {
		return
	}
}

// answer replies to a request that wants a reply. An error means that the client has disconnected.
func answer(request *gossh.Request, ok bool) {
	if !request.WantReply {
		return
	}
	if err := request.Reply(ok, nil); err != nil {
		return
	}
}

// closeQuietly closes c, which may already be closed.
func closeQuietly(c io.Closer) {
	if err := c.Close(); err != nil {
		return
	}
}

// duplex is a stream whose writing side can be closed before its reading side.
type duplex interface {
	io.ReadWriteCloser
	CloseWrite() error
}

// join copies between two streams in both directions until both have ended or gone is closed. Each
// direction ends separately.
func join(a, b duplex, gone <-chan struct{}) {
	done := make(chan struct{})
	var copies sync.WaitGroup
	copies.Go(func() { copyHalf(a, b) })
	copies.Go(func() { copyHalf(b, a) })
	go func() {
		copies.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-gone:
	}
	closeQuietly(a)
	closeQuietly(b)
	<-done
}

// copyHalf copies one direction and then closes the writing side.
func copyHalf(to, from duplex) {
	if _, err := io.Copy(to, from); err != nil {
		// An error in one direction ends the other, too.
		closeQuietly(to)
		closeQuietly(from)
		return
	}
	if err := to.CloseWrite(); err != nil {
		return
	}
}

var (
	_ duplex = (gossh.Channel)(nil)
	_ duplex = (*net.TCPConn)(nil)
	_ duplex = (*net.UnixConn)(nil)
)
