package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"runbook/runtime/event"
	"runbook/runtime/event/terminal"
	"runbook/runtime/run"
)

// Commands that only look at recipes and hosts files must be safe to run on the files of others, such as those of a pull
// request. They run in a child process with limits that the system keeps. Limits within this process would not do: a
// pattern, a sort or one .. of gopher-lua can't be called off, and what the parser or check does with text that nests
// deep enough ends a Go program.

// lookName is the command that this program calls its child with; it is in no help.
const lookName = "__look"

const (
	lookLimit  = 5 * time.Second * slowdown // for all that a command looks at
	lookMemory = 512 << 20                  // bytes, beyond what the child has when it begins
	lookStack  = 128 << 20                  // bytes of one stack: of files that nest deep
)

var errSlow = event.WithHint(fmt.Errorf("reading the files took longer than %s", lookLimit),
	"what stands before recipe{ … }, and a hosts file, may only compute: look for a loop or a pattern without an end")

// looksOnly tells whether a command line contacts and changes nothing, and reads files that somebody has written.
func looksOnly(args []string) bool {
	switch args[0] {
	case "check":
		return true
	case "docs":
		return slices.ContainsFunc(args, func(arg string) bool { return strings.HasSuffix(arg, ".lua") })
	case "run":
		return asksForHelp(args[1:])
	case "hosts":
		return !pings(args)
	}
	return false
}

// pings tells whether a command line, or the environment, has the option --ping.
func pings(args []string) bool {
	return os.Getenv(variable("ping")) != "" || slices.ContainsFunc(args, func(arg string) bool {
		return isOption(arg) && strings.HasPrefix(strings.TrimLeft(arg, "-"), "ping")
	})
}

// sayLooked shows what a child has printed on standard error, which is no terminal to it.
func (p *program) sayLooked(text string) error {
	return p.shield.Afterwards(terminal.Wrap(text, terminal.Columns(screen(p.err))))
}

// look runs a command line in a child process, and says what that has printed on standard error. Its error has been shown so,
// unless a limit or an interrupt ended it.
func (p *program) look(ctx context.Context, args []string, out io.Writer, say func(string) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, lookLimit, run.Usage(errSlow))
	defer cancel()
	cmd := exec.CommandContext(ctx, p.self, append([]string{lookName}, args...)...)
	cmd.Args[0] = os.Args[0]
	shown := &head{most: 1 << 20}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = p.in, out, shown
	cmd.WaitDelay = time.Second // for what a killed child leaves in its pipes
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case !errors.As(err, &exit):
		return fmt.Errorf("starting %s again, to read the files: %w", p.self, err)
	case exit.ExitCode() < 0, exit.ExitCode() == statusRace:
		return lookCrashed(exit, shown.String())
	default:
		err = told{run.WithStatus(exit, exit.ExitCode())}
	}
	if failed := say(shown.String()); err == nil {
		err = failed
	}
	return err
}

// statusRace is the exit status of a program with the race detector that gets no memory. Without it a signal ends one.
const statusRace = 66

// lookCrashed is why a child ended so, as far as what it printed tells.
func lookCrashed(exit *exec.ExitError, shown string) error {
	const hint = "look at the files one by one, such as by runbook check FILE"
	switch {
	case strings.Contains(shown, "stack overflow"):
		return run.Usage(event.WithHint(errors.New("one of the files nests too deep to be read"), hint))
	case strings.Contains(shown, "out of memory"), strings.Contains(shown, "new OS thread"),
		strings.Contains(shown, "ThreadSanitizer failed to allocate"), strings.Contains(shown, "address space collisions"):
		return run.Usage(event.WithHint(fmt.Errorf("reading the files needs more than %d MB of memory", lookMemory>>20), hint))
	}
	return fmt.Errorf("reading the files failed: %w\n%s", exit, shown)
}

// inLook makes this process the child that look starts, and returns what its context is.
func inLook(ctx context.Context) (context.Context, context.CancelFunc, error) {
	debug.SetTraceback("crash") // a fault ends it by a signal
	debug.SetMaxStack(lookStack)
	debug.SetMemoryLimit(lookMemory / 2)
	if err := limitProcess(); err != nil {
		return nil, nil, fmt.Errorf("limiting what reading may take: %w", err)
	}
	// A little before its parent ends it, so that it can say what it has found.
	ctx, cancel := context.WithTimeoutCause(ctx, lookLimit-500*time.Millisecond, errSlow)
	return ctx, cancel, nil
}

// head keeps the beginning of what is written.
type head struct {
	bytes.Buffer
	most int
}

// Write keeps what there is room for, and takes the rest for written.
func (h *head) Write(b []byte) (int, error) {
	if room := h.most - h.Len(); room > 0 {
		_, _ = h.Buffer.Write(b[:min(room, len(b))]) // a bytes.Buffer can't fail
	}
	return len(b), nil
}
