package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"runbook/runtime/event"
	"runbook/runtime/inventory"
	"runbook/runtime/run"
)

// variable is the environment variable of a long option: connect-timeout is RUNBOOK_CONNECT_TIMEOUT.
func variable(flag string) string {
	return "RUNBOOK_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

func textFlag(name, usage string) *cli.StringFlag {
	return &cli.StringFlag{Name: name, Usage: usage, EnvVars: []string{variable(name)}}
}

func listFlag(name, usage string) *cli.StringSliceFlag {
	return &cli.StringSliceFlag{Name: name, Usage: usage, EnvVars: []string{variable(name)}}
}

func boolFlag(name, usage string, short ...string) *cli.BoolFlag {
	return &cli.BoolFlag{Name: name, Usage: usage, Aliases: short, EnvVars: []string{variable(name)}}
}

func durationFlag(name, usage string, value time.Duration) *cli.DurationFlag {
	return &cli.DurationFlag{Name: name, Usage: usage, Value: value, EnvVars: []string{variable(name)}}
}

// hostFlags are the options of every command that uses hosts.
func hostFlags() []cli.Flag {
	return []cli.Flag{
		textFlag("hosts", "a .lua hosts file, a text file with one [user@]host[:port] a line, or a comma-separated list: `FILE|LIST`"),
		listFlag("only", "part of the hosts; a glob; may be repeated: `NAME|tag:TAG`"),
		listFlag("identity", "a private key to log in with; may be repeated: `FILE`"),
		listFlag("known-hosts", "where the hosts' keys stand, instead of ~/.ssh/known_hosts; may be repeated: `FILE`"),
		textFlag("ssh-config", "instead of ~/.ssh/config: `FILE`"),
		durationFlag("connect-timeout", "the limit for connecting and logging in to a host: `DURATION`", 10*time.Second),
	}
}

// inventoryOptions are the values of hostFlags. An empty --hosts is an error: it is most likely a variable of a script that
// was never set, and the recipe's own hosts are not what that script meant.
func inventoryOptions(c *cli.Context) (inventory.Options, error) {
	if c.IsSet("hosts") && strings.TrimSpace(c.String("hosts")) == "" {
		err := errors.New("--hosts is empty")
		return inventory.Options{}, event.WithHint(err, "give --hosts FILE or --hosts web1,web2; without the option (and without RUNBOOK_HOSTS) the recipe's own hosts are used")
	}
	var only []string
	for _, item := range c.StringSlice("only") {
		for part := range strings.SplitSeq(item, ",") {
			if part = strings.TrimSpace(part); part != "" {
				only = append(only, part)
			}
		}
	}
	return inventory.Options{
		Hosts: c.String("hosts"), Only: only, Identities: c.StringSlice("identity"), KnownHosts: c.StringSlice("known-hosts"),
		SSHConfig: c.String("ssh-config"), ConnectTimeout: c.Duration("connect-timeout"),
	}, nil
}

// recipeValue gathers a recipe option as it is given; the run checks it. It is a cli.Generic.
type recipeValue struct {
	option run.Option
	given  []string
}

// Set takes one more value.
func (v *recipeValue) Set(text string) error {
	v.given = append(v.given, text)
	return nil
}

// String is what was given last; it is for cli alone.
func (v *recipeValue) String() string {
	if v == nil || len(v.given) == 0 {
		return ""
	}
	return v.given[len(v.given)-1]
}

// IsBoolFlag tells the flag package that no value follows.
func (v *recipeValue) IsBoolFlag() bool { return v.option.Is(run.Boolean) }

// recipeFlags makes flags of a recipe's options. An option that has the name of one of taken is an error.
func recipeFlags(options []run.Option, taken []cli.Flag) ([]cli.Flag, error) {
	known := flagsByName(taken)
	var flags []cli.Flag
	for _, o := range options {
		if _, ok := known[o.Flag()]; ok || slices.Contains([]string{"help", "h", "version"}, o.Flag()) {
			return nil, fmt.Errorf("the recipe's option %q has the name of an option that every recipe has; rename it", o.Name)
		}
		flags = append(flags, &cli.GenericFlag{Name: o.Flag(), Usage: o.Help, Value: &recipeValue{option: o}})
	}
	return flags, nil
}

// givenOptions are the recipe's options as given on the command line, or else in the environment, where a list has
// one item a line.
func givenOptions(flags []cli.Flag) map[string][]string {
	given := map[string][]string{}
	for _, f := range flags {
		g, ok := f.(*cli.GenericFlag)
		if !ok {
			continue
		}
		v, ok := g.Value.(*recipeValue)
		if !ok {
			continue
		}
		if len(v.given) > 0 {
			given[v.option.Name] = v.given
			continue
		}
		text := os.Getenv(variable(g.Name))
		if text == "" {
			continue
		}
		if !v.option.Is(run.List) {
			given[v.option.Name] = []string{text}
			continue
		}
		given[v.option.Name] = strings.FieldsFunc(text, func(r rune) bool { return r == '\n' })
	}
	return given
}
