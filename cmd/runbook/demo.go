package main

import (
	"github.com/urfave/cli/v2"

	"runbook/cmd/runbook/demo"
)

func (p *program) demoCommand() command {
	return command{name: "demo",
		summary: "release, release again and roll back, on two throwaway hosts on this machine",
		description: `
The hosts are two SSH servers inside this process; a third serves a git repository to a deploy key. The
shipped recipes run unchanged. The demo needs neither root nor a network, and leaves nothing behind.`,
		flags: []flagSpec{
			boolFlag("keep-running",
				"keep the hosts up until Ctrl-C, and print the hosts file and the commands to try"),
			boolFlag("install", "install missing programs with apt, such as python3-venv"),
		},
		action: p.demo,
	}
}

func (p *program) demo(call *cli.Context) error {
	if err := demo.Prepare(call.Context, p.err, call.Bool("install")); err != nil {
		return err
	}
	defer p.signals.WithHooks()()
	return demo.Run(call.Context, demo.Options{Out: p.out, Command: p.dispatch}, call.Bool("keep-running"))
}
