package main

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"runbook/runtime/inventory"
	"runbook/runtime/inventory/selection"
	"runbook/runtime/recipe"
	"runbook/runtime/run"
)

// flagSpec declares one option of a command. urfave/cli parses its value; the scanner, help and
// completion read the rest.
type flagSpec struct {
	name, short string // without dashes; short may be ""
	cli         cli.Flag
	help        string
	value       value        // the zero value for a switch
	preset      string       // the default that help shows, or ""
	repeats     bool         // may be given several times
	option      *recipeValue // the recipe's own option that this is, or nil
}

// takesValue reports whether a value follows the option.
func (f flagSpec) takesValue() bool { return f.value.name != "" }

// variable returns the environment variable of a long option, such as RUNBOOK_CONNECT_TIMEOUT.
func variable(flag string) string {
	return "RUNBOOK_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

func textFlag(name string, v value, help string) flagSpec {
	return flagSpec{name: name, cli: &cli.StringFlag{Name: name}, help: help, value: v}
}

func listFlag(name string, v value, help string) flagSpec {
	return flagSpec{name: name, cli: &cli.StringSliceFlag{Name: name}, help: help, value: v, repeats: true}
}

func boolFlag(name, help string) flagSpec {
	return flagSpec{name: name, cli: &cli.BoolFlag{Name: name}, help: help}
}

func durationFlag(name, help string, preset time.Duration) flagSpec {
	return flagSpec{name: name, cli: &cli.DurationFlag{Name: name, Value: preset}, help: help,
		value: value{name: "DURATION"}, preset: preset.String()}
}

func countFlag(name, help string, preset int) flagSpec {
	return flagSpec{name: name, cli: &cli.IntFlag{Name: name, Value: preset}, help: help,
		value: value{name: "N"}, preset: strconv.Itoa(preset)}
}

// withShort returns f with a second name of one letter.
func (f flagSpec) withShort(letter string) flagSpec {
	f.short = letter
	return f
}

// hostFlags are the options of every command that uses hosts.
func hostFlags() []flagSpec {
	return []flagSpec{
		listFlag("hosts", value{name: "FILE|LIST", offer: anyFile},
			"which hosts: a hosts file in Lua (.lua) or JSON (.json), a program that prints such JSON, "+
				"a text file with one [user@]host[:port] per line, or a comma-separated list; repeated options add up"),
		textFlag("stage", value{name: "NAME", offer: stageName},
			"use hosts/NAME.lua, and lay the keys of recipes/app.NAME.lua over those of app.lua"),
		listFlag("only", value{name: "NAME|tag:TAG", offer: hostPattern},
			"use only these hosts; NAME and TAG may be globs; a comma means and, a repeated option means or"),
		listFlag("except", value{name: "NAME|tag:TAG", offer: hostPattern},
			"exclude these hosts; written like --only"),
		textFlag("skip-unreachable", value{name: "N|N%"},
			"go on without at most so many of the hosts, if they cannot be reached"),
		listFlag("identity", fileValue, "log in with this private key; may be repeated"),
		listFlag("known-hosts", fileValue,
			"verify host keys with this file instead of ~/.ssh/known_hosts; may be repeated"),
		textFlag("ssh-config", fileValue,
			"read this file instead of ~/.ssh/config and /etc/ssh/ssh_config; none reads no file"),
		durationFlag("connect-timeout", "time limit for connecting to a host and logging in", 10*time.Second),
	}
}

// inventoryOptions are the values of hostFlags. An empty --hosts is an error: most likely a
// variable of a script was never set, and the recipe's own hosts are not what it wants.
func inventoryOptions(c *cli.Context) (inventory.Options, error) {
	if c.IsSet("hosts") && slices.ContainsFunc(lines(c, "hosts"), isBlank) {
		return inventory.Options{}, usageError("--hosts is empty", "give --hosts FILE or --hosts web1,web2; "+
			"without the option (and without RUNBOOK_HOSTS) the recipe's own hosts are used")
	}
	if c.IsSet("stage") && strings.TrimSpace(c.String("stage")) == "" {
		return inventory.Options{}, usageError("--stage is empty",
			"name a stage, or leave out the option and RUNBOOK_STAGE")
	}
	o := inventory.Options{
		Hosts: lines(c, "hosts"), Stage: c.String("stage"), Only: lines(c, "only"), Except: lines(c, "except"),
		Identities: lines(c, "identity"),
		KnownHosts: lines(c, "known-hosts"), SSHConfig: c.String("ssh-config"),
		ConnectTimeout: c.Duration("connect-timeout"),
	}
	if text := c.String("skip-unreachable"); text != "" || c.IsSet("skip-unreachable") {
		limit, err := selection.ParseLimit(text)
		if err != nil {
			return o, run.Usage(fmt.Errorf("--skip-unreachable: %w", err))
		}
		o.SkipUnreachable = limit
	}
	if text := c.String("shard"); text != "" || c.IsSet("shard") {
		shard, err := selection.ParseShard(text)
		if err != nil {
			return o, run.Usage(fmt.Errorf("--shard: %w", err))
		}
		o.Shard = shard
	}
	return o, nil
}

func isBlank(text string) bool { return strings.TrimSpace(text) == "" }

// lines returns the values of a list option. An environment variable has one item per line.
func lines(c *cli.Context, name string) []string {
	var values []string
	for _, text := range c.StringSlice(name) {
		values = append(values, strings.Split(text, "\n")...)
	}
	return values
}

// recipeValue collects the values of a recipe's option, which the run parses.
type recipeValue struct {
	recipe.Option
	given []string
}

// reservedNames returns the names that a recipe's options can't have.
func reservedNames(taken []flagSpec) []string {
	return append(slices.Collect(maps.Keys(byName(taken))), "help", "h", "version")
}

// recipeFlags makes flags of a recipe's options. An option named like one of taken is an error.
func recipeFlags(declared []recipe.Option, taken []flagSpec) ([]flagSpec, error) {
	var flags []flagSpec
	for _, o := range declared {
		if slices.Contains(reservedNames(taken), o.Flag()) {
			return nil, fmt.Errorf("option %q of the recipe has the name of an option of runbook; rename it", o.Name)
		}
		v := &recipeValue{Option: o}
		flags = append(flags, flagSpec{name: o.Flag(), help: o.Help, value: optionValue(o), repeats: o.Is(recipe.List),
			option: v})
	}
	return flags, nil
}

// givenOptions are the recipe's options as given on the command line, or else in the environment,
// where a list has one item a line. from names the flag or variable of each.
func givenOptions(flags []flagSpec) (given map[string][]string, from map[string]string) {
	given, from = map[string][]string{}, map[string]string{}
	for _, f := range flags {
		if f.option == nil {
			continue
		}
		texts, source := f.option.given, "--"+f.name
		if env := os.Getenv(variable(f.name)); len(texts) == 0 && env != "" {
			texts, source = []string{env}, variable(f.name)
			if f.repeats {
				texts = strings.FieldsFunc(env, func(r rune) bool { return r == '\n' })
			}
		}
		if texts != nil {
			given[f.option.Name], from[f.option.Name] = texts, source
		}
	}
	return given, from
}

// byName finds flags by each of their names.
func byName(flags []flagSpec) map[string]*flagSpec {
	known := map[string]*flagSpec{}
	for i, f := range flags {
		known[f.name] = &flags[i]
		if f.short != "" {
			known[f.short] = &flags[i]
		}
	}
	return known
}
