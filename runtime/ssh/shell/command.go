package shell

import (
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"runbook/runtime/ssh"
	"runbook/runtime/ssh/shell/commandline"
	"runbook/runtime/ssh/shell/typed"
)

// Command is what to run on a host: either Script or Argv.
type Command struct {
	Script string   // a text for /bin/sh
	Args   []string // $1, $2, … of Script
	Argv   []string // a program and its arguments, which are quoted
	Shown  string   // what events and errors show instead of the command

	Cwd   string            // the folder to run in; "" for the user's home
	Env   map[string]string // variables, in addition to those of the login; the host's process list never shows them
	Stdin *string           // the input; nil for none (/dev/null)
	Input io.Reader         // the input, instead of Stdin; if reading fails it ends early
	Sudo  string            // the user to run as through sudo, or ""

	// Resident is for runbook's own scripts without input. With Sudo they run in a shell that sudo
	// has started once: sudo takes 10 ms and more, and logs each command of a recipe.
	Resident bool

	Timeout     time.Duration // limits the whole command; 0 for no limit
	IdleTimeout time.Duration // limits a time without output; 0 for no limit

	Pipefail bool // runs Script with pipefail: the status is that of the last command of a pipe that failed
	Retries  int  // how often to try again, see Host.Run

	Max       int       // limits the bytes of stdout and of stderr, else an error; output.DefaultMax if 0
	ShowOnly  bool      // sends output to the events alone: the Result has none of it, and no limit applies
	AnyStatus bool      // accepts a status other than 0
	MustRun   bool      // refuses 126 and 127 even with AnyStatus: the command did not run
	Output    io.Writer // gets stdout as it comes, instead of the Result and the events; its errors are ignored
	Secrets   []string  // values to hide wherever the run shows anything
	Quiet     bool      // emits no events: for what is not a step of a recipe

	// Yield marks a command with input that the caller can do without, such as a second stream of one
	// file. A server that refuses its session is an error at once. When the server refuses another
	// session, Yield is called, any number of times, and must let the command end soon.
	Yield func()

	// Explain returns the error for a status other than 0, instead of an *ExitError. It is for
	// scripts of runbook's own, whose output is for Explain and not shown.
	Explain func(Result) error
}

// Result is the outcome of a command.
type Result struct {
	Code    int     `lua:"code" doc:"the exit status; after a signal 128 plus its number"`
	OK      bool    `lua:"ok" doc:"whether the status was 0"`
	Stdout  string  `lua:"stdout" doc:"the output"`
	Stderr  string  `lua:"stderr" doc:"the errors"`
	Seconds float64 `lua:"seconds" doc:"how long it took"`
}

// accepts reports whether a status other than 0 is no error.
func (c Command) accepts(code int) bool {
	ran := code != 126 && code != 127
	return c.AnyStatus && (ran || !c.MustRun || c.asksForProgram())
}

// asksForProgram reports whether the command is "command -v NAME", for which dash exits 127 to say
// no.
func (c Command) asksForProgram() bool {
	words := c.Argv
	if words == nil {
		words = strings.Fields(c.Script)
	}
	for len(words) > 3 && slices.Contains([]string{">/dev/null", "2>/dev/null", "2>&1"}, words[len(words)-1]) {
		words = words[:len(words)-1]
	}
	return len(words) == 3 && words[0] == "command" && words[1] == "-v" && ssh.Harmless(words[2])
}

// line returns the command as a text for /bin/sh, without options.
func (c Command) line() (string, error) {
	switch {
	case c.Argv != nil && c.Pipefail:
		return "", errors.New("pipefail is for a command that is a string: a list of words has no pipe in it")
	case c.Argv != nil && c.Script != "":
		return "", errors.New("a command is a script or a list of words, not both")
	case c.Argv != nil:
		return ssh.QuoteAll(c.Argv)
	case strings.TrimSpace(c.Script) == "":
		return "", errors.New("the command is empty")
	case strings.IndexByte(c.Script, 0) >= 0:
		return "", errors.New("the command has a NUL byte in it")
	}
	if len(c.Args) == 0 {
		return c.Script, nil
	}
	args, err := ssh.QuoteAll(append([]string{"set", "--"}, c.Args...))
	return args + "\n" + c.Script, err
}

// text returns the command as a person would type it, for events and errors. It leaves out
// variables, which are often long and often secret. hide replaces the secrets in a text.
func (c Command) text(hide func(string) string) string {
	line, err := c.line()
	if err != nil {
		return "?"
	}
	switch {
	case c.Shown != "":
		line = c.Shown
	case c.Argv != nil:
		line = typed.Line(c.Argv, hide)
	}
	if c.Sudo != "" {
		user := ""
		if c.Sudo != "root" {
			user = "-u " + c.Sudo + " "
		}
		line = "sudo " + user + line
	}
	if c.Cwd != "" {
		if dir, err := ssh.Quote(c.Cwd); err == nil {
			line = "cd " + dir + " && " + line
		}
	}
	return line
}

// body returns the script of a subshell that runs the command, see commandline.Body.
func (c Command) body(env map[string]string) (string, error) {
	line, err := c.line()
	if err != nil {
		return "", err
	}
	return commandline.Body{Line: line, Words: c.Argv != nil, Cwd: c.Cwd, Env: env, Pipefail: c.Pipefail}.Script()
}

// program returns the command line if the command is one program, named by its path, with plain
// words; "" for any other command. Nothing in such a line can change the shell, so it needs no
// subshell. The shell may start it by vfork, which costs half.
func (c Command) program(env map[string]string) (string, error) {
	line, err := c.line()
	plain := strings.HasPrefix(line, "/") && !c.Pipefail && (c.Argv != nil || ssh.Harmless(line, '=', ' '))
	if err != nil || !plain || c.Cwd != "" || c.Sudo != "" || len(env) > 0 {
		return "", err
	}
	return line, nil
}
