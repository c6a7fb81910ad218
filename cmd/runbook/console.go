package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"runbook/runtime/event"
	"runbook/runtime/run"
)

// consoleCommand is `runbook console`.
func (p *program) consoleCommand() *cli.Command {
	return &cli.Command{Name: "console", Usage: "try Lua line by line on the hosts", Action: p.console, Flags: hostFlags(),
		Description: "Each line runs as a small recipe; what it sets, with local or without, is there for the next one, and the value of an\n" +
			"expression is shown. A host is connected to when it is first used. Tab completes, help and help NAME explain, Ctrl-C\n" +
			"ends the line or what it runs, Ctrl-D or exit ends the console. Where standard input is no terminal its lines are run, up to\n" +
			"the first error. A line that begins with a space is not kept in the history, $XDG_STATE_HOME/runbook/history."}
}

func (p *program) console(cc *cli.Context) (err error) {
	if cc.NArg() > 0 {
		return run.Usage(event.WithHint(errors.New("console takes no arguments"), "runbook run RECIPE runs a recipe"))
	}
	inventory, err := inventoryOptions(cc)
	if err != nil {
		return run.Usage(err)
	}
	hosts, err := loadHosts(cc.Context, inventory, "")
	if err != nil {
		return err
	}
	dir := "."
	if info, err := os.Stat("recipes"); err == nil && info.IsDir() {
		dir = "recipes"
	}
	p.words = words{verbose: true, terse: true}
	records, err := p.recordsTold()
	if err != nil {
		return err
	}
	c, err := run.NewConsole(cc.Context, run.ConsoleOptions{Options: run.Options{Inventory: inventory, Prompt: p.prompt(), Explain: p.explain},
		Hosts: hosts, Dir: dir, Sink: &consoleSink{p: p, out: p.hostWriter(p.out), err: p.hostWriter(p.err), prefix: len(hosts) > 1}, Records: records, Secrets: p.secrets})
	if err != nil {
		return err
	}
	p.words.typed = c.Typed
	p.secrets = c.Stream()
	defer func() {
		if closing := unread(c.Close(err)); err == nil {
			err = closing
		}
	}()
	s := consoleLoop{program: p, console: c}
	if p.editable() {
		return s.converse(cc.Context, hosts)
	}
	return s.obey(cc.Context)
}

// consoleLoop reads lines and runs them.
type consoleLoop struct {
	*program
	console *run.Console
	begun   string // the lines of what is not complete yet
}

// obey runs the lines of standard input up to the first error.
func (s *consoleLoop) obey(ctx context.Context) error {
	in := bufio.NewReader(s.in)
	for {
		line, err := awaited(ctx, func() (string, error) { return in.ReadString('\n') })
		ends := errors.Is(err, io.EOF)
		if err != nil && !ends {
			return err
		}
		s.begun += line
		if ends || !s.console.Unfinished(s.begun) {
			done := s.signals.withHooks()
			err := s.run(ctx, s.signals.hooks)
			done()
			if errors.Is(err, errExit) {
				return nil
			}
			if err != nil {
				return err
			}
		}
		if ends {
			return nil
		}
	}
}

// run runs what was begun, and shows its values. errExit ends the console.
func (s *consoleLoop) run(ctx, hooks context.Context) error {
	text := s.begun
	s.begun = ""
	if own, err := s.ownWord(text); own {
		return err
	}
	values, err := s.console.Run(ctx, hooks, text)
	if err != nil {
		return err
	}
	raw := s.hostWriter(s.out).raw
	for _, v := range values {
		if !raw {
			v = s.redact(v)
		}
		if _, err := fmt.Fprintln(s.out, v); err != nil {
			return err
		}
	}
	return nil
}

// awaited is what read returns, or why ctx has ended. A read of a terminal can't be called off: it is left to the end of
// the process then.
func awaited(ctx context.Context, read func() (string, error)) (string, error) {
	type answer struct {
		text string
		err  error
	}
	answers := make(chan answer, 1)
	go func() {
		text, err := read()
		answers <- answer{text, err}
	}()
	select {
	case a := <-answers:
		return a.text, a.err
	case <-ctx.Done():
		return "", run.WithStatus(context.Cause(ctx), run.StatusInterrupted)
	}
}

// consoleSink shows what happens while a line runs.
type consoleSink struct {
	p        *program
	out, err hostWriter
	prefix   bool // hosts are named
	failed   error
}

// Event shows what a person must know of e.
func (s *consoleSink) Event(e event.Event) {
	to, text := s.err, ""
	switch e.Kind {
	case event.Printed:
		to, text, e.Host = s.out, s.out.text(e)+"\n", "" // the recipe's own line, as it is
	case event.Table:
		s.keep(s.p.table(e))
	case event.Output:
		if e.Stream == "stdout" {
			to = s.out
		}
		text = strings.TrimSuffix(to.text(e), "\n") + "\n"
	case event.StepBegun:
		text = strings.Join(e.Step, " > ") + "\n"
	case event.Info:
		text = e.Text + "\n"
	case event.Warning, event.Skipped, event.KeyRefused:
		text = "warning: " + e.Text + "\n"
	case event.LockWaiting:
		text = "waiting for the lock: " + e.Text + "\n"
	}
	if text == "" {
		return
	}
	if s.prefix && e.Host != "" {
		text = hostLines(e.Host, text)
	}
	_, err := io.WriteString(to, text)
	s.keep(err)
}

// hostWriter is where text of hosts goes: as it is to a program or a file, cleaned to whoever would act on it.
type hostWriter struct {
	io.Writer
	raw bool
}

func (p *program) hostWriter(w io.Writer) hostWriter { return hostWriter{w, p.shield.Passes(w)} }

// text returns what is written of an event: as the host sent it where w passes bytes through, else cleaned.
func (w hostWriter) text(e event.Event) string {
	if w.raw {
		return e.Raw()
	}
	return e.Text
}

// hostLines are lines behind the name of the host that they are about.
func hostLines(host, text string) string {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	return host + " | " + strings.Join(lines, "\n"+host+" | ") + "\n"
}

func (s *consoleSink) keep(err error) {
	if s.failed == nil {
		s.failed = err
	}
}

// Close returns the first failure to write.
func (s *consoleSink) Close() error { return s.failed }
