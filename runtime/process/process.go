// Package process starts programs on this machine so that they can be ended with all that they
// started.
//
// Its one rule: a program that is ended is also waited for.
package process

import (
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"runbook/runtime/event"
)

const (
	grace   = 2 * time.Second        // for a program to end by itself, before it is killed
	linger  = 250 * time.Millisecond // for what a program has printed, after its end
	most    = 4 << 10                // how many bytes are kept of what it prints: the last ones
	lines   = 5                      // at most so many of them are returned
	longest = 300                    // bytes of a line that is returned
)

// Process is a running program in a session of its own. What it leaves in its group is killed at
// its end; a daemon leaves the group.
type Process struct {
	cmd  *exec.Cmd
	done chan struct{}
	err  error // of Wait, once done is closed

	mu      sync.Mutex
	printed []byte
}

// Start starts cmd in a session of its own, and keeps the end of what it prints to standard error.
// Its other streams must be files or nil: programs that it leaves behind may hold them open for
// ever.
func Start(cmd *exec.Cmd) (*Process, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd.Stderr = w
	OwnSession(cmd)
	err = cmd.Start()
	_ = w.Close() // the program has its own copy
	if err != nil {
		_ = r.Close()
		return nil, err
	}
	p := &Process{cmd: cmd, done: make(chan struct{})}
	collected := make(chan struct{})
	go func() {
		defer close(collected)
		p.collect(r)
	}()
	go func() {
		p.err = cmd.Wait()
		Kill(cmd)
		if err := r.SetReadDeadline(time.Now().Add(linger)); err == nil { // a daemon may hold the pipe open
			<-collected
		} else { // on Windows a pipe has no deadline; there collect may go on
			select {
			case <-collected:
			case <-time.After(linger):
			}
		}
		_ = r.Close()
		close(p.done)
	}()
	return p, nil
}

// collect keeps the last bytes of a stream.
func (p *Process) collect(stream *os.File) {
	buffer := make([]byte, most)
	for {
		n, err := stream.Read(buffer)
		p.mu.Lock()
		p.printed = append(p.printed, buffer[:n]...)
		p.printed = p.printed[max(0, len(p.printed)-most):]
		p.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// Printed returns the last lines that the program has printed to standard error so far, as one line
// without control characters.
func (p *Process) Printed() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var last []string
	for line := range strings.Lines(string(p.printed)) {
		if line = strings.Join(strings.Fields(event.OneLine(line)), " "); len(line) > longest {
			line = strings.ToValidUTF8(line[:longest], "") + "…"
		}
		if line != "" {
			last = append(last, line)
		}
	}
	return strings.Join(last[max(0, len(last)-lines):], "; ")
}

// Done is closed when the program has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err waits for the end of the program and returns how it ended: nil or an *exec.ExitError.
func (p *Process) Err() error {
	<-p.done
	return p.err
}

// End sends SIGHUP to the program and what it has started, as a closing terminal does. If the
// program has not exited after two seconds, End kills them all.
func (p *Process) End() {
	select {
	case <-p.done: // its pid may belong to another program by now
		return
	default:
		hangUp(p.cmd)
	}
	select {
	case <-p.done:
	case <-time.After(grace):
		Kill(p.cmd)
		<-p.done
	}
}
