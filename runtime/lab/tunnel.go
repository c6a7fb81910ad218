package lab

import (
	"fmt"
	"net"
	"time"

	gossh "golang.org/x/crypto/ssh"
)

// tunnel serves a channel to a port or a unix socket, as seen from the host.
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
