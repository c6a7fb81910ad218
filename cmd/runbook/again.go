package main

import (
	"context"
	"strings"

	"github.com/urfave/cli/v2"

	"runbook/runtime/run"
)

// again is the command line of a run, for a shell: the recipe and the flags as they were typed, but for those that
// others stand in the place of, and those named in without.
func again(flags []cli.Flag, recipe string, typed []string, instead []run.Flag, without ...string) string {
	replaced, known := map[string]bool{}, flagsByName(flags)
	for _, name := range without {
		replaced[name] = true
	}
	for _, f := range instead {
		replaced[f.Name] = true
	}
	words := []string{"runbook", "run", recipe}
	for i := 0; i < len(typed); i++ {
		name, _, hasValue := strings.Cut(strings.TrimLeft(typed[i], "-"), "=")
		one := typed[i : i+1]
		if f, ok := known[name]; ok && !hasValue && takesValue(f) && i+1 < len(typed) {
			one = typed[i : i+2]
			i++
		}
		if !replaced[name] {
			words = append(words, one...)
		}
	}
	for _, f := range instead {
		words = append(words, "--"+f.Name, f.Value)
	}
	for i, w := range words {
		words[i] = shellQuote(w)
	}
	return strings.Join(words, " ")
}

// undo returns the command line of the recipe other, with those of the flags that were typed for this run which it takes as well;
// "" where it cannot be read.
func (p *program) undo(ctx context.Context, other string, flags []cli.Flag, instead []run.Flag) string {
	c, err := p.forRecipe(context.WithoutCancel(ctx), other, run.Describe)
	if err != nil {
		return ""
	}
	var foreign []string
	theirs := flagsByName(c.Flags)
	for name := range flagsByName(flags) {
		if _, ok := theirs[name]; !ok {
			foreign = append(foreign, name)
		}
	}
	return again(flags, other, p.typed, instead, foreign...)
}

// rest is again for the hosts that --only left out; nil when it wasn't typed.
func rest(flags []cli.Flag, recipe string, typed []string) func([]run.Flag) string {
	for _, word := range typed {
		if name, _, _ := strings.Cut(strings.TrimLeft(word, "-"), "="); name == "only" && strings.HasPrefix(word, "--") {
			return func(instead []run.Flag) string { return again(flags, recipe, typed, instead, "only") }
		}
	}
	return nil
}

// shellQuote is a word as any shell reads it, quoted only where that is needed.
func shellQuote(word string) string {
	plain := word != "" && !strings.ContainsFunc(word, func(c rune) bool {
		return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("-_./:=@,+", c))
	})
	if plain {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
