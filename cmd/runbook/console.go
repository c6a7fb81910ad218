package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"runbook/cmd/runbook/explain"
	"runbook/cmd/runbook/recipetest"
	"runbook/runtime/console"
	"runbook/runtime/event/journal"
	"runbook/runtime/event/terminal"
	"runbook/runtime/inventory"
	"runbook/runtime/recipe"
	apidocs "runbook/runtime/script/docs"
)

func (p *program) consoleCommand() command {
	return command{name: "console", summary: "try Lua line by line on the hosts", flags: hostFlags(), action: p.console,
		description: `
Each line runs as a small recipe. Later lines see its variables, local or not, and the value of an expression
is shown. Hosts are connected when they are first used. Tab completes; help and help NAME explain; Ctrl-C
cancels the line or what it runs; Ctrl-D or exit ends the console. If standard input is not a terminal, its
lines run up to the first error. The history is in $XDG_STATE_HOME/runbook/history; a line that begins with a
space is not kept.`}
}

func (p *program) console(call *cli.Context) (err error) {
	if call.NArg() > 0 {
		return usageError("console takes no arguments", "runbook run RECIPE runs a recipe")
	}
	options, err := inventoryOptions(call)
	if err != nil {
		return err
	}
	hosts, err := p.loadHosts(call.Context, options, nil)
	if err != nil {
		return err
	}
	api, err := recipetest.API()
	if err != nil {
		return err
	}
	dir := "."
	if info, err := os.Stat("recipes"); err == nil && info.IsDir() {
		dir = "recipes"
	}
	p.words = explain.Words{Verbose: true, Terse: true}
	records, err := p.announcedRecords()
	if err != nil {
		return err
	}
	c, err := console.New(call.Context, console.Options{
		Hosts: hosts, KnownHosts: options.KnownHosts, Names: inventory.NewNames(p.secrets, options),
		ConnectTimeout: options.ConnectTimeout,
		Skip:           options.SkipUnreachable,
		Prompt:         p.prompt(), Explain: p.explain, Dir: dir, Files: api.Sources,
		Settings: &recipe.Settings{Stage: p.stage},
		Sink:     terminal.NewConsole(p.viewOptions(hosts), p.table), Records: records, Secrets: p.secrets,
	})
	if err != nil {
		return err
	}
	p.words.Typed = c.IsWhole
	p.secrets = c.Stream()
	defer func() {
		if closing := ignoreClosedPipe(c.Close(err)); err == nil {
			err = closing
		}
	}()
	return p.converse(call.Context, c, api, hosts)
}

// converse runs the prompt until the input ends.
func (p *program) converse(ctx context.Context, c *console.Console, api recipe.API, hosts []inventory.Host) error {
	l := console.Loop{Console: c, In: p.in, Out: p.out, Err: p.err, Signals: p.signals, Hooks: p.signals.Hooks,
		Redact: func(value string) string {
			if p.shield.Passes(p.out) { // a program reads the values
				return value
			}
			return p.redact(value)
		},
		Report: func(err error) { p.reportError(err) },
		Docs:   func(name string) (string, error) { return apidocs.Text(api.Recipes, name) },
		Names:  apidocs.Names(api.Recipes),
		History: func() (string, error) {
			runs, err := journal.Dir()
			return filepath.Join(filepath.Dir(runs), "history"), err
		},
	}
	if p.prompt() == nil || screen(p.out) == nil || !console.Editable() {
		return l.Read(ctx)
	}
	var names []string
	for _, h := range hosts {
		names = append(names, h.Name)
	}
	return l.Edit(ctx, "hosts: "+strings.Join(names, ", ")+"; Tab completes, help explains, Ctrl-D ends")
}
