package lab

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	gossh "golang.org/x/crypto/ssh"
)

// agentSocket is the socket of a forwarded agent. As in OpenSSH, each connection has at most one,
// in a new folder that only the user can enter, and it is removed with the connection.
type agentSocket struct {
	path     string
	listener net.Listener
	once     sync.Once
}

// forwardAgent serves an auth-agent-req@openssh.com request and reports whether it created a
// socket. Like sshd, it refuses a second request on a connection.
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
	// The path of a socket is limited to about 100 bytes, and the lab's folder may be too deep.
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

// close stops listening and removes the socket and its folder.
func (a *agentSocket) close() {
	a.once.Do(func() {
		closeQuietly(a.listener)
		if err := os.RemoveAll(filepath.Dir(a.path)); err != nil {
			return // a command on the host has changed the folder; removing it is not the lab's job then
		}
	})
}

// acceptAgent opens a channel to the client's agent for each program that connects to the socket.
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

// agentPath returns the path of the socket, or "" if no agent is forwarded.
func (c *connection) agentPath() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.agent == nil {
		return ""
	}
	return c.agent.path
}

// tunnel connects a channel to a TCP port or a unix socket of the host.
func (c *connection) tunnel(channel gossh.NewChannel) {
	network, address, err := tunnelTarget(channel)
	if err != nil {
		refuse(channel, gossh.ConnectionFailed, err.Error())
		return
	}
	if !c.server.policy.allows(Forwarding) {
		refuse(channel, gossh.Prohibited, "administratively prohibited")
		return
	}
	c.server.policy.observe("tunnel " + address)
	socket, err := net.DialTimeout(network, address, 10*time.Second)
	if err != nil {
		refuse(channel, gossh.ConnectionFailed, err.Error())
		return
	}
	accepted, requests, err := channel.Accept()
	if err != nil {
		closeQuietly(socket)
		return
	}
	c.running.Go(func() { gossh.DiscardRequests(requests) })
	join(accepted, socket.(duplex), c.gone)
}

func tunnelTarget(channel gossh.NewChannel) (network, address string, err error) {
	if channel.ChannelType() == "direct-streamlocal@openssh.com" {
		var to struct {
			Path     string
			Reserved string
			Unused   uint32
		}
		if err := gossh.Unmarshal(channel.ExtraData(), &to); err != nil {
			return "", "", fmt.Errorf("unreadable request: %w", err)
		}
		return "unix", to.Path, nil
	}
	var to struct {
		Host       string
		Port       uint32
		OriginHost string
		OriginPort uint32
	}
	if err := gossh.Unmarshal(channel.ExtraData(), &to); err != nil {
		return "", "", fmt.Errorf("unreadable request: %w", err)
	}
	return "tcp", net.JoinHostPort(to.Host, fmt.Sprint(to.Port)), nil
}
