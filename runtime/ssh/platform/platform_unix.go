//go:build unix

package platform

import (
	"context"
	"io"
	"net"
	"syscall"
)

// The errors of connections.
const (
	ErrRefused  = syscall.ECONNREFUSED
	ErrReset    = syscall.ECONNRESET
	ErrTimedOut = syscall.ETIMEDOUT
)

// UsualAgent is the agent where SSH_AUTH_SOCK names none.
const UsualAgent = ""

// DialAgent connects to an agent.
func DialAgent(ctx context.Context, socket string) (io.ReadWriteCloser, error) {
	var d net.Dialer
	return d.DialContext(ctx, "unix", socket)
}
