package ssh

import (
	"io"

	gossh "golang.org/x/crypto/ssh"

	"runbook/runtime/ssh/exit"
)

// Process is a command that a Conn started.
type Process struct {
	Stdin  io.WriteCloser
	Stdout io.Reader
	Stderr io.Reader
	// Exit gets how the command ended, while processes that it left may still hold the streams. It is
	// closed with the session. This machine itself has none.
	Exit <-chan exit.Status
	// Close stops reading and writing at once. It does not end the command on the host.
	Close func()

	channel gossh.Channel // nil on this machine itself
}

// newProcess takes over a session.
func newProcess(ch gossh.Channel, requests <-chan *gossh.Request) *Process {
	ended := make(chan exit.Status, 1)
	go func() {
		defer close(ended)
		for r := range requests {
			if e, ok := exit.Parse(r); ok {
				select {
				case ended <- e:
				default: // a server may say anything twice
				}
			}
			if r.WantReply {
				_ = r.Reply(false, nil) // if it fails the connection is gone
			}
		}
	}()
	// Close fails only if either side has closed the session before.
	return &Process{Stdin: stdin{ch}, Stdout: ch, Stderr: ch.Stderr(), Exit: ended, channel: ch,
		Close: func() { _ = ch.Close() }}
}

// stdin is the input of a session. Closing it leaves the session open.
type stdin struct{ gossh.Channel }

func (s stdin) Close() error { return s.CloseWrite() }
