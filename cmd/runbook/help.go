package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"runbook/runtime/run"
)

// overview lists the commands.
func (p *program) overview(all []command) error {
	var b strings.Builder
	b.WriteString("runbook releases an application on servers, and rolls it back, by recipes written in Lua.\n\n")
	for _, c := range all {
		fmt.Fprintf(&b, "  runbook %-28s %s\n", c.Name+" "+c.ArgsUsage, c.Usage)
	}
	b.WriteString("\nrunbook COMMAND --help lists a command's options; runbook run --help RECIPE a recipe's own.\n")
	_, err := io.WriteString(p.out, b.String())
	return err
}

// help shows one command's options; with a recipe, the recipe's own first.
func (p *program) help(c *cli.Command) error {
	var b strings.Builder
	fmt.Fprintf(&b, "runbook %s %s [options]    %s\n", c.Name, c.ArgsUsage, c.Usage)
	var own, common []string
	for _, f := range c.Flags {
		if v, ok := recipeOption(f); ok {
			own = append(own, optionHelp(v))
			continue
		}
		common = append(common, flagHelp(f))
	}
	if c.Description != "" {
		fmt.Fprintf(&b, "\n%s\n", c.Description)
	}
	if len(own) > 0 {
		fmt.Fprintf(&b, "\nOptions of %s:\n%s", c.ArgsUsage, strings.Join(own, ""))
	}
	if len(common) > 0 {
		fmt.Fprintf(&b, "\nOptions:\n%s", strings.Join(common, ""))
		b.WriteString("\nEvery long option can also come from the environment: --connect-timeout is RUNBOOK_CONNECT_TIMEOUT.\n")
	}
	_, err := io.WriteString(p.out, p.redact(b.String()))
	return err
}

func recipeOption(f cli.Flag) (run.Option, bool) {
	if g, ok := f.(*cli.GenericFlag); ok {
		if v, ok := g.Value.(*recipeValue); ok {
			return v.option, true
		}
	}
	return run.Option{}, false
}

// optionHelp is one option of a recipe: what to type, then the help with type, default and bounds.
func optionHelp(o run.Option) string {
	left := "--" + o.Flag()
	switch {
	case o.Is(run.Boolean):
	case len(o.Choices) > 0:
		left += " " + strings.Join(o.Choices, "|")
	default:
		left += " " + strings.Join(kindNames(o, map[run.Kind]string{run.String: "TEXT", run.Integer: "N", run.Number: "NUMBER", run.List: "TEXT",
			run.Duration: "DURATION", run.Percent: "N%"}), "|")
	}
	notes := []string{strings.Join(kindNames(o, map[run.Kind]string{run.String: "string", run.Integer: "integer", run.Number: "number",
		run.Boolean: "boolean", run.List: "list, may be repeated", run.Duration: "duration", run.Percent: "percentage"}), " or ")}
	if o.Min != nil {
		notes = append(notes, "at least "+o.Text(*o.Min))
	}
	if o.Max != nil {
		notes = append(notes, "at most "+o.Text(*o.Max))
	}
	switch value := o.Text(o.Default); {
	case o.Required:
		notes = append(notes, "required")
	case value != "":
		notes = append(notes, "default: "+value)
	}
	return line(left, strings.TrimSpace(o.Help+" ("+strings.Join(notes, "; ")+")"))
}

// kindNames are the names of the kinds of value that an option takes on a command line.
func kindNames(o run.Option, names map[run.Kind]string) []string {
	var found []string
	for _, k := range o.Kinds {
		if name := names[k]; name != "" {
			found = append(found, name)
		}
	}
	return found
}

// flagHelp is one of runbook's own options. Its usage ends in the `VALUE` that it takes.
func flagHelp(f cli.Flag) string {
	names := f.Names()
	left := "--" + names[0]
	for _, short := range names[1:] {
		left = "-" + short + ", " + left
	}
	doc, ok := f.(cli.DocGenerationFlag)
	if !ok {
		return line(left, "")
	}
	usage, rest, _ := strings.Cut(doc.GetUsage(), ": `")
	if value := strings.TrimSuffix(rest, "`"); value != "" {
		left += " " + value
	}
	if d, ok := f.(*cli.DurationFlag); ok {
		usage += fmt.Sprintf(" (default: %s)", d.Value)
	}
	return line(left, usage)
}

// line sets what to type and what it does side by side, or below each other when the first is long.
func line(left, right string) string {
	const column = 30
	if len(left) < column-3 {
		return fmt.Sprintf("  %-*s%s\n", column-2, left, right)
	}
	return fmt.Sprintf("  %s\n%*s%s\n", left, column, "", right)
}
