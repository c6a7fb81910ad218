package main

import (
	"context"
	"slices"
	"strings"

	"runbook/runtime/recipe"
	"runbook/runtime/run"
)

// again returns the command line, for a shell, that runs a recipe with options as they were typed.
// Those in instead replace them.
func again(recipe string, typed []typedOption, instead []run.Flag) string {
	words := append([]string{"runbook", "run", recipe}, optionWords(typed, instead)...)
	return secretVariables(typed) + run.CommandLine(words...)
}

// secretVariables returns the prefix of a command line that had secret options: their variables,
// for the admin to fill in.
func secretVariables(typed []typedOption) string {
	var b strings.Builder
	for _, o := range typed {
		if name := variable(o.name) + "=… "; o.isSecret() && !strings.Contains(b.String(), name) {
			b.WriteString(name)
		}
	}
	return b.String()
}

func optionWords(typed []typedOption, instead []run.Flag) []string {
	var words []string
	for _, o := range typed {
		if !o.isSecret() && !slices.ContainsFunc(instead, func(f run.Flag) bool { return f.Name == o.name }) {
			words = append(words, o.words...)
		}
	}
	for _, f := range instead {
		words = append(words, "--"+f.Name, f.Value)
	}
	return words
}

// undo returns the command line of another recipe, with the typed options that it also takes; "" if
// the recipe cannot be read.
func (p *program) undo(ctx context.Context, other string, instead []run.Flag) string {
	d, err := p.describe(context.WithoutCancel(ctx), other)
	if err != nil {
		return ""
	}
	c, err := p.forRecipe(&recipe.Recipe{Description: d})
	if err != nil {
		return ""
	}
	known := byName(c.flags)
	foreign := func(o typedOption) bool { return known[o.name] == nil || o.name == "step" || o.name == "skip" }
	return again(other, slices.DeleteFunc(slices.Clone(p.typed), foreign), instead)
}

// on returns the typed options, with those that choose hosts replaced by flags for these hosts.
func (p *program) on(hosts []string, flags []run.Flag) ([]typedOption, []run.Flag) {
	choice := []string{"only", "except", "shard"}
	if len(hosts) > 0 { // the suggestion is for when they are reachable again
		choice = append(choice, "skip-unreachable")
	}
	chooses := func(o typedOption) bool { return slices.Contains(choice, o.name) }
	typed := slices.DeleteFunc(slices.Clone(p.typed), chooses)
	for _, h := range hosts {
		flags = append(slices.Clip(flags), run.Flag{Name: "only", Value: h})
	}
	return typed, flags
}

// leftOut names the typed options that leave hosts out, or returns "".
func (p *program) leftOut() string {
	var names []string
	for _, name := range []string{"only", "except", "shard"} {
		if slices.ContainsFunc(p.typed, func(o typedOption) bool { return o.name == name }) {
			names = append(names, "--"+name)
		}
	}
	return strings.Join(names, " and ")
}
