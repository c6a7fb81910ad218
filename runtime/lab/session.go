package lab

import (
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"

	gossh "golang.org/x/crypto/ssh"
)

// session is a session channel. It runs one command or a shell.
type session struct {
	*connection
	channel gossh.Channel
	env     []string
	process *process      // the command, or nil
	used    bool          // the session has had its one request
	closed  chan struct{} // closed when the client has closed the channel or disconnected
}

func (c *connection) session(offered gossh.NewChannel) {
	channel, requests, err := offered.Accept()
	if err != nil {
		return
	}
	s := &session{connection: c, channel: channel, closed: make(chan struct{})}
	defer close(s.closed)
	for request := range requests {
		s.serve(request)
	}
}

func (s *session) serve(request *gossh.Request) {
	switch request.Type {
	case "exec":
		var asked struct{ Command string }
		if gossh.Unmarshal(request.Payload, &asked) != nil {
			answer(request, false)
			return
		}
		s.server.policy.observe("exec " + asked.Command)
		s.execute(request, asked.Command, false)
	case "shell":
		s.server.policy.observe("shell")
		s.execute(request, "", true)
	case "env":
		answer(request, s.setenv(request.Payload))
	case "auth-agent-req@openssh.com":
		answer(request, s.forwardAgent())
	case "signal":
		var asked struct{ Name string }
		ok := gossh.Unmarshal(request.Payload, &asked) == nil && s.process != nil
		answer(request, ok && s.server.processes.signal(s.process, asked.Name))
	default: // including pty-req: a lab has no terminals
		answer(request, false)
	}
}

// setenv accepts the same variables as Debian's sshd.
func (s *session) setenv(payload []byte) bool {
	var asked struct{ Name, Value string }
	if gossh.Unmarshal(payload, &asked) != nil {
		return false
	}
	if asked.Name != "LANG" && !strings.HasPrefix(asked.Name, "LC_") {
		return false
	}
	s.env = append(s.env, asked.Name+"="+asked.Value)
	return true
}

// execute starts a command and connects it to the channel.
func (s *session) execute(request *gossh.Request, asked string, shell bool) {
	if s.used {
		answer(request, false)
		return
	}
	s.used = true
	run, err := s.server.policy.command(asked, shell)
	if err != nil {
		answer(request, true)
		s.running.Go(func() { s.fail(err) })
		return
	}
	run.env = append(run.env, s.env...)
	if path := s.agentPath(); path != "" {
		run.env = append(run.env, "SSH_AUTH_SOCK="+path)
	}
	streams, err := s.start(run)
	if err != nil {
		answer(request, true)
		s.running.Go(func() { s.fail(err) })
		return
	}
	answer(request, true)
	streams.connect(s)
}

// fail reports to the client why its command does not run, as the output of a command with status
// 1.
func (s *session) fail(reason error) {
	if _, err := io.WriteString(s.channel.Stderr(), reason.Error()+"\n"); err != nil {
		return
	}
	s.finish(1, "")
}

// finish sends the exit status and closes the channel.
func (s *session) finish(code int, signal string) {
	s.status(code, signal)
	closeQuietly(s.channel)
}

func (s *session) status(code int, signal string) {
	kind, payload := "exit-status", gossh.Marshal(struct{ Code uint32 }{uint32(code)})
	if signal != "" {
		kind, payload = "exit-signal", gossh.Marshal(struct {
			Signal   string
			Core     bool
			Message  string
			Language string
		}{Signal: signal})
	}
	if _, err := s.channel.SendRequest(kind, false, payload); err != nil {
		return // the client has disconnected
	}
}

// start starts a program in a new session, with pipes for its standard streams.
func (s *session) start(run invocation) (*streams, error) {
	var p streams
	var ends [3]*os.File // the program's
	var err error
	defer func() {
		for _, end := range ends {
			if end != nil {
				closeQuietly(end)
			}
		}
		if err != nil {
			p.close()
		}
	}()
	if ends[0], p.stdin, err = os.Pipe(); err != nil {
		return nil, err
	}
	if p.stdout, ends[1], err = os.Pipe(); err != nil {
		return nil, err
	}
	if p.stderr, ends[2], err = os.Pipe(); err != nil {
		return nil, err
	}
	s.process, err = s.server.processes.start(&exec.Cmd{
		Path: run.path, Args: run.argv, Dir: run.dir, Env: run.env,
		Stdin: ends[0], Stdout: ends[1], Stderr: ends[2],
	})
	if err != nil {
		return nil, err
	}
	return &p, nil
}

// streams holds the lab's ends of a program's pipes.
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

// connect copies between the program of a session and its channel. As in OpenSSH, the channel stays
// open while any process holds the program's output. If the client disconnects first, the program
// keeps running with its stdin closed.
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
		closeQuietly(p.stdin)
		s.status(process.code, process.signal)
		select {
		case <-ended:
		case <-s.closed:
			return
		}
		closeQuietly(s.channel)
	})
}

// feed copies the client's input to the program. After the program has closed its stdin, the rest
// is discarded, so that the client does not block.
func (p *streams) feed(from io.Reader) {
	_, err := io.Copy(p.stdin, from)
	closeQuietly(p.stdin)
	if err == nil {
		return
	}
	if _, err := io.Copy(io.Discard, from); err != nil {
		return // the client has disconnected
	}
}

// carry copies a program's output to the client. If the client stops reading, it closes the pipe,
// so that the program gets an error.
func carry(to io.Writer, from *os.File) {
	if _, err := io.Copy(to, from); err != nil {
		closeQuietly(from)
	}
}
