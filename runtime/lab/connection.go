package lab

import (
	"io"
	"net"
	"sync"

	gossh "golang.org/x/crypto/ssh"
)

// maxSessions is OpenSSH's default for MaxSessions.
const maxSessions = 10

// connection is one client that has logged in.
type connection struct {
	server *server
	conn   *gossh.ServerConn
	gone   chan struct{} // closed when the client is gone

	mu       sync.Mutex
	sessions int
	agent    *agentSocket
	running  sync.WaitGroup
}

func newConnection(s *server, conn *gossh.ServerConn) *connection {
	return &connection{server: s, conn: conn, gone: make(chan struct{})}
}

// run serves the connection until the client is gone and everything that belonged to it has ended. Commands that
// outlive the connection are not waited for here: as under OpenSSH, they stay.
func (c *connection) run(channels <-chan gossh.NewChannel, requests <-chan *gossh.Request) {
	c.running.Go(func() { gossh.DiscardRequests(requests) }) // a refusal is an answer to a keepalive too
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

// enter counts one more session, unless there are too many.
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

// refuse answers a channel request with a refusal. An error means that the client is gone, and nobody is left to
// tell.
func refuse(channel gossh.NewChannel, reason gossh.RejectionReason, words string) {
	if err := channel.Reject(reason, words); err != nil {
		return
	}
}

// answer answers a request that wants an answer; an error means that the client is gone.
func answer(request *gossh.Request, ok bool) {
	if !request.WantReply {
		return
	}
	if err := request.Reply(ok, nil); err != nil {
		return
	}
}

// closeQuietly closes what may be closed already.
func closeQuietly(c io.Closer) {
	if err := c.Close(); err != nil {
		return
	}
}

// duplex is a stream whose writing side can end before its reading side.
type duplex interface {
	io.ReadWriteCloser
	CloseWrite() error
}

// join copies between two streams both ways, passing on each end by itself, until both ways have ended or gone is
// closed.
func join(a, b duplex, gone <-chan struct{}) {
	done := make(chan struct{})
	var ways sync.WaitGroup
	ways.Go(func() { pump(a, b) })
	ways.Go(func() { pump(b, a) })
	go func() {
		ways.Wait()
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

func pump(to, from duplex) {
	if _, err := io.Copy(to, from); err != nil {
		// A broken way breaks the other one too.
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
