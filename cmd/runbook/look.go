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
	lookLimit  = 5 * time.Second * slowdown // for all that a command looks at, as timeUsed counts it
	lookGrace  = 500 * time.Millisecond     // for saying what was found, before lookLimit
	lookMemory = 512 << 20                  // bytes, beyond what the child has when it begins
	lookStack  = 128 << 20                  // bytes of one stack: of files that nest deep
)

var errSlow = event.WithHint(fmt.Errorf("reading the files took longer than %s", lookLimit),
	"what stands before recipe{ … }, and a hosts file, may only compute: look for a loop or a pattern without an end")

// lookKind is what a command line does with files that somebody has written.
type lookKind int

const (
	lookNever lookKind = iota // it runs what they say, or reads none
	lookFirst                 // it looks at them, and then contacts hosts
	lookOnly                  // it contacts and changes nothing
)

// lookKindOf is the kind of a command line, which is not empty.
func (p *program) lookKindOf(args []string) lookKind {
	looks := false
	switch args[0] {
	case "check", completeName:
		looks = true
	case "docs":
		looks = slices.ContainsFunc(args, func(arg string) bool { return strings.HasSuffix(arg, ".lua") })
	case "run":
		looks = asksForHelp(args[1:]) || len(arguments(p.runCommand(nil).Flags, args[1:])) == 0
	case "hosts":
		if pings(args) {
			return lookFirst
		}
		looks = true
	}
	if looks {
		return lookOnly
	}
	return lookNever
}

// look does in a child what a command line does with the files of others. done says that there is nothing left to do.
func (p *program) look(ctx context.Context, args []string) (done bool, err error) {
	if p.self == "" {
		return false, nil
	}
	silent := func(string) error { return nil }
	switch kind := p.lookKindOf(args); {
	case kind == lookFirst: // what else is wrong, this process finds too
		err := p.inChild(ctx, args, io.Discard, silent)
		var t told
		if errors.As(err, &t) {
			return false, nil
		}
		return false, err
	case kind == lookNever:
		return false, nil
	case args[0] == completeName: // nobody wants to read of a failure while typing
		if err := p.inChild(ctx, args, p.out, silent); err != nil {
			return true, told{err}
		}
		return true, nil
	}
	return true, p.inChild(ctx, args, p.out, p.sayLooked)
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

// inChild runs a command line in a child process, and says what that has printed on standard error. Its error has been shown so,
// unless a limit or an interrupt ended it.
func (p *program) inChild(ctx context.Context, args []string, out io.Writer, say func(string) error) error {
	// The child ends itself; this is for one that can't.
	ctx, cancel := context.WithTimeoutCause(ctx, lookStarved*lookLimit+time.Second, run.Usage(errSlow))
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

// asChild does in this process, which inChild has started, what a command line does with the files of others.
func (p *program) asChild(ctx context.Context, args []string) error {
	if len(args) == 0 || p.lookKindOf(args) == lookNever {
		return run.Usage(errors.New("runbook calls this itself, for commands that look at files"))
	}
	debug.SetTraceback("crash") // a fault ends it by a signal
	debug.SetMaxStack(lookStack)
	debug.SetMemoryLimit(lookMemory / 2)
	if err := limitProcess(); err != nil {
		return fmt.Errorf("limiting what reading may take: %w", err)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	done, ended := make(chan struct{}), make(chan struct{})
	defer func() { close(done); <-ended }()
	go func() {
		defer close(ended)
		p.endInTime(done, cancel)
	}()
	p.self, p.looking = "", true
	return p.dispatch(ctx, args)
}

// endInTime ends this process when its time is up: whatever is stuck. A little before, it ends the context.
func (p *program) endInTime(done <-chan struct{}, cancel context.CancelCauseFunc) {
	began := time.Now()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-tick.C:
		}
		passed := time.Since(began)
		switch used := timeUsed(passed, processTime(passed)); {
		case used >= lookLimit:
			text, hint := words{}.explain(errSlow)
			_, _ = fmt.Fprintf(p.err, "%s\nnext: %s\n", text, hint) // the status still tells
			_ = p.shield.Close()
			os.Exit(run.StatusUsage)
		case used >= lookLimit-lookGrace:
			cancel(errSlow)
		}
	}
}

// lookStarved is how many times lookLimit may pass when this process gets next to no time of the processor.
const lookStarved = 6

// timeUsed is how much of lookLimit is used: what has passed, unless other programs kept this one from the processor for more
// than half of that. On a machine that is busy with other things, what needs little must not fail.
func timeUsed(passed, processor time.Duration) time.Duration {
	return max(processor, min(passed, 2*processor), passed/lookStarved)
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
