// Command runbook releases an application on servers, and rolls it back, by recipes written in Lua.
//
// Its one rule: one file a command, and one place, fail.go, that turns an error into words and an exit status.
// Nothing ends the process but the last line of main, so that every lock is released and every hook runs; and, when that
// doesn't come, one signal more than there is anything to interrupt.
package main

import (
	"context"
	"io"
	"os"
	"runtime/debug"
	"strings"

	"runbook/runtime/event"
	"runbook/runtime/event/ci"
)

// memoryGoal is how much memory the collector of garbage tries to stay under: without it there is at times as much garbage as there is
// of use. A run that needs more gets it. GOMEMLIMIT says otherwise.
const memoryGoal = 150 << 20

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

// program is what every command has at hand.
type program struct {
	self     string // this program's file, to look at files of others with; "" to do so in this process
	looking  bool   // this is the child that does so
	in       *os.File
	out, err io.Writer
	signals  *interrupts
	typed    []string      // the flags of the command line that runs, in order
	words    words         // how a failure is told; set by the flags
	pause    func() func() // takes what is drawn off the screen, until what it returns is called; nil when nothing is drawn
	shield   *ci.Shield    // keeps a service of continuous integration from obeying what hosts print
	secrets  *event.Stream // what a recipe read before a run began is not to be shown either
}

// execute runs one command line and returns its exit status. self is as in program.
func execute(ctx context.Context, self string, args []string, in *os.File, out, errs io.Writer) int {
	p := &program{self: self, in: in, out: out, err: errs, secrets: event.NewStream()}
	p.signals = p.listen(ctx)
	defer p.signals.stop()
	ctx = event.WithStream(p.signals.run, p.secrets)
	for _, text := range args {
		event.AddURLs(ctx, text)
	}
	for _, setting := range os.Environ() {
		if strings.HasPrefix(setting, variable("")) {
			event.AddURLs(ctx, setting)
		}
	}
	var err error
	p.shield, err = ci.Protect(os.Getenv, p.err)
	p.out = p.shield.Guard(p.out)
	if err == nil {
		err = p.signals.interrupted(p.dispatch(ctx, args))
	}
	status := p.report(err)
	_ = p.shield.Close() // if standard error is gone, the status still tells
	return status
}
