package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"

	"runbook/cmd/runbook/explain"
	"runbook/cmd/runbook/sandbox"
	"runbook/runtime/event/terminal"
	"runbook/runtime/run"
)

// reading describes what a command line does with recipes and hosts files, which may be hostile.
type reading int

const (
	neverReads reading = iota // it runs the files, or reads none
	readsFirst                // it reads them, then contacts hosts
	onlyReads                 // it contacts and changes nothing
)

// alwaysReads implements command.reads for a command that only reads.
func alwaysReads(line) reading { return onlyReads }

// readInSandbox runs a command line in a child process with limits, because its files may be
// hostile. done reports that nothing is left to do.
func (p *program) readInSandbox(ctx context.Context, c command, l line, args []string) (done bool, err error) {
	kind := neverReads
	if c.reads != nil {
		kind = c.reads(l)
	}
	switch {
	case p.self == "", kind == neverReads:
		if p.sandboxed && kind == neverReads {
			return true, run.Usage(errors.New("runbook calls this itself, for commands that only read files"))
		}
		return false, nil
	case kind == onlyReads:
		err := p.inChild(ctx, args, p.out)
		return true, err
	}
	// This process finds other mistakes again. Files that made the child hit a limit must not be
	// read here.
	_, err = sandbox.Run(ctx, p.self, args, p.in, io.Discard)
	if _, exited := errors.AsType[*exec.ExitError](err); exited {
		return false, nil
	}
	return false, err
}

// inChild runs a command line in a child, without a terminal, and shows its standard error.
func (p *program) inChild(ctx context.Context, args []string, out io.Writer) error {
	text, err := sandbox.Run(ctx, p.self, args, p.in, out)
	exit, exited := errors.AsType[*exec.ExitError](err)
	if err != nil && !exited {
		return err
	}
	if exited && exit.ExitCode() == statusNoHelp {
		return errNoHelp
	}
	err = p.shield.Afterwards(terminal.Wrap(text, terminal.Columns(screen(p.err))))
	if exited {
		return reportedError{run.WithStatus(exit, exit.ExitCode())}
	}
	return err
}

// enterSandbox runs a command line as the child that sandbox.Run started.
func (p *program) enterSandbox(ctx context.Context) error {
	args, err := sandbox.Words()
	if err != nil {
		return err
	}
	for _, text := range args {
		p.secrets.AddURLs(text)
	}
	ctx, leave, err := sandbox.Enter(ctx, func(err error) {
		text, hint := explain.Words{}.Explain(err)
		_, _ = fmt.Fprintf(p.err, "%s\nnext: %s\n", text, hint) // the exit status still tells
		_ = p.shield.Close()
		os.Exit(run.StatusUsage)
	})
	if err != nil {
		return err
	}
	defer leave()
	p.self, p.sandboxed = "", true
	return p.dispatch(ctx, args)
}
