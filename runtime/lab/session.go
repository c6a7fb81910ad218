package lab

import (
	"io"
	"os"
	"os/exec"
	"strings"

	"github.com/pkg/sftp"
	gossh "golang.org/x/crypto/ssh"
)

// session is one session channel: it runs one command, a shell or sftp.
type session struct {
	*connection
	channel gossh.Channel
	env     []string
	process *process      // what runs, if anything does
	used    bool          // the one command has been asked for
	closed  chan struct{} // closed when the client has closed the channel, or is gone
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
	case "subsystem":
		var asked struct{ Name string }
		known := gossh.Unmarshal(request.Payload, &asked) == nil && asked.Name == "sftp"
		if !known || s.used || !s.server.policy.allows(SFTP) {
			answer(request, false)
			return
		}
		s.used = true
		answer(request, true)
		s.running.Go(s.files)
	case "env":
		answer(request, s.setenv(request.Payload))
	case "auth-agent-req@openssh.com":
		answer(request, s.forwardAgent())
	case "signal":
		var asked struct{ Name string }
		ok := gossh.Unmarshal(request.Payload, &asked) == nil && s.process != nil
		answer(request, ok && s.server.processes.signal(s.process, asked.Name))
	default: // pty-req among them: a lab has no terminals
		answer(request, false)
	}
}

// setenv takes the variables that Debian's sshd accepts, and refuses the rest as it does.
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
		s.running.Go(func() { s.apologize(err) })
		return
	}
	run.env = append(run.env, s.env...)
	if path := s.agentPath(); path != "" {
		run.env = append(run.env, "SSH_AUTH_SOCK="+path)
	}
	streams, err := s.start(run)
	if err != nil {
		answer(request, true)
		s.running.Go(func() { s.apologize(err) })
		return
	}
	answer(request, true)
	streams.connect(s)
}

// apologize tells the client why its command does not run, as a command with status 1 that says so.
func (s *session) apologize(reason error) {
	if _, err := io.WriteString(s.channel.Stderr(), reason.Error()+"\n"); err != nil {
		return
	}
	s.finish(1, "")
}

// finish sends how a command ended and closes the channel.
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
		return // the client is gone
	}
}

// files serves sftp on the channel, inside this process.
func (s *session) files() {
	served := tap{Channel: s.channel, observe: s.server.policy.observe}
	server, err := sftp.NewServer(&served, sftp.WithServerWorkingDirectory(s.server.policy.folder()))
	if err != nil {
		s.apologize(err)
		return
	}
	code := 0
	if err := server.Serve(); err != nil {
		code = 255
	}
	closeQuietly(server)
	s.finish(code, "")
}

// start starts a program in a session of its own, with pipes for its three streams.
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
