package secret

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"

	"runbook/runtime/event"
	"runbook/runtime/process"
	"runbook/runtime/ssh/shell"
)

const most = 1 << 20 // bytes of a secret

// key identifies the command, so that its answer can be reused.
func (a commandArgs) key() string {
	host := ""
	if a.On != nil {
		host = a.On.Name()
	}
	return strings.Join(append([]string{host}, a.Argv...), "\x00")
}

// run runs the command and returns what it printed.
func (a commandArgs) run(ctx context.Context) (string, error) {
	if len(a.Argv) == 0 || a.Argv[0] == "" {
		return "", errors.New(`argv: want the program and its arguments, ` +
			`such as { "op", "read", "op://app/database/password" }`)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, a.Timeout,
		fmt.Errorf("%s took longer than %s and was ended", a.Argv[0], a.Timeout))
	defer cancel()
	run := runHere
	if a.On != nil {
		run = a.runOnHost
	}
	text, err := run(ctx, a.Argv)
	if err != nil {
		return "", err
	}
	return withoutBreak(text, a.Argv[0]+" printed nothing")
}

// runOnHost runs the command on a host.
func (a commandArgs) runOnHost(ctx context.Context, argv []string) (string, error) {
	r, err := a.On.Run(ctx, shell.Command{Argv: argv, Quiet: true, Max: most, Explain: func(r shell.Result) error {
		return failure(argv[0], r.Code, lastLine(r.Stderr))
	}})
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	return r.Stdout, err
}

// runHere runs the command on this machine.
func runHere(ctx context.Context, argv []string) (string, error) {
	text, printed, err := process.Output(ctx, exec.Command(argv[0], argv[1:]...), most)
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = failure(argv[0], exit.ExitCode(), printed)
	}
	if err != nil {
		return "", err
	}
	return string(text), nil
}

// failure is the error of a program that failed. said is what it printed to standard error.
// Standard output is never shown.
func failure(program string, code int, said string) error {
	text := fmt.Sprintf("%s ended with exit status %d", program, code)
	if said != "" {
		text += ": " + said
	}
	return event.WithHint(errors.New(text),
		"try the command in a shell; it must print the secret and nothing else to standard output")
}

// lastLine returns the last line of a text that has one, without control characters.
func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return event.OneLine(lines[len(lines)-1])
}
