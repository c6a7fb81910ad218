package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"runbook/cmd/runbook/project"
	"runbook/cmd/runbook/recipetest"
	"runbook/runtime/run"
	apidocs "runbook/runtime/script/docs"
)

func (p *program) docsCommand() command {
	return command{name: "docs", summary: "describe the Lua API, one name in it, or a recipe; or search it",
		argument: argument{value: value{name: "NAME|WORD|RECIPE", offer: apiName}, optional: true, many: true},
		flags: []flagSpec{
			boolFlag("markdown", "print the whole API as a reference in Markdown"),
			textFlag("man", value{name: "DIR", offer: anyFile},
				"write a manual page for each command into this folder"),
		},
		description: `
NAME is a name of the API, such as host:run or host.fs, or a topic, such as error objects. RECIPE is a path, or a
name in recipes/. Any other word is searched for in names, options and texts; of several words, an entry has
all. Without an argument the whole API is described.`,
		reads: func(l line) reading {
			if slices.ContainsFunc(l.args, namesRecipe) {
				return onlyReads
			}
			return neverReads
		},
		action: func(call *cli.Context) error {
			switch dir := call.String("man"); {
			case dir != "" && call.NArg() > 0:
				return run.Usage(errors.New("--man writes a page for every command, and takes no name"))
			case dir != "":
				return p.writeManPages(dir)
			}
			text, err := p.docs(call)
			if err != nil {
				return err
			}
			_, err = io.WriteString(p.out, p.redact(text))
			return err
		}}
}

func (p *program) docs(call *cli.Context) (string, error) {
	name := strings.Join(call.Args().Slice(), " ")
	api, err := recipetest.API()
	if err != nil {
		return "", err
	}
	switch {
	case call.Bool("markdown") && name != "":
		return "", run.Usage(errors.New("--markdown writes the whole API, and takes no name"))
	case call.Bool("markdown"):
		return apidocs.Markdown(api.Tests), nil
	case call.NArg() > 1 && slices.ContainsFunc(call.Args().Slice(),
		func(arg string) bool { return strings.HasSuffix(arg, ".lua") }):
		return "", run.Usage(errors.New("docs takes one recipe at most"))
	case namesRecipe(name) && !slices.Contains(apidocs.Names(api.Tests), name):
		return p.recipeDocs(call, name)
	}
	text, err := apidocs.Text(api.Tests, name)
	return text, run.Usage(err)
}

// namesRecipe reports whether a word can only be a recipe, or names one.
func namesRecipe(word string) bool {
	_, err := project.Recipe(word)
	return err == nil || strings.HasSuffix(word, ".lua")
}

// recipeDocs describes a recipe and its options.
func (p *program) recipeDocs(call *cli.Context, word string) (string, error) {
	path, err := project.Recipe(word)
	if err != nil {
		return "", err
	}
	d, err := p.describe(call.Context, path)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", path)
	if d.Summary != "" {
		fmt.Fprintf(&b, "    %s\n", d.Summary)
	}
	if d.Hosts != "" {
		fmt.Fprintf(&b, "    hosts: %s, unless --hosts names others\n", d.Hosts)
	}
	if len(d.Options) > 0 {
		b.WriteString("\nOptions:\n")
	}
	for _, o := range d.Options {
		b.WriteString(optionHelp(o))
	}
	return b.String(), nil
}
