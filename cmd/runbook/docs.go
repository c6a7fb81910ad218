package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"runbook/cmd/runbook/recipetest"
	"runbook/runtime/run"
)

// docsCommand is `runbook docs`.
func (p *program) docsCommand() *cli.Command {
	return &cli.Command{Name: "docs", Usage: "the Lua API, from the same table that the code runs on", ArgsUsage: "[NAME]",
		Flags: []cli.Flag{boolFlag("markdown", "the whole API as a reference in Markdown")},
		Action: func(cc *cli.Context) error {
			text, err := docs(cc)
			if err != nil {
				return err
			}
			_, err = io.WriteString(p.out, p.redact(text))
			return err
		}}
}

func docs(cc *cli.Context) (string, error) {
	name := cc.Args().First()
	switch {
	case cc.NArg() > 1:
		return "", run.Usage(errors.New("docs takes one name at most, such as host:run"))
	case cc.Bool("markdown") && name != "":
		return "", run.Usage(errors.New("--markdown writes the whole API, and takes no name"))
	case cc.Bool("markdown"):
		return run.Markdown(recipetest.API())
	case strings.HasSuffix(name, ".lua"):
		return recipeDocs(cc, name)
	}
	return run.Docs(name, recipetest.API())
}

// recipeDocs is what a recipe says of itself.
func recipeDocs(cc *cli.Context, path string) (string, error) {
	d, err := run.Describe(cc.Context, path)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", path)
	if d.Summary != "" {
		fmt.Fprintf(&b, "    %s\n", d.Summary)
	}
	if d.Hosts != "" {
		fmt.Fprintf(&b, "    hosts: %s, unless --hosts says otherwise\n", d.Hosts)
	}
	if len(d.Options) > 0 {
		b.WriteString("\nOptions:\n")
	}
	for _, o := range d.Options {
		b.WriteString(optionHelp(o))
	}
	return b.String(), nil
}
