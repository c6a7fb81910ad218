package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"runbook/runtime/event"
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
	*run.Pinged
}

func (p *program) hosts(cc *cli.Context) error {
	if cc.NArg() > 1 {
		return run.Usage(errors.New("hosts takes one recipe at most"))
	}
	recipe := cc.Args().First()
	inventory, err := inventoryOptions(cc)
	if err != nil {
		return run.Usage(err)
	}
	hosts, err := loadHosts(cc.Context, inventory, recipe)
	if err != nil {
		return err
	}
	var pinged []run.Pinged
	if cc.Bool("ping") && !p.looking {
		place, err := lookFor(cc.Context, recipe)
		if err != nil {
			return err
		}
		pinged, err = run.Ping(cc.Context, hosts, place, run.Options{Inventory: inventory, Prompt: p.prompt()})
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
	var failed []error
	for _, one := range pinged {
		failed = append(failed, one.Err)
	}
	return run.WithStatus(run.Joined(failed...), run.StatusRefused)
}

// lookFor is what --ping looks for on a host: as the options of the recipe say, or else as the shipped app.lua does.
func lookFor(ctx context.Context, recipe string) (run.Place, error) {
	place := run.Place{Root: "/srv/app", Python: "python3"}
	settings := map[string]*string{"root": &place.Root, "server_root": &place.ServerRoot, "python": &place.Python}
	if recipe != "" {
		d, err := run.Describe(ctx, recipe)
		if err != nil {
			return place, err
		}
		for _, o := range d.Options {
			if setting, ok := settings[o.Name]; ok && o.Text(o.Default) != "" {
				*setting = o.Text(o.Default)
			}
		}
	}
	for name, setting := range settings {
		if text := os.Getenv(variable(name)); text != "" {
			*setting = text
		}
	}
	return place, nil
}

func (p *program) hostsTable(hosts []inventory.Host, pinged []run.Pinged) error {
	e := event.Event{Kind: event.Table, Header: []string{"name", "address", "port", "user", "tags", "source"}}
	if pinged != nil {
		e.Header = []string{"name", "login", "result", "python", "git", "disk free", "inodes", "clock", "current"}
	}
	for i, h := range hosts {
		if pinged == nil {
			e.Rows = append(e.Rows, []string{h.Name, h.Address, strconv.Itoa(h.Port), h.User, strings.Join(h.Tags, ","), h.Source})
		} else {
			e.Rows = append(e.Rows, append([]string{h.Name, loginOf(h)}, pingCells(pinged[i])...))
		}
	}
	return p.table(e)
}

// loginOf is where a host is logged in, without the usual port.
func loginOf(h inventory.Host) string {
	at := h.Address
	if h.Port != 22 {
		at = net.JoinHostPort(h.Address, strconv.Itoa(h.Port))
	}
	return h.User + "@" + at
}

// pingCells are what was found on a host, in the words of a table.
func pingCells(one run.Pinged) []string {
	cells := []string{pingResult(one), one.Python, one.Git, "", "", "", one.Serving()}
	if one.DiskTotal > 0 {
		cells[3] = fmt.Sprintf("%.1f GB", float64(one.DiskFree)/1e9)
	}
	if one.InodesTotal > 0 { // some file systems count none
		cells[4] = fmt.Sprintf("%d %%", one.InodesFree*100/one.InodesTotal)
	}
	if one.Clock != nil {
		cells[5] = fmt.Sprintf("%+.1f s", *one.Clock)
	}
	return cells
}

// pingResult is whether a host can be used, or how far the connection came.
func pingResult(one run.Pinged) string {
	switch {
	case one.Err == nil:
		return "ok"
	case one.Login == "refused":
		return "login refused"
	case one.HostKey != "" && one.HostKey != "verified":
		return "host key " + one.HostKey
	case strings.HasPrefix(one.Reachable, "no: "):
		return strings.TrimPrefix(one.Reachable, "no: ")
	}
	return "failed"
}

func (p *program) hostsJSON(hosts []inventory.Host, pinged []run.Pinged) error {
	var lines []hostLine
	for i, h := range hosts {
		l := hostLine{Name: h.Name, Address: h.Address, Port: h.Port, User: h.User, Jump: h.Jump, Tags: h.Tags, Vars: h.Vars, Source: h.Source}
		if l.Tags == nil {
			l.Tags = []string{}
		}
		if pinged != nil {
			ok := pinged[i].Err == nil
			if l.OK, l.Pinged = &ok, &pinged[i]; !ok {
				l.Error = p.redact(pinged[i].Err.Error())
			}
		}
		lines = append(lines, l)
	}
	return writeJSON(redacted{p}, lines)
}
