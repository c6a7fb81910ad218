package run

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"runbook/runtime/event"
	"runbook/runtime/script"
)

// Problem is what was found wrong with a recipe without running it.
type Problem = script.Problem

// Check reads recipes and what they require, and returns every problem that it is sure of, each once. Nothing is
// contacted. The error is for what keeps it from reading them; the problems are those of the files before.
//
// A path that ends in _test.lua is a test of recipes, which can use more: tests says what.
func Check(ctx context.Context, paths []string, tests Extension) ([]Problem, error) {
	lib, err := apiLibrary(Extension{})
	if err != nil {
		return nil, err
	}
	testLib, err := apiLibrary(tests)
	if err != nil {
		return nil, err
	}
	var all []Problem
	c := checker{lib: lib, testLib: testLib, described: map[string]Mistakes{}}
	for _, path := range paths {
		problems, err := c.file(ctx, path)
		if err != nil {
			return all, err
		}
		for _, p := range problems {
			if !slices.Contains(all, p) { // recipes share what they require
				all = append(all, p)
			}
		}
	}
	return all, nil
}

// IsTest says whether path names a test of recipes.
func IsTest(path string) bool { return strings.HasSuffix(path, "_test.lua") }

// checker checks several files.
type checker struct {
	lib, testLib *script.Library
	described    map[string]Mistakes // what evaluating a recipe showed, by its path
}

func (c checker) file(ctx context.Context, path string) ([]Problem, error) {
	if IsTest(path) {
		problems, err := c.testLib.Check(ctx, path, script.CheckOptions{})
		return problems, Usage(err)
	}
	d, failed := Describe(ctx, path)
	c.described[filepath.Clean(path)] = mistakesIn(failed)
	problems, err := d.check(ctx, c.lib)
	if err != nil {
		return problems, err
	}
	more := evaluated(path, failed)
	if d.Options == nil && more == nil {
		if more, err = c.beside(ctx, d); err != nil {
			return problems, err
		}
	}
	read := problems
	for _, p := range more {
		known := func(q Problem) bool { return q.Kind == script.Mistake && q.File == p.File && q.Line == p.Line }
		if !slices.ContainsFunc(read, known) { // else reading has shown it as well
			problems = append(problems, p)
		}
	}
	script.SortProblems(problems)
	return problems, nil
}

// beside returns what the recipes of a project find wrong with a file that is no recipe, such as the settings that it returns,
// and with the files that it requires.
func (c checker) beside(ctx context.Context, d Description) (problems []Problem, err error) {
	path := filepath.Clean(d.Path)
	folder := script.RecipeDir(path)
	files, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		recipe := filepath.Join(folder, f.Name())
		if filepath.Ext(recipe) != ".lua" || IsTest(recipe) || recipe == path {
			continue
		}
		if _, ok := c.described[recipe]; !ok {
			_, failed := Describe(ctx, recipe)
			if ctx.Err() != nil {
				return nil, failed
			}
			c.described[recipe] = mistakesIn(failed)
		}
		for _, p := range c.described[recipe] {
			if (p.File == path || d.sources.Has(p.File)) && !slices.Contains(problems, p) {
				problems = append(problems, p)
			}
		}
	}
	return problems, nil
}

// check reads a recipe whose options are known.
func (d Description) check(ctx context.Context, lib *script.Library) ([]Problem, error) {
	opts := script.CheckOptions{Sources: d.sources}
	if d.Options != nil {
		opts.Options = map[string]string{}
	}
	for _, o := range d.Options {
		opts.Options[o.Name] = o.luaType()
	}
	problems, err := lib.Check(ctx, d.Path, opts)
	return problems, Usage(err)
}

// evaluated is what only evaluating shows: a mistake in recipe{ … } or in settings, or that recipe{ … } is never come to. What
// else fails on the way there may be due to where this runs, such as a variable of the environment that isn't set, and is
// no mistake.
func evaluated(path string, failed error) []Problem {
	if mistakes := mistakesIn(failed); mistakes != nil {
		return mistakes
	}
	var at *script.Error
	switch {
	case errors.Is(failed, errEndless):
		return []Problem{{File: path, Line: 1, Col: 1, Message: failed.Error()}}
	case !errors.As(failed, &at) || at.Call != "recipe" && at.Call != "validate":
		return nil
	}
	p := Problem{File: path, Line: 1, Col: 1, Message: at.Err.Error()}
	if file, line, ok := script.SplitPlace(at.Line); ok {
		p.File, p.Line = file, line
	}
	return []Problem{p}
}

// luaType is the type that the option's value has in Lua, or "" where it may be nil.
func (o Option) luaType() string {
	switch {
	case o.Default == nil && !o.Required, len(o.Kinds) > 1:
		return ""
	case o.Is(Duration), o.Is(Percent):
		return string(String)
	}
	return string(o.Kinds[0])
}

// Refuse returns the mistakes that Check finds as one error, or nil. Warnings keep nothing from its work.
func Refuse(ctx context.Context, paths []string, tests Extension) error {
	problems, err := Check(ctx, paths, tests)
	if err != nil {
		return err
	}
	return refusal(problems)
}

// Mistakes are the problems for which recipes are refused, as one error.
type Mistakes []Problem

// Error has a line for each.
func (m Mistakes) Error() string {
	lines := make([]string, len(m))
	for i, p := range m {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// mistakesIn are those of err: found by check or by validate, or what keeps a required file from being read.
func mistakesIn(err error) Mistakes {
	var (
		found Mistakes
		at    *script.Error
		one   Problem
	)
	if errors.As(err, &at) && at.Call == "require" && errors.As(at, &one) {
		return Mistakes{one}
	}
	errors.As(err, &found)
	return found
}

// refusal is an error that lists the mistakes, or nil.
func refusal(problems []Problem) error {
	var mistakes Mistakes
	for _, p := range problems {
		if p.Kind == script.Mistake {
			mistakes = append(mistakes, p)
		}
	}
	if len(mistakes) == 0 {
		return nil
	}
	return Usage(event.WithHint(mistakes, "runbook docs NAME shows what a primitive takes"))
}
