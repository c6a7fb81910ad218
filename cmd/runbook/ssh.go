package main

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"runbook/cmd/runbook/explain"
	"runbook/cmd/runbook/project"
	"runbook/runtime/event"
	"runbook/runtime/inventory"
	"runbook/runtime/run"
	"runbook/runtime/script/spell"
)

func (p *program) sshCommand() command {
	return command{name: "ssh", summary: "open a session on one host",
		argument: argument{value: value{name: "HOST [-- CMD]", offer: hostName}, many: true}, flags: hostFlags(),
		action: p.ssh,
		description: `
HOST is a name of the hosts file, reached and verified as by every other command. The login shell starts in
ROOT/current if that exists, where ROOT is the option root of recipes/release.lua. With CMD, that runs there
instead: one argument with spaces in it is a line for /bin/sh, several are a program and its arguments, each
quoted. The exit status is that of the shell or of CMD. The host gets a terminal where standard input and output
are one. The journal keeps who was where and for how long, and CMD, but nothing of what was typed or shown.`}
}

func (p *program) ssh(call *cli.Context) error {
	if call.NArg() == 0 {
		return usageError("ssh needs a host", "runbook ssh HOST; runbook hosts lists them")
	}
	from, err := inventoryOptions(call)
	if err != nil {
		return err
	}
	hosts, err := p.loadHosts(call.Context, from, nil)
	if err != nil {
		return err
	}
	var names []string
	for _, h := range hosts {
		names = append(names, h.Name)
	}
	name, argv := call.Args().First(), call.Args().Slice()[1:]
	i := slices.Index(names, name)
	if i < 0 {
		return usageError("there is no host "+name+spell.DidYouMean(name, names), "runbook hosts lists the hosts")
	}
	p.words = explain.Words{Verbose: true, Terse: true}
	o := run.SessionOptions{Host: hosts[i], Folder: p.currentFolder(call.Context, hosts[i]),
		ConnectTimeout: from.ConnectTimeout, Prompt: p.prompt(), Explain: p.explain}
	o.In, o.Out, o.Err, o.Term = p.in, p.out, p.err, os.Getenv("TERM")
	o.Terminal = o.Prompt != nil && isTerminal(p.out)
	switch {
	case len(argv) == 1 && strings.ContainsAny(argv[0], " \t\n"):
		o.Script = argv[0]
	case len(argv) > 0:
		o.Argv = argv
	}
	records, err := p.announcedRecords()
	if err != nil {
		return err
	}
	stream := p.secrets.To(append(records, loginNotes{p})...)
	code, err := run.Session(call.Context, stream, o)
	if closing := ignoreClosedPipe(stream.Close()); err == nil {
		err = closing
	}
	if err = ignoreClosedPipe(err); err == nil && code != 0 {
		err = reportedError{run.WithStatus(errors.New("what ran in the session failed"), code)}
	}
	return err
}

// currentFolder returns project.CurrentFolder, or "" with a warning after an error.
func (p *program) currentFolder(ctx context.Context, h inventory.Host) string {
	path, err := project.CurrentFolder(ctx, h, os.Getenv(variable("root")), p.describe)
	if err != nil {
		p.announce("warning: the session starts in the home folder: " + p.redact(err.Error()))
	}
	return path
}

// loginNotes shows the notes and warnings of a login before the session begins.
type loginNotes struct{ *program }

func (n loginNotes) Event(e event.Event) {
	if e.Kind == event.Info || e.Kind == event.Warning {
		n.announce(e.Text)
	}
}

// Close does nothing.
func (loginNotes) Close() error { return nil }
