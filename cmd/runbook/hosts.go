package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"runbook/runtime/event"
	"runbook/runtime/event/terminal"
	"runbook/runtime/inventory"
	"runbook/runtime/run"
)

// defaultHosts is the hosts file of the commands that have no recipe to say one.
const defaultHosts = "production"

// hostsCommand is `runbook hosts`.
func (p *program) hostsCommand() *cli.Command {
	return &cli.Command{Name: "hosts", Usage: "list the hosts a run would use", ArgsUsage: "[RECIPE]", Action: p.hosts,
		Flags: append(hostFlags(),
			boolFlag("ping", "connect to each and report"),
			boolFlag("json", "one host a line, as JSON"),
		)}
}

// loadHosts reads the hosts of a command, by the default of the recipe when one is given.
func loadHosts(ctx context.Context, opts inventory.Options, recipe string) ([]inventory.Host, error) {
	name := defaultHosts
	if recipe != "" {
		d, err := run.Describe(ctx, recipe)
		if err != nil {
			return nil, err
		}
		name, opts.RecipeDir = d.Hosts, filepath.Dir(recipe)
	}
	if name == "" && opts.Hosts == "" {
		return nil, nil
	}
	hosts, err := inventory.Load(ctx, opts, name)
	return hosts, run.Usage(err)
}

// hostLine is a host as --json shows it.
type hostLine struct {
	Name    string         `json:"name"`
	Address string         `json:"address"`
	Port    int            `json:"port"`
	User    string         `json:"user"`
	Jump    string         `json:"jump,omitempty"`
	Tags    []string       `json:"tags"`
	Vars    map[string]any `json:"vars"`
	Source  string         `json:"source"`
	OK      *bool          `json:"ok,omitempty"`    // with --ping
	Error   string         `json:"error,omitempty"` // with --ping
}

func (p *program) hosts(cc *cli.Context) error {
	if cc.NArg() > 1 {
		return run.Usage(errors.New("hosts takes one recipe at most"))
	}
	hosts, err := loadHosts(cc.Context, inventoryOptions(cc), cc.Args().First())
	if err != nil {
		return err
	}
	var pinged []error
	if cc.Bool("ping") {
		pinged, err = run.Ping(cc.Context, hosts, run.Options{Inventory: inventoryOptions(cc), Prompt: p.prompt()})
		if err != nil {
			return err
		}
	}
	if cc.Bool("json") {
		err = p.hostsJSON(hosts, pinged)
	} else {
		err = p.hostsTable(hosts, pinged)
	}
	if err != nil {
		return err
	}
	return run.WithStatus(run.Joined(pinged...), run.StatusRefused)
}

func (p *program) hostsTable(hosts []inventory.Host, pinged []error) error {
	e := event.Event{Kind: event.Table, Header: []string{"name", "address", "port", "user", "tags", "source"}}
	if pinged != nil {
		e.Header = append(e.Header, "connection")
	}
	for i, h := range hosts {
		row := []string{h.Name, h.Address, strconv.Itoa(h.Port), h.User, strings.Join(h.Tags, ","), h.Source}
		if pinged != nil {
			row = append(row, map[bool]string{true: "ok", false: "failed"}[pinged[i] == nil])
		}
		e.Rows = append(e.Rows, row)
	}
	sink := terminal.New(terminal.Options{Out: p.out, Err: p.err})
	sink.Event(e)
	return sink.Close()
}

func (p *program) hostsJSON(hosts []inventory.Host, pinged []error) error {
	enc := json.NewEncoder(p.out)
	enc.SetEscapeHTML(false)
	for i, h := range hosts {
		l := hostLine{Name: h.Name, Address: h.Address, Port: h.Port, User: h.User, Jump: h.Jump, Tags: h.Tags, Vars: h.Vars, Source: h.Source}
		if l.Tags == nil {
			l.Tags = []string{}
		}
		if pinged != nil {
			ok := pinged[i] == nil
			if l.OK = &ok; !ok {
				l.Error = pinged[i].Error()
			}
		}
		if err := enc.Encode(l); err != nil {
			return fmt.Errorf("writing the hosts: %w", err)
		}
	}
	return nil
}
