package main

import (
	"errors"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"runbook/runtime/event"
	"runbook/runtime/event/terminal"
	"runbook/runtime/inventory"
	"runbook/runtime/run"
)

// execCommand is `runbook exec`.
func (p *program) execCommand() *cli.Command {
	return &cli.Command{Name: "exec", Usage: "run one command on every host", ArgsUsage: "-- CMD…", Action: p.exec,
		Description: "One argument with spaces in it goes to /bin/sh as it is; several are one command and its arguments, each quoted. " +
			"What the hosts print comes in their order; the hosts that are still at work are shown meanwhile. " +
			"What was run, and what it printed, is on record: runbook log lists it. A pipe or a file gets the bytes that a host prints; on a " +
			"terminal, and in GitLab's log, they are without control characters.",
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
	from, err := inventoryOptions(cc)
	if err != nil {
		return run.Usage(err)
	}
	hosts, err := loadHosts(cc.Context, from, "")
	if err != nil {
		return err
	}
	p.words = words{verbose: true}
	o := run.ExecOptions{Hosts: hosts, AtOnce: cc.Int("at-once"),
		Name: execName(argv), Options: run.Options{Inventory: from, Prompt: p.prompt(), Explain: p.explain}}
	if len(argv) == 1 && strings.ContainsAny(argv[0], " \t\n") {
		o.Script = argv[0]
	} else {
		o.Argv = argv
	}
	records, err := p.recordsTold()
	if err != nil {
		return err
	}
	view := p.outputs(hosts)
	stream := p.secrets.To(append(records, view)...)
	unfollow := p.follow(cc.Context, stream, view.Pause)
	err = run.Exec(cc.Context, stream, o)
	unfollow()
	if closing := unread(stream.Close()); err == nil {
		err = closing
	}
	return err
}

// outputs shows what the command prints on the hosts.
func (p *program) outputs(hosts []inventory.Host) *terminal.Outputs {
	opts := terminal.Options{Out: p.out, Err: p.err, Colour: hasColours(p.err), Heartbeat: 30 * time.Second, Screen: screen(p.err)}
	opts.RawOut, opts.RawErr = p.hostWriter(p.out).raw, p.hostWriter(p.err).raw
	opts.OutOnScreen = opts.Screen != nil && screen(p.out) != nil
	for _, h := range hosts {
		opts.Hosts = append(opts.Hosts, h.Name)
	}
	return terminal.NewOutputs(opts)
}

// execName is the command line as a list of runs has it.
func execName(argv []string) string {
	name := "exec --"
	for _, word := range argv {
		name += " " + shellQuote(word)
	}
	return name
}
