package lab

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"

	gossh "golang.org/x/crypto/ssh"
)

// agentSocket is a forwarded agent as OpenSSH's sshd has it: one listening socket a connection, in a fresh folder
// that only the user may enter, gone with the connection.
type agentSocket struct {
	path     string
	listener net.Listener
	once     sync.Once
}

// forwardAgent serves an auth-agent-req@openssh.com request: true when there is a socket from now on. The second
// request on a connection is refused, as sshd refuses it.
func (c *connection) forwardAgent() bool {
	if !c.server.policy.allows(Agent) {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.agent != nil {
		return false
	}
	agent, err := newAgentSocket()
	if err != nil {
		return false
	}
	c.agent = agent
	c.running.Go(func() { c.acceptAgent(agent) })
	return true
}

func newAgentSocket() (*agentSocket, error) {
	// A socket's path may have some hundred bytes and no more, hence no folder below the lab's own.
	dir, err := os.MkdirTemp(shortTemp(), "ssh-")
	if err != nil {
		return nil, fmt.Errorf("agent socket: %w", err)
	}
	a := &agentSocket{path: filepath.Join(dir, fmt.Sprintf("agent.%d", os.Getpid()))}
	if a.listener, err = net.Listen("unix", a.path); err != nil {
		if removed := os.Remove(dir); removed != nil {
			return nil, fmt.Errorf("agent socket: %w (and %w)", err, removed)
		}
		return nil, fmt.Errorf("agent socket: %w", err)
	}
	return a, nil
}

// close ends the listening and removes the socket with its folder.
func (a *agentSocket) close() {
	a.once.Do(func() {
		closeQuietly(a.listener)
		if err := os.RemoveAll(filepath.Dir(a.path)); err != nil {
			return // a stranger's files in it: they are not the lab's to remove
		}
	})
}

// acceptAgent opens a channel to the client's agent for every program that connects to the socket.
func (c *connection) acceptAgent(a *agentSocket) {
	for {
		socket, err := a.listener.Accept()
		if err != nil {
			return
		}
		c.running.Go(func() {
			channel, requests, err := c.conn.OpenChannel("auth-agent@openssh.com", nil)
			if err != nil {
				closeQuietly(socket)
				return
			}
			c.running.Go(func() { gossh.DiscardRequests(requests) })
			join(channel, socket.(duplex), c.gone)
		})
	}
}

// agentPath is the socket's path, or "" when no agent is forwarded.
func (c *connection) agentPath() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.agent == nil {
		return ""
	}
	return c.agent.path
}
