package main

import (
	"fmt"
	"io"
	"strings"

	"runbook/runtime/recipe"
)

// usage returns the command's name and arguments.
func (c command) usage() string {
	return strings.TrimSuffix(c.name+" "+c.argument.String(), " ")
}

// overview lists the commands.
func (p *program) overview(all []command) error {
	var b strings.Builder
	b.WriteString("runbook releases an application on servers, and rolls it back, by recipes written in Lua.\n\n")
	for _, c := range all {
		fmt.Fprintf(&b, "  runbook %-28s %s\n", c.usage(), c.summary)
	}
	b.WriteString("\nrunbook COMMAND --help lists the options of a command; " +
		"runbook run --help RECIPE those of a recipe.\n")
	_, err := io.WriteString(p.out, b.String())
	return err
}

// help shows a command with its options. A recipe's own options come first.
func (p *program) help(c command) error {
	var b strings.Builder
	usage := c.usage()
	if len(c.flags) > 0 {
		usage += " [options]"
	}
	fmt.Fprintf(&b, "runbook %s    %s\n", usage, c.summary)
	var own, common []string
	for _, f := range c.flags {
		if f.option != nil {
			own = append(own, optionHelp(f.option.Option))
		} else {
			common = append(common, flagHelp(f))
		}
	}
	if c.description != "" {
		fmt.Fprintf(&b, "\n%s\n", strings.TrimPrefix(c.description, "\n"))
	}
	if len(own) > 0 {
		fmt.Fprintf(&b, "\nOptions of %s:\n%s", c.argument, strings.Join(own, ""))
	}
	if len(common) > 0 {
		fmt.Fprintf(&b, "\nOptions:\n%s", strings.Join(common, ""))
		b.WriteString("\n" + environmentNote + "\n")
	}
	_, err := io.WriteString(p.out, p.redact(b.String()))
	return err
}

const environmentNote = "Every long option can also be set in the environment: " +
	"--connect-timeout is RUNBOOK_CONNECT_TIMEOUT."

// optionHelp describes an option of a recipe: what to type, then its help with the kind of value,
// the bounds and the default.
func optionHelp(o recipe.Option) string {
	notes := []string{strings.Join(kinds(o, map[recipe.Kind]string{
		recipe.String: "string", recipe.Integer: "integer", recipe.Number: "number", recipe.Boolean: "boolean",
		recipe.List: "list, may be repeated", recipe.Duration: "duration", recipe.Percent: "percentage",
	}), " or ")}
	if o.Min != nil {
		notes = append(notes, "at least "+o.Text(*o.Min))
	}
	if o.Max != nil {
		notes = append(notes, "at most "+o.Text(*o.Max))
	}
	switch preset := o.Text(o.Default); {
	case o.Required:
		notes = append(notes, "required")
	case preset != "" && o.Secret:
		notes = append(notes, "default: "+recipe.SecretMark)
	case preset != "":
		notes = append(notes, "default: "+preset)
	}
	if o.Secret {
		notes = append(notes, "secret: better given as "+variable(o.Name))
	}
	left := strings.TrimSuffix("--"+o.Flag()+" "+optionValue(o).name, " ")
	return helpLine(left, strings.TrimSpace(o.Help+" ("+strings.Join(notes, "; ")+")"))
}

// valueName names the value of a recipe's option in help, such as N|N%.
func valueName(o recipe.Option) string {
	return strings.Join(kinds(o, map[recipe.Kind]string{
		recipe.String: "TEXT", recipe.Integer: "N", recipe.Number: "NUMBER", recipe.List: "TEXT",
		recipe.Duration: "DURATION", recipe.Percent: "N%",
	}), "|")
}

// kinds returns the names of the kinds of value that an option takes on a command line.
func kinds(o recipe.Option, names map[recipe.Kind]string) []string {
	var found []string
	for _, k := range o.Kinds {
		if name := names[k]; name != "" {
			found = append(found, name)
		}
	}
	return found
}

// flagHelp describes one of runbook's own options.
func flagHelp(f flagSpec) string { return helpLine(flagTexts(f)) }

// flagTexts returns what to type for one of runbook's own options, and what it does.
func flagTexts(f flagSpec) (left, right string) {
	left = strings.TrimSuffix("--"+f.name+" "+f.value.name, " ")
	if f.short != "" {
		left = "-" + f.short + ", " + left
	}
	right = f.help
	if f.preset != "" {
		right += fmt.Sprintf(" (default: %s)", f.preset)
	}
	return left, right
}

// helpLine puts what to type next to what it does, or above it if it is long.
func helpLine(left, right string) string {
	const column = 30
	if len(left) < column-3 {
		return fmt.Sprintf("  %-*s%s\n", column-2, left, right)
	}
	return fmt.Sprintf("  %s\n%*s%s\n", left, column, "", right)
}
