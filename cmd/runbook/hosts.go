package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"runbook/cmd/runbook/hostlist"
	"runbook/cmd/runbook/project"
	"runbook/recipes"
	"runbook/runtime/inventory"
	"runbook/runtime/recipe"
	"runbook/runtime/run"
)

// defaultHosts is the hosts file of commands without a recipe.
const defaultHosts = "production"

func (p *program) hostsCommand() command {
	return command{name: "hosts", summary: "list the hosts a run would use",
		argument: argument{value: value{name: "RECIPE", offer: recipeFile}, optional: true},
		flags: append(hostFlags(),
			boolFlag("ping", "connect to each host and show what is there"),
			boolFlag("json", "print the hosts as JSON, one per line"),
		),
		description: `
With RECIPE, the hosts are those that the recipe names; otherwise those of hosts/production.lua, unless
--hosts names others.`,
		reads: func(l line) reading {
			if l.has("ping") || os.Getenv(variable("ping")) != "" {
				return readsFirst
			}
			return onlyReads
		},
		action: p.hosts}
}

// loadHosts reads the hosts of a command: by --hosts, or else by the recipe, which may be nil.
func (p *program) loadHosts(
	ctx context.Context, opts inventory.Options, of *recipe.Description,
) ([]inventory.Host, error) {
	name, folder := defaultHosts, project.Folder
	if of != nil {
		name, folder = of.Hosts, filepath.Dir(of.Path)
		opts.RecipeDir = folder
	}
	if err := project.CheckStage(opts.Stage, folder); err != nil {
		return nil, err
	}
	opts.Warn = func(text string) { p.announce("warning: " + p.redact(text)) }
	hosts, err := inventory.LoadIfAny(ctx, p.secrets, opts, name)
	return hosts, run.Usage(err)
}

// describe reads what a recipe declares. It reads no secret and no variable of the environment.
func (p *program) describe(ctx context.Context, path string) (recipe.Description, error) {
	api, err := versionedAPI()
	if err != nil {
		return recipe.Description{}, err
	}
	d, err := recipe.Describe(ctx, api, p.secrets, path, &recipe.Settings{Stage: p.stage})
	return d, run.Usage(err)
}

func (p *program) hosts(call *cli.Context) error {
	if call.NArg() > 1 {
		return run.Usage(errors.New("hosts takes one recipe at most"))
	}
	var of *recipe.Description
	if call.NArg() == 1 {
		path, err := project.Recipe(call.Args().First())
		if err != nil {
			return err
		}
		d, err := p.describe(call.Context, path)
		if err != nil {
			return err
		}
		of = &d
	}
	inventory, err := inventoryOptions(call)
	if err != nil {
		return err
	}
	inventory.Offline = call.Bool("ping") && p.sandboxed // the parent reads ssh_config again and runs its commands
	hosts, err := p.loadHosts(call.Context, inventory, of)
	if err != nil {
		return err
	}
	var pinged []run.Pinged
	if call.Bool("ping") && !p.sandboxed {
		opts, err := p.pingOptions(of, inventory)
		if err != nil {
			return err
		}
		if pinged, err = run.Ping(call.Context, p.secrets, hosts, opts); err != nil {
			return err
		}
	}
	if call.Bool("json") {
		err = writeJSON(redacted{p}, hostlist.Lines(hosts, pinged, p.redact))
	} else {
		err = p.table(hostlist.Table(hosts, pinged))
	}
	if err != nil {
		return err
	}
	var failed []error
	for _, one := range pinged {
		if !one.Skipped {
			failed = append(failed, one.Err)
		}
	}
	return run.WithStatus(run.Join(failed...), run.StatusRefused)
}

// pingOptions returns what --ping runs on a host: the project's ping.sh, or else the shipped one.
// Its settings come from RUNBOOK_ variables, the host's vars, the recipe's defaults, and its own.
func (p *program) pingOptions(of *recipe.Description, from inventory.Options) (run.PingOptions, error) {
	dir, options := "recipes", []recipe.Option{}
	if of != nil {
		dir, options = filepath.Dir(of.Path), of.Options
	}
	text, err := os.ReadFile(filepath.Join(dir, "lib", "ping.sh"))
	if errors.Is(err, os.ErrNotExist) {
		text, err = recipes.Files.ReadFile("lib/ping.sh")
	}
	opts := run.PingOptions{Script: string(text), Settings: run.PingSettings(string(text)), Given: map[string]string{},
		ConnectTimeout: from.ConnectTimeout, Skip: from.SkipUnreachable, Prompt: p.prompt()}
	for name := range opts.Settings {
		for _, o := range options {
			if o.Name == name && o.Text(o.Default) != "" {
				opts.Settings[name] = o.Text(o.Default)
			}
		}
		if text := os.Getenv(variable(name)); text != "" {
			opts.Given[name] = text
		}
	}
	return opts, run.Usage(err)
}
