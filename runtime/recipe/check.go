package recipe

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"runbook/runtime/event"
	"runbook/runtime/script"
	"runbook/runtime/script/check"
	"runbook/runtime/script/source"
	"runbook/runtime/script/types"
)

// Problem is a mistake in a recipe, or a warning, that was found without running it.
type Problem = source.Problem

// Mistakes are the problems for which a recipe is refused, as one error.
type Mistakes []Problem

// Error has a line for each.
func (m Mistakes) Error() string {
	lines := make([]string, len(m))
	for i, p := range m {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// MistakesIn returns the mistakes in err: those that check or validate found, or why a
// required file can't be read.
func MistakesIn(err error) Mistakes {
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

// Refusal returns the mistakes among the problems as an error, or nil. Warnings refuse nothing.
func Refusal(problems []Problem) error {
	var mistakes Mistakes
	for _, p := range problems {
		if p.Kind == source.Mistake {
			mistakes = append(mistakes, p)
		}
	}
	if len(mistakes) == 0 {
		return nil
	}
	return event.WithHint(mistakes, "runbook docs NAME shows what a primitive takes")
}

// Refuse returns the mistakes that Check finds as one error, or nil.
func Refuse(ctx context.Context, api API, stream *event.Stream, paths []string) error {
	problems, err := Check(ctx, api, stream, paths)
	if err != nil {
		return err
	}
	return Refusal(problems)
}

// IsTest reports whether path names a test of recipes.
func IsTest(path string) bool { return strings.HasSuffix(path, "_test.lua") }

// Check reads recipes, what they require, and app.lua beside them, and returns every problem that
// it is sure of, once. Nothing is contacted. The error is a file that can't be read; the problems
// are then those of the files before it. A path that ends in _test.lua is a test of recipes.
func Check(ctx context.Context, api API, stream *event.Stream, paths []string) ([]Problem, error) {
	var all []Problem
	c := checker{api: api, stream: stream, evaluated: map[evaluated]Mistakes{}, read: map[string]bool{}}
	paths = slices.Clone(paths)
	for i := 0; i < len(paths); i++ { // it grows
		problems, err := c.check(ctx, paths[i])
		if err != nil {
			return all, err
		}
		for _, p := range problems {
			if !slices.Contains(all, p) { // recipes require the same files
				all = append(all, p)
			}
		}
		if i == len(paths)-1 {
			paths = append(paths, c.unreadSettings(paths)...)
		}
	}
	return all, nil
}

// unreadSettings returns each app.lua and app.STAGE.lua beside these files that was not checked
// with them.
func (c checker) unreadSettings(paths []string) (settings []string) {
	for _, path := range paths {
		folder := source.RecipeDir(path)
		files := []string{filepath.Join(folder, settingsFile)}
		for _, stage := range Stages(folder) {
			files = append(files, filepath.Join(folder, stageFile(stage)))
		}
		for _, beside := range files {
			if info, err := os.Stat(beside); err == nil && info.Mode().IsRegular() && !c.read[beside] {
				c.read[beside] = true
				settings = append(settings, beside)
			}
		}
	}
	return settings
}

// checker checks several files.
type checker struct {
	api       API
	stream    *event.Stream
	evaluated map[evaluated]Mistakes // what evaluating a recipe found
	read      map[string]bool        // the files that were checked
}

// evaluated is a recipe that was evaluated for a stage, or for none.
type evaluated struct{ path, stage string }

func (c checker) check(ctx context.Context, path string) ([]Problem, error) {
	if IsTest(path) {
		return check.Check(ctx, c.api.Tests, path, check.Options{Files: c.api.Sources})
	}
	r, failed := describe(ctx, c.api, c.stream, path, nil)
	c.evaluated[evaluated{filepath.Clean(path), ""}] = MistakesIn(failed)
	problems, err := r.Check(ctx)
	r.Sources.AddPaths(c.read)
	if err != nil {
		return problems, err
	}
	more := evaluationProblems(path, failed)
	if r.Options == nil && more == nil {
		if more, err = c.checkNeighbours(ctx, r); err != nil {
			return problems, err
		}
	}
	read := problems
	for _, p := range more {
		isKnown := func(q Problem) bool { return q.Kind == source.Mistake && q.File == p.File && q.Line == p.Line }
		if !slices.ContainsFunc(read, isKnown) { // otherwise reading found it as well
			problems = append(problems, p)
		}
	}
	source.SortProblems(problems)
	return problems, nil
}

// checkNeighbours evaluates the recipes next to a file that is not a recipe, such as app.lua, and
// returns the mistakes that they find in it and in the files that it requires. For the settings of
// a stage they are evaluated for that stage.
func (c checker) checkNeighbours(ctx context.Context, r *Recipe) (problems []Problem, err error) {
	path, stage := filepath.Clean(r.Path), StageOf(r.Path)
	folder := source.RecipeDir(path)
	files, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	names := r.Sources.Project(folder).BuiltinRecipes()
	for _, f := range files {
		names = append(names, f.Name())
	}
	for _, name := range names {
		neighbour := filepath.Join(folder, name)
		if filepath.Ext(neighbour) != ".lua" || IsTest(neighbour) || neighbour == path {
			continue
		}
		key := evaluated{neighbour, stage}
		if _, ok := c.evaluated[key]; !ok {
			_, failed := describe(ctx, c.api, c.stream, neighbour, &Settings{Stage: stage})
			if ctx.Err() != nil {
				return nil, failed
			}
			c.evaluated[key] = MistakesIn(failed)
		}
		for _, p := range c.evaluated[key] {
			if (p.File == path || r.Sources.Has(p.File)) && !slices.Contains(problems, p) {
				problems = append(problems, p)
			}
		}
	}
	return problems, nil
}

// Check finds the mistakes in the recipe and in what it requires. It evaluates nothing.
func (r *Recipe) Check(ctx context.Context) ([]Problem, error) {
	opts := check.Options{Files: r.Sources}
	if r.Options != nil {
		opts.Recipe = map[string]types.Type{}
	}
	for _, o := range r.Options {
		opts.Recipe[o.Name] = o.luaType()
	}
	return check.Check(ctx, r.api.Recipes, r.Path, opts)
}

// evaluationProblems returns the mistakes that only an evaluation finds: in recipe{ … }, in
// settings, or that recipe{ … } is never reached. Any other failure may be due to this machine,
// such as an unset environment variable, and is not a mistake.
func evaluationProblems(path string, failed error) []Problem {
	if mistakes := MistakesIn(failed); mistakes != nil {
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
	if file, line, ok := source.SplitPlace(at.Line); ok {
		p.File, p.Line = file, line
	}
	return []Problem{p}
}
