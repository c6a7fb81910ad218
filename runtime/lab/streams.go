package lab

import (
	"io"
	"os"
	"sync"
)

// streams are the lab's ends of a program's pipes.
type streams struct {
	stdin, stdout, stderr *os.File
}

func (p *streams) close() {
	for _, end := range []*os.File{p.stdin, p.stdout, p.stderr} {
		if end != nil {
			closeQuietly(end)
		}
	}
}

// connect carries data between the program of a session and its channel. The channel stays open for as long as
// anything holds the program's output, as OpenSSH has it; when the client goes first, the program keeps running
// and finds its stdin at an end.
func (p *streams) connect(s *session) {
	s.running.Go(func() { p.feed(s.channel) })
	ended := make(chan struct{})
	var output sync.WaitGroup
	output.Go(func() { carry(s.channel, p.stdout) })
	output.Go(func() { carry(s.channel.Stderr(), p.stderr) })
	s.running.Go(func() {
		output.Wait()
		close(ended)
	})
	process := s.process
	s.running.Go(func() {
		defer p.close()
		select {
		case <-process.done:
		case <-s.closed:
			return
		}
		closeQuietly(p.stdin) // nobody reads it any more
		s.status(process.code, process.signal)
		select {
		case <-ended:
		case <-s.closed:
			return
		}
		closeQuietly(s.channel)
	})
}

// feed copies what the client sends to the program. When the program reads no more, the rest is thrown away: the
// client must not be left waiting for room.
func (p *streams) feed(from io.Reader) {
	_, err := io.Copy(p.stdin, from)
	closeQuietly(p.stdin)
	if err == nil {
		return
	}
	if _, err := io.Copy(io.Discard, from); err != nil {
		return // the client is gone
	}
}

// carry copies a program's output to the client and closes its end when the client takes no more, so that the
// program learns of it.
func carry(to io.Writer, from *os.File) {
	if _, err := io.Copy(to, from); err != nil {
		closeQuietly(from)
	}
}
