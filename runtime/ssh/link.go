package ssh

import (
	"context"
	"io"
	"net"
)

// link is the way to a host: an SSH connection, or nothing but this machine itself.
type link interface {
	// start runs a command line on a session of its own. The log-in shell of the host sees it, whichever that is, so it must
	// be so plain that all of them read it alike.
	start(ctx context.Context, line string) (*process, error)
	// subsystem is the other end of an sftp session.
	sftp(ctx context.Context) (*pipe, error)
	dial(ctx context.Context, network, address string) (net.Conn, error)
	// agentSocket is the path on the host of a socket whose connections come to the agent that is lent.
	agentSocket(ctx context.Context) (string, error)
	lenders() *lenders
	// done is closed when the link is gone, and lost says why.
	done() <-chan struct{}
	lost() error
	// abandon cuts the link without waiting for anything.
	abandon()
	// close ends the link and waits until nothing of it is left on this machine.
	close() error
}

// process is a command that a link started.
type process struct {
	stdin  io.WriteCloser
	stdout io.Reader
	stderr io.Reader
	// close stops reading and writing at once. It doesn't end what runs on the host.
	close func()
}

// pipe is a stream in two directions.
type pipe struct {
	io.Reader
	io.WriteCloser
	close func()
}

// cancellable calls fn, which knows of no context, and gives up waiting for it when ctx ends. What fn still
// returns then goes to drop.
func cancellable[T any](ctx context.Context, fn func() (T, error), drop func(T)) (T, error) {
	type outcome struct {
		value T
		err   error
	}
	var zero T
	if ctx.Err() != nil {
		return zero, context.Cause(ctx)
	}
	result := make(chan outcome)
	abandoned := make(chan struct{})
	go func() {
		v, err := fn()
		select {
		case result <- outcome{v, err}:
		case <-abandoned:
			if err == nil {
				drop(v)
			}
		}
	}()
	select {
	case o := <-result:
		return o.value, o.err
	case <-ctx.Done():
		close(abandoned)
		return zero, context.Cause(ctx)
	}
}

// semaphore is a mutex that can be waited for under a context.
type semaphore chan struct{}

func newSemaphore() semaphore { return make(semaphore, 1) }

func (s semaphore) lock(ctx context.Context) error {
	select {
	case s <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (s semaphore) unlock() { <-s }
