package main

import (
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"runbook/cmd/runbook/complete"
	"runbook/cmd/runbook/project"
	"runbook/cmd/runbook/sandbox"
	"runbook/runtime/recipe"
	"runbook/runtime/run"
)

// value describes what follows an option, or what a command's arguments are.
type value struct {
	name  string   // in help, such as FILE
	offer offer    // what completion offers for it
	words []string // if offer is oneWord, the only valid ones; if it is pastResult, the columns to look in
}

// offer selects the candidates that completion shows for a value.
type offer int

const (
	noOffer offer = iota
	oneWord
	anyFile
	folder
	recipeFile
	testFile
	apiName // or a recipe
	hostPattern
	stageName
	hostName
	pastRun
	pastResult
)

// fileValue is the value of an option that takes the path of a file.
var fileValue = value{name: "FILE", offer: anyFile}

// optionValue describes the value of a recipe's option.
func optionValue(o recipe.Option) value {
	switch {
	case o.Is(recipe.Boolean):
		return value{}
	case len(o.Choices) > 0:
		return value{name: strings.Join(o.Choices, "|"), offer: oneWord, words: o.Choices}
	case len(o.Complete) > 0:
		return value{name: valueName(o), offer: pastResult, words: o.Complete}
	}
	return value{name: valueName(o), offer: anyFile}
}

func (p *program) completionCommand() command {
	shells := complete.Shells()
	return command{name: "completion", summary: "print what a shell needs to complete runbook's commands",
		argument: argument{value: value{name: strings.Join(shells, "|"), offer: oneWord, words: shells}},
		description: `
In a running shell: source <(runbook completion bash). The first lines of the output explain how to install it
for good.`,
		action: func(call *cli.Context) error {
			if call.NArg() != 1 || !slices.Contains(shells, call.Args().First()) {
				return usageError("completion needs the name of a shell",
					"runbook completion "+strings.Join(shells, "|"))
			}
			text, err := complete.Script(call.Args().First())
			if err != nil {
				return err
			}
			_, err = p.out.Write(text)
			return err
		}}
}

// complete answers a shell. It reads recipes and hosts files, so it runs in a child, and it drops
// errors, which would only disturb typing.
func (p *program) complete(ctx context.Context, args []string) error {
	if p.self != "" {
		if _, err := sandbox.Run(ctx, p.self, args, p.in, p.out); err != nil {
			exit, exited := errors.AsType[*exec.ExitError](err)
			if exited {
				err = run.WithStatus(exit, exit.ExitCode())
			}
			return reportedError{err}
		}
		return nil
	}
	return complete.Answer(p.out, args[1:], func(words []string) []complete.Candidate {
		return p.candidates(ctx, words)
	})
}

// candidates returns what may take the place of the last of words, which follow "runbook". After a
// failure it returns none: an error message would only disturb typing.
func (p *program) candidates(ctx context.Context, words []string) []complete.Candidate {
	before, typed := words[:len(words)-1], words[len(words)-1]
	all := p.commands()
	if len(before) == 0 {
		var found []complete.Candidate
		for _, c := range all {
			found = append(found, complete.Candidate{Word: c.name, About: c.summary})
		}
		return complete.Matching(append(found, complete.Words("--help", "--version")...), typed)
	}
	i := slices.IndexFunc(all, func(c command) bool { return c.name == before[0] })
	if i < 0 {
		return nil
	}
	l := typedLine{program: p, ctx: ctx, command: all[i], line: scan(all[i].flags, all[i].argumentEnds, before[1:])}
	p.stage = l.line.stage()
	l.readRecipe()
	return l.candidates(typed)
}

// typedLine is a command line while it is typed.
type typedLine struct {
	*program
	line
	ctx     context.Context
	command command
	recipe  *recipe.Description // the recipe that it names, or nil
}

// recipeFolder returns the folder of the recipe on the line, or else that of the project.
func (l *typedLine) recipeFolder() string {
	if l.recipe == nil {
		return project.Folder
	}
	return filepath.Dir(l.recipe.Path)
}

// readRecipe finds the recipe on the line, for its flags and its hosts file.
func (l *typedLine) readRecipe() {
	if l.command.argument.offer != recipeFile || l.command.argument.many {
		return
	}
	for _, word := range l.args {
		path, err := project.Recipe(word)
		if err != nil {
			continue
		}
		d, err := l.describe(l.ctx, path)
		if err != nil {
			continue
		}
		l.recipe = &d
		if l.command.name == "run" {
			if c, err := l.forRecipe(&recipe.Recipe{Description: d}); err == nil {
				l.command, l.line = c, l.resume(c.flags)
			}
		}
		return
	}
}

// candidates returns what may take the place of typed, the word after the line.
func (l *typedLine) candidates(typed string) []complete.Candidate {
	switch {
	case l.open != nil:
		return l.values(l.open.flagSpec.value, typed)
	case l.ended || !strings.HasPrefix(typed, "-"):
		if !l.command.argument.many && len(l.args) > 0 {
			return nil
		}
		return l.values(l.command.argument.value, typed)
	}
	name, text, hasValue := strings.Cut(typed, "=")
	if !hasValue {
		return l.flags(typed)
	}
	f, ok := byName(l.command.flags)[strings.TrimLeft(name, "-")]
	if !ok {
		return nil
	}
	v := f.value
	if f.option != nil && f.option.Is(recipe.Boolean) {
		v = value{offer: oneWord, words: []string{"true", "false"}}
	}
	found := l.values(v, text)
	for i := range found {
		found[i].Word = name + "=" + found[i].Word
	}
	return found
}

// flags returns the long options that are not on the line yet, or may be repeated.
func (l *typedLine) flags(typed string) []complete.Candidate {
	var found []complete.Candidate
	for _, f := range l.command.flags {
		if f.repeats || !l.has(f.name) {
			found = append(found, complete.Candidate{Word: "--" + f.name, About: f.help})
		}
	}
	return complete.Matching(append(found, complete.Words("--help")...), typed)
}
