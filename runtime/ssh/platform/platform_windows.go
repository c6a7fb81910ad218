package platform

import (
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// The errors of connections: on Windows those of syscall with the names of Unix never occur.
const (
	ErrRefused  = syscall.Errno(10061) // WSAECONNREFUSED
	ErrReset    = syscall.WSAECONNRESET
	ErrTimedOut = syscall.Errno(10060) // WSAETIMEDOUT
)

// UsualAgent is the pipe of OpenSSH's agent, which is a service of Windows.
const UsualAgent = `\\.\pipe\openssh-ssh-agent`

// DialAgent connects to an agent, by a named pipe or a Unix socket. Nothing ends a read of the pipe
// before the agent answers.
func DialAgent(ctx context.Context, at string) (io.ReadWriteCloser, error) {
	if pipe := filepath.FromSlash(at); strings.HasPrefix(pipe, `\\.\pipe\`) {
		return os.OpenFile(pipe, os.O_RDWR, 0)
	}
	var d net.Dialer
	return d.DialContext(ctx, "unix", at)
}
