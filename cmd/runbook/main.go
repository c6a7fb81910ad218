// Command runbook releases an application on servers, and rolls it back, by recipes written in Lua.
//
// One file holds one command, and fail.go alone turns an error into words and an exit status. Only
// the last line of main ends the process, so that every lock is released and every hook runs. The
// exceptions are a signal after everything was interrupted, and the time limit of the sandbox.
package main

import (
	"context"
	"io"
	"math"
	"os"
	"runtime/debug"
	"strings"

	"runbook/cmd/runbook/explain"
	"runbook/cmd/runbook/signals"
	"runbook/runtime/event"
	"runbook/runtime/event/ci"
)

// memoryGoal is the heap size that the garbage collector tries not to exceed. By default it lets
// garbage grow to the size of the live heap. A run may need more. GOMEMLIMIT overrides it.
const memoryGoal = 150 << 20

// manyHosts is the number of hosts from which a run saves memory. The connections of a thousand
// hosts take 60 MiB, and by default garbage may take as much again.
const manyHosts = 300

// saveMemory makes a run on many hosts collect its garbage more often than by default, which takes
// 10 % more processor time. It sets no memory goal: several thousand hosts need more, and the
// collector would run all the time. GOGC and GOMEMLIMIT override it.
func saveMemory(hosts int) {
	if hosts < manyHosts {
		return
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(30)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(math.MaxInt64)
	}
}

func main() {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryGoal)
	}
	self, err := os.Executable()
	if err != nil {
		self = os.Args[0]
	}
	os.Exit(execute(context.Background(), self, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// program holds what every command uses.
type program struct {
	self      string // this executable, which reads files in a child; "" to read them in this process
	sandboxed bool   // this process is that child
	in        *os.File
	out, err  io.Writer
	signals   *signals.Handler
	stage     string        // --stage or RUNBOOK_STAGE
	typed     []typedOption // the options of the command line, in order
	words     explain.Words // how to put a failure into words
	pause     func() func() // clears the screen until the returned function is called; nil if nothing is drawn
	shield    *ci.Shield    // keeps a CI service from obeying what hosts print
	secrets   *event.Stream // the secrets known before a run begins
}

// execute runs one command line and returns its exit status. self is as in program.
func execute(ctx context.Context, self string, args []string, in *os.File, out, errs io.Writer) int {
	p := &program{self: self, in: in, out: out, err: errs, secrets: event.NewStream()}
	p.signals = signals.Listen(ctx, in, p.announce)
	defer p.signals.Stop()
	ctx = p.signals.Run
	for _, text := range args {
		p.secrets.AddURLs(text)
	}
	for _, setting := range os.Environ() {
		if strings.HasPrefix(setting, variable("")) {
			p.secrets.AddURLs(setting)
		}
	}
	var err error
	p.shield, err = ci.Protect(os.Getenv, p.err)
	p.out = p.shield.Guard(p.out)
	if err == nil {
		err = p.asInterrupt(p.dispatch(ctx, args))
	}
	status := p.reportError(err)
	_ = p.shield.Close() // if standard error is gone, the exit status still tells
	return status
}
