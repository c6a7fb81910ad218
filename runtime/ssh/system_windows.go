package ssh

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
	errRefused  = syscall.Errno(10061) // WSAECONNREFUSED
	errReset    = syscall.WSAECONNRESET
	errTimedOut = syscall.Errno(10060) // WSAETIMEDOUT
)

// usualAgent is the pipe of OpenSSH's agent, which is a service of Windows.
const usualAgent = `\\.\pipe\openssh-ssh-agent`

// dialAgent connects to an agent, by a named pipe or a Unix socket. Nothing ends a read of the pipe
// before the agent answers.
func dialAgent(ctx context.Context, at string) (io.ReadWriteCloser, error) {
	if pipe := filepath.FromSlash(at); strings.HasPrefix(pipe, `\\.\pipe\`) {
		return os.OpenFile(pipe, os.O_RDWR, 0)
	}
	var d net.Dialer
	return d.DialContext(ctx, "unix", at)
}
