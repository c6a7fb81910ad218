package ssh

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Command is what to run on a host: Script or Argv, one of the two.
type Command struct {
	Script string   // for /bin/sh, as it stands
	Argv   []string // a program and its arguments, which are quoted

	Cwd   string            // the folder to run in; "" for the user's home
	Env   map[string]string // variables on top of those of the log-in; they never appear in the host's list of processes
	Stdin *string           // what to feed it; nil for nothing at all (/dev/null)
	Input io.Reader         // in place of Stdin, read once. Where reading fails the input ends, and the command must be able to tell
	Sudo  string            // the user to run as through sudo, or ""

	Timeout     time.Duration // the limit for the whole; 0 for none
	IdleTimeout time.Duration // the limit for a time without output; 0 for none

	Max       int       // the most bytes of stdout and of stderr that the Result can hold; DefaultMax when 0. More is an error
	ShowOnly  bool      // what it prints goes to the events alone: the Result holds nothing of it, and however much there is, it is no error
	AnyStatus bool      // a status other than 0 is no error
	Output    io.Writer // takes what it prints, as it comes, instead of the Result and the events; its errors don't matter
	Secrets   []string  // values that are replaced wherever the run shows anything
	Quiet     bool      // no events: for what is no step of the recipe's own
}

// Result is how a command ended.
type Result struct {
	Code    int     `lua:"code" doc:"the exit status; 128 and the signal's number when a signal ended it"`
	OK      bool    `lua:"ok" doc:"whether the status was 0"`
	Stdout  string  `lua:"stdout" doc:"all that it printed"`
	Stderr  string  `lua:"stderr" doc:"all that it printed as errors"`
	Seconds float64 `lua:"seconds" doc:"how long it took"`
}

// line is the command without anything around it.
func (c Command) line() (string, error) {
	switch {
	case c.Argv != nil && c.Script != "":
		return "", errors.New("a command is a script or a list of words, not both")
	case c.Argv != nil:
		return QuoteAll(c.Argv)
	case strings.TrimSpace(c.Script) == "":
		return "", errors.New("the command is empty")
	case strings.IndexByte(c.Script, 0) >= 0:
		return "", errors.New("the command has a NUL byte in it")
	}
	return c.Script, nil
}

// text is the command as a person would type it, for events and errors. Variables are left out: they are often
// long, and often secret. hide replaces the secrets in a text.
func (c Command) text(hide func(string) string) string {
	line, err := c.line()
	if err != nil {
		return "?"
	}
	if c.Argv != nil {
		line = Show(c.Argv, hide)
	}
	if c.Sudo != "" {
		user := ""
		if c.Sudo != "root" {
			user = "-u " + c.Sudo + " "
		}
		line = "sudo " + user + line
	}
	if c.Cwd != "" {
		if dir, err := Quote(c.Cwd); err == nil {
			line = "cd " + dir + " && " + line
		}
	}
	return line
}

// body is the script of a subshell that changes folder, sets variables and runs the command. A script stands in an eval, which
// makes a syntax error the end of the subshell alone. Quoted words can have none, and without the eval the subshell becomes
// the program instead of starting it: one process less a command.
func (c Command) body(env map[string]string) (string, error) {
	line, err := c.line()
	if err != nil {
		return "", err
	}
	var b strings.Builder
	if c.Cwd != "" {
		dir, err := Quote(c.Cwd)
		if err != nil {
			return "", fmt.Errorf("cwd: %w", err)
		}
		b.WriteString("cd -- " + dir + " && ")
	}
	if len(env) > 0 {
		b.WriteString("export")
		for _, name := range slices.Sorted(maps.Keys(env)) {
			if !regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`).MatchString(name) {
				return "", fmt.Errorf("env: %q can't be the name of a variable", name)
			}
			value, err := Quote(env[name])
			if err != nil {
				return "", fmt.Errorf("env: %s: %w", name, err)
			}
			b.WriteString(" " + name + "=" + value)
		}
		b.WriteString(" && ")
	}
	if c.Argv != nil {
		return b.String() + line, nil
	}
	// The space keeps a script that begins with a dash from being taken for an option of eval.
	quoted, err := Quote(" " + line)
	if err != nil {
		return "", err
	}
	return b.String() + "eval " + quoted, nil
}

type envKey struct{ host *Host }

// WithEnv returns a context under which commands on h see the given variables, on top of those of the contexts
// around it. Command.Env goes before them.
func WithEnv(ctx context.Context, h *Host, env map[string]string) context.Context {
	merged := map[string]string{}
	maps.Copy(merged, envOf(ctx, h))
	maps.Copy(merged, env)
	return context.WithValue(ctx, envKey{h}, merged)
}

func envOf(ctx context.Context, h *Host) map[string]string {
	env, _ := ctx.Value(envKey{h}).(map[string]string)
	return env
}

// program is the line of a command that is nothing but one program, named by its path, and plain words: nothing in it can change the
// shell that starts it, so it needs no subshell, and the shell may start it by vfork, which costs half. "" for any other command.
func (c Command) program(env map[string]string) (string, error) {
	line, err := c.line()
	plain := strings.HasPrefix(line, "/") && (c.Argv != nil || strings.Trim(line, harmless+"= ") == "")
	if err != nil || !plain || c.Cwd != "" || c.Sudo != "" || len(env) > 0 {
		return "", err
	}
	return line, nil
}
