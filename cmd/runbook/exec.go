package main

import (
	"errors"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"runbook/runtime/event"
	"runbook/runtime/run"
)

// execCommand is `runbook exec`.
func (p *program) execCommand() *cli.Command {
	return &cli.Command{Name: "exec", Usage: "run one command on every host", ArgsUsage: "-- CMD…", Action: p.exec,
		Description: "One argument with spaces in it goes to /bin/sh as it is; several are one command and its arguments, each quoted. " +
			"What was run, and what it printed, is on record: runbook log lists it.",
		Flags: append(hostFlags(),
			&cli.IntFlag{Name: "at-once", Usage: "how many hosts at the same time: `N`", Value: 50, EnvVars: []string{variable("at-once")}},
		)}
}

func (p *program) exec(cc *cli.Context) error {
	argv := cc.Args().Slice()
	switch {
	case len(argv) == 0:
		return run.Usage(event.WithHint(errors.New("which command?"), "runbook exec -- CMD…, such as runbook exec -- uptime"))
	case cc.Int("at-once") < 1:
		return run.Usage(errors.New("--at-once: want at least 1"))
	}
	inventory, err := inventoryOptions(cc)
	if err != nil {
		return run.Usage(err)
	}
	hosts, err := loadHosts(cc.Context, inventory, "")
	if err != nil {
		return err
	}
	p.words = words{verbose: true}
	o := run.ExecOptions{Hosts: hosts, AtOnce: cc.Int("at-once"),
		Name: execName(argv), Options: run.Options{Inventory: inventory, Prompt: p.prompt(), Explain: p.explain}}
	if len(argv) == 1 && strings.ContainsAny(argv[0], " \t\n") {
		o.Script = argv[0]
	} else {
		o.Argv = argv
	}
	records, err := p.recordsTold()
	if err != nil {
		return err
	}
	stream := p.secrets.To(append(records, &execSink{out: p.hostWriter(p.out), err: p.hostWriter(p.err), prefix: len(hosts) > 1})...)
	err = run.Exec(cc.Context, stream, o)
	if closing := unread(stream.Close()); err == nil {
		err = closing
	}
	return err
}

// execName is the command line as a list of runs has it.
func execName(argv []string) string {
	name := "exec --"
	for _, word := range argv {
		name += " " + shellQuote(word)
	}
	return name
}

// execSink passes on what the command prints, behind the host's name when there are several.
type execSink struct {
	out, err hostWriter
	prefix   bool
	failed   error // the first failure to write
}

// Event writes the lines of an output event.
func (s *execSink) Event(e event.Event) {
	if e.Kind != event.Output {
		return
	}
	w := s.out
	if e.Stream == "stderr" {
		w = s.err
	}
	text := w.text(e)
	if s.prefix {
		text = hostLines(e.Host, text)
	}
	if _, err := io.WriteString(w, text); err != nil && s.failed == nil {
		s.failed = err
	}
}

// hostWriter is where text of hosts goes: as it is to a program or a file, cleaned to whoever would act on it.
type hostWriter struct {
	io.Writer
	raw bool
}

func (p *program) hostWriter(w io.Writer) hostWriter { return hostWriter{w, p.shield.Passes(w)} }

// text is what an event says, as it goes there.
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

// Close returns the first failure to write.
func (s *execSink) Close() error { return s.failed }
