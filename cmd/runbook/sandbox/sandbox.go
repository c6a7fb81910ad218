// Package sandbox reads other people's files in a child process of this program.
//
// Commands that only read recipes and hosts files must be safe on files that somebody else wrote,
// such as those of a pull request. They run in a child with limits that the operating system
// enforces. Limits within one process are not enough: nothing can interrupt a pattern, a sort or a
// concatenation in gopher-lua, and text that nests deep enough overflows the stack of the parser,
// which ends a Go program.
package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime/debug"
	"strings"
	"time"

	"runbook/runtime/event"
	"runbook/runtime/run"
)

// Command is the hidden command that makes this program the child. It runs the command line that
// Words returns.
const Command = "__look"

// wordsVariable passes the command line to the child. As arguments, everybody on this machine could
// read it, and an option may have a secret value.
const wordsVariable = "RUNBOOK__LOOK"

// Words returns the command line that the child has to run. It unsets wordsVariable, so that no
// other program gets it.
func Words() (words []string, err error) {
	text := os.Getenv(wordsVariable)
	if err := os.Unsetenv(wordsVariable); err != nil {
		return nil, err
	}
	if text == "" {
		return nil, run.Usage(errors.New("runbook calls this itself, to read files"))
	}
	return words, json.Unmarshal([]byte(text), &words)
}

const (
	Limit  = 5 * time.Second * slowdown // for everything that a command line reads, as timeUsed counts it
	grace  = 500 * time.Millisecond     // for reporting what was found, before Limit
	memory = 512 << 20                  // bytes, beyond what the child has when it begins
	stack  = 128 << 20                  // bytes of one goroutine's stack, for files that nest deep
)

// Starved is how many times Limit may pass while other programs keep the child from the processor.
const Starved = 6

var errSlow = event.WithHint(fmt.Errorf("reading the files took longer than %s", Limit),
	"a hosts file and the lines before recipe{ … } may only compute: look for an endless loop or pattern")

// Run runs a command line in a child of program, this executable, and returns what the child wrote
// to standard error. The error is an *exec.ExitError when the child reported a failure itself; any
// other error is a limit, an interrupt or a fault.
func Run(ctx context.Context, program string, args []string, in io.Reader, out io.Writer) (stderr string, err error) {
	// The child ends itself in time. This is for a child that is stuck.
	ctx, cancel := context.WithTimeoutCause(ctx, Starved*Limit+time.Second, run.Usage(errSlow))
	defer cancel()
	words, err := json.Marshal(args)
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, program, Command)
	cmd.Args[0], cmd.Env = os.Args[0], append(os.Environ(), wordsVariable+"="+string(words))
	shown := &prefix{most: 1 << 20}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, out, shown
	cmd.WaitDelay = time.Second // for output that a killed child leaves in its pipes
	err = cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return shown.String(), nil
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	case !errors.As(err, &exit):
		return "", fmt.Errorf("starting %s again to read the files: %w", program, err)
	case exit.ExitCode() < 0, exit.ExitCode() == statusRace:
		return "", crash(exit, shown.String())
	}
	return shown.String(), exit
}

// statusRace is the exit status of a program with the race detector that gets no memory. Without
// the detector a signal ends it.
const statusRace = 66

// crash explains why a signal ended a child, by what the Go runtime printed.
func crash(exit *exec.ExitError, printed string) error {
	const hint = "look at the files one by one, for example with runbook check FILE"
	switch {
	case strings.Contains(printed, "stack overflow"):
		return run.Usage(event.WithHint(errors.New("one of the files nests too deep to be read"), hint))
	case strings.Contains(printed, "out of memory"), strings.Contains(printed, "new OS thread"),
		strings.Contains(printed, "ThreadSanitizer failed to allocate"),
		strings.Contains(printed, "address space collisions"):
		return run.Usage(event.WithHint(fmt.Errorf("reading the files needs more than %d MB of memory", memory>>20),
			hint))
	}
	return fmt.Errorf("reading the files failed: %w\n%s", exit, printed)
}

// Enter limits this process, the child, until leave is called. The returned context ends shortly
// before the time is up, so that findings can still be reported. At the limit expire is called,
// which must end the process: something is stuck.
func Enter(ctx context.Context, expire func(error)) (limited context.Context, leave func(), err error) {
	debug.SetTraceback("crash") // a fault ends the process by a signal, which crash expects
	debug.SetMaxStack(stack)
	debug.SetMemoryLimit(memory / 2)
	CollectLess()
	if err := limitProcess(); err != nil {
		return ctx, nil, fmt.Errorf("limiting time and memory for reading files: %w", err)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		watchClock(done, cancel, expire)
	}()
	return ctx, func() {
		close(done)
		<-ended
		cancel(nil)
	}, nil
}

// watchClock ends the context when grace is left, and calls expire at the limit.
func watchClock(done <-chan struct{}, cancel context.CancelCauseFunc, expire func(error)) {
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
		case used >= Limit:
			expire(errSlow)
		case used >= Limit-grace:
			cancel(errSlow)
		}
	}
}

// timeUsed is how much of Limit is used: the time that has passed, unless other programs kept this
// one from the processor for more than half of it. Small files must not fail on a busy machine.
func timeUsed(passed, processor time.Duration) time.Duration {
	return max(processor, min(passed, 2*processor), passed/Starved)
}

// prefix is a writer that keeps the first bytes and drops the rest.
type prefix struct {
	bytes.Buffer
	most int
}

func (p *prefix) Write(b []byte) (int, error) {
	if room := p.most - p.Len(); room > 0 {
		_, _ = p.Buffer.Write(b[:min(room, len(b))]) // a bytes.Buffer cannot fail
	}
	return len(b), nil
}

// CollectLess makes the garbage collector run less often while files are read, which costs about 20
// MB, until restore is called.
func CollectLess() (restore func()) {
	before := debug.SetGCPercent(1000)
	return func() { debug.SetGCPercent(before) }
}
