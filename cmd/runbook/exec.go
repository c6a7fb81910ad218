package main

import (
	"errors"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"runbook/cmd/runbook/explain"
	"runbook/runtime/event/terminal"
	"runbook/runtime/run"
)

func (p *program) execCommand() command {
	return command{name: "exec", summary: "run one command on every host",
		argument: argument{value: value{name: "-- CMD"}, many: true}, argumentEnds: true, action: p.exec,
		description: `
One argument with spaces in it is a line for /bin/sh. Several arguments are a program and its arguments, each
quoted. The output appears host by host, in the order of the hosts; below it a terminal shows the hosts that
are still running. The journal keeps the command and its output: see runbook log. A pipe or a file gets a
host's bytes unchanged; a terminal and GitLab's log get them without control characters.`,
		flags: append(hostFlags(), countFlag("at-once", "on how many hosts at the same time", 50))}
}

func (p *program) exec(call *cli.Context) error {
	argv := call.Args().Slice()
	switch {
	case len(argv) == 0:
		return usageError("exec needs a command", "runbook exec -- CMD…, such as runbook exec -- uptime")
	case call.Int("at-once") < 1:
		return run.Usage(errors.New("--at-once: want at least 1"))
	}
	from, err := inventoryOptions(call)
	if err != nil {
		return err
	}
	hosts, err := p.loadHosts(call.Context, from, nil)
	if err != nil {
		return err
	}
	p.words = explain.Words{Verbose: true}
	o := run.ExecOptions{Hosts: hosts, AtOnce: call.Int("at-once"), Name: "exec -- " + run.CommandLine(argv...),
		ConnectTimeout: from.ConnectTimeout, Skip: from.SkipUnreachable, Prompt: p.prompt(), Explain: p.explain,
		Later: func(hosts []string) string {
			options := optionWords(p.on(hosts, nil))
			return run.CommandLine(slices.Concat([]string{"runbook", "exec"}, options, []string{"--"}, argv)...)
		}}
	if len(argv) == 1 && strings.ContainsAny(argv[0], " \t\n") {
		o.Script = argv[0]
	} else {
		o.Argv = argv
	}
	records, err := p.announcedRecords()
	if err != nil {
		return err
	}
	view := terminal.NewOutputs(p.viewOptions(hosts))
	stream := p.secrets.To(append(records, view)...)
	unfollow := p.follow(call.Context, stream, view.Pause)
	err = run.Exec(call.Context, stream, o)
	unfollow()
	if closing := ignoreClosedPipe(stream.Close()); err == nil {
		err = closing
	}
	return err
}
