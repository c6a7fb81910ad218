//go:build unix

package ssh

import (
	"context"
	"io"
	"net"
	"syscall"
)

// The errors of connections.
const (
	errRefused  = syscall.ECONNREFUSED
	errReset    = syscall.ECONNRESET
	errTimedOut = syscall.ETIMEDOUT
)

// usualAgent is the agent where SSH_AUTH_SOCK names none.
const usualAgent = ""

// dialAgent connects to an agent.
func dialAgent(ctx context.Context, socket string) (io.ReadWriteCloser, error) {
	var d net.Dialer
	return d.DialContext(ctx, "unix", socket)
}
