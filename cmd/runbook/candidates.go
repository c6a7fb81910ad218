package main

import (
	"context"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"runbook/cmd/runbook/recipetest"
	"runbook/runtime/run"
)

// candidate is a word that may stand where the cursor is.
type candidate struct{ word, about string }

// candidates are what may stand in the place of the last of words. Whatever goes wrong on the way means that there are
// none: nobody wants to read of it while typing.
func (p *program) candidates(ctx context.Context, words []string) []candidate {
	before, typed := words[:len(words)-1], words[len(words)-1]
	all := p.commands()
	if len(before) == 0 {
		var found []candidate
		for _, c := range all {
			found = append(found, candidate{c.Name, c.Usage})
		}
		return beginning(append(found, candidate{"--help", ""}, candidate{"--version", ""}), typed)
	}
	i := slices.IndexFunc(all, func(c command) bool { return c.Name == before[0] })
	if i < 0 {
		return nil
	}
	l := typedLine{program: p, ctx: ctx, command: all[i], given: before[1:]}
	l.readRecipe()
	return l.candidates(typed)
}

// typedLine is a command line that is being typed.
type typedLine struct {
	*program
	ctx     context.Context
	command command
	given   []string // the words behind the command, without the one that is being typed
	recipe  string   // the recipe that they name, or ""
}

// readRecipe finds the recipe among the words, and takes its flags and its hosts file into account.
func (l *typedLine) readRecipe() {
	if !strings.Contains(l.command.ArgsUsage, "RECIPE") {
		return
	}
	for _, path := range arguments(l.command.Flags, l.given) {
		if !strings.HasSuffix(path, ".lua") {
			continue
		}
		if c, err := l.forRecipe(l.ctx, path, run.Describe); err == nil {
			l.recipe = path
			if l.command.Name == "run" {
				l.command.Command = c
			}
			return
		}
	}
}

// candidates are what may stand in the place of typed.
func (l *typedLine) candidates(typed string) []candidate {
	flags := flagsByName(l.command.Flags)
	behind := slices.Contains(l.given, "--")
	if n := len(l.given); n > 0 && !behind && isOption(l.given[n-1]) {
		name := strings.TrimLeft(l.given[n-1], "-")
		if f, ok := flags[name]; ok && takesValue(f) {
			l.given = l.given[:n-1]
			return l.values(f, typed)
		}
	}
	if behind || !strings.HasPrefix(typed, "-") {
		return l.arguments(typed)
	}
	if name, value, ok := strings.Cut(typed, "="); ok {
		f, known := flags[strings.TrimLeft(name, "-")]
		if !known {
			return nil
		}
		found := l.values(f, value)
		for i := range found {
			found[i].word = name + "=" + found[i].word
		}
		return found
	}
	return l.options(typed)
}

// options are the long options that are not given yet, and those that may be given again.
func (l *typedLine) options(typed string) []candidate {
	var found []candidate
	for _, f := range l.command.Flags {
		name, about, again := "--"+f.Names()[0], "", false
		if o, ok := recipeOption(f); ok {
			about, again = o.Help, o.Is(run.List)
		} else if d, ok := f.(cli.DocGenerationFlag); ok {
			about, _, _ = strings.Cut(d.GetUsage(), ": `")
			_, again = f.(*cli.StringSliceFlag)
		}
		if again || !slices.Contains(l.given, name) {
			found = append(found, candidate{name, about})
		}
	}
	return beginning(append(found, candidate{"--help", ""}), typed)
}

// values are what may follow an option.
func (l *typedLine) values(f cli.Flag, typed string) []candidate {
	if o, ok := recipeOption(f); ok {
		switch {
		case len(o.Choices) > 0:
			return beginning(plain(o.Choices), typed)
		case o.Is(run.Boolean):
			return beginning(plain([]string{"true", "false"}), typed)
		case o.Name == "release":
			return beginning(lastReleases(), typed)
		}
		return files(typed, func(string) bool { return true })
	}
	d, ok := f.(cli.DocGenerationFlag)
	if !ok {
		return nil
	}
	_, what, _ := strings.Cut(d.GetUsage(), ": `")
	switch strings.TrimSuffix(what, "`") {
	case "FILE", "FILE|LIST":
		return files(typed, func(string) bool { return true })
	case "NAME|tag:TAG":
		return l.hosts(typed)
	}
	return nil
}

// arguments are what may stand where no option is: the command's usage says what that is.
func (l *typedLine) arguments(typed string) []candidate {
	recipe := func(name string) bool { return strings.HasSuffix(name, ".lua") && !run.IsTest(name) }
	more := strings.HasSuffix(strings.Trim(l.command.ArgsUsage, "[]"), "…")
	if !more && len(arguments(l.command.Flags, l.given)) > 0 {
		return nil
	}
	what, _, _ := strings.Cut(strings.Trim(l.command.ArgsUsage, "[]…"), " ")
	switch what {
	case "RECIPE":
		return files(typed, recipe)
	case "PATH":
		return files(typed, run.IsTest)
	case "DIR":
		return files(typed, func(string) bool { return false })
	case "NAME":
		names, err := run.Names(recipetest.API())
		if err != nil {
			return nil
		}
		return append(beginning(plain(names), typed), files(typed, recipe)...)
	case "RUN", "RUN]":
		return beginning(pastRuns(), typed)
	}
	if strings.Contains(what, "|") {
		return beginning(plain(strings.Split(what, "|")), typed)
	}
	return nil
}

// hosts are the names and tags of the hosts that the command would use, for --only, which takes several with commas.
func (l *typedLine) hosts(typed string) []candidate {
	given, err := arrange(l.command.Flags, l.given, l.command.wordsFollow)
	if err != nil {
		return nil
	}
	var found []candidate
	inner := *l.command.Command
	inner.Action = func(cc *cli.Context) error {
		opts, err := inventoryOptions(cc)
		if err != nil {
			return err
		}
		opts.Only = nil
		hosts, err := loadHosts(l.ctx, opts, l.recipe)
		if err != nil {
			return err
		}
		for _, h := range hosts {
			found = append(found, candidate{h.Name, h.Address})
		}
		for _, h := range hosts {
			for _, tag := range h.Tags {
				if c := (candidate{"tag:" + tag, "hosts with this tag"}); !slices.Contains(found, c) {
					found = append(found, c)
				}
			}
		}
		return nil
	}
	if err := l.parse(l.ctx, &inner, given); err != nil {
		return nil
	}
	done := typed[:strings.LastIndex(typed, ",")+1]
	for i := range found {
		found[i].word = done + found[i].word
	}
	return beginning(found, typed)
}

func plain(words []string) []candidate {
	found := make([]candidate, len(words))
	for i, w := range words {
		found[i].word = w
	}
	return found
}

// beginning are those that begin with what was typed.
func beginning(all []candidate, typed string) []candidate {
	var found []candidate
	for _, c := range all {
		if strings.HasPrefix(c.word, typed) && !slices.ContainsFunc(found, func(f candidate) bool { return f.word == c.word }) {
			found = append(found, c)
		}
	}
	return found
}
