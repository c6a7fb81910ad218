package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"runbook/runtime/event"
	"runbook/runtime/recipe"
	"runbook/runtime/script/spell"
)

// recipesFolder has the recipes of a project. Its recipes go by their names: release is
// recipes/release.lua.
const recipesFolder = "recipes"

// listedRecipe is a Lua file that may be a recipe of the project in the current folder.
type listedRecipe struct{ name, path string }

// projectFiles returns the Lua files of the project that may be recipes, sorted by path: those in recipes/, in the
// current folder, and in the folders of other applications, which have an app.lua of their own.
func projectFiles() []listedRecipe {
	var found []listedRecipe
	folders := []string{recipesFolder, "."}
	apps, err := filepath.Glob(filepath.Join("*", "app.lua"))
	if err != nil { // the pattern is well-formed
		return nil
	}
	for _, app := range apps {
		if dir := filepath.Dir(app); dir != recipesFolder {
			folders = append(folders, dir)
		}
	}
	for _, dir := range folders {
		entries, err := os.ReadDir(dir)
		if err != nil { // there is no such folder
			continue
		}
		for _, e := range entries {
			path := filepath.Join(dir, e.Name())
			name, isLua := strings.CutSuffix(path, ".lua")
			if !isLua || e.IsDir() || recipe.IsTest(path) || recipe.IsAppFile(path) {
				continue
			}
			found = append(found, listedRecipe{strings.TrimPrefix(name, recipesFolder+string(filepath.Separator)), path})
		}
	}
	return found
}

// recipePath returns the path of the recipe that a word of the command line names: a path, or a name such as release
// for recipes/release.lua.
func recipePath(word string) (string, error) {
	if info, err := os.Stat(word); err == nil && !info.IsDir() {
		return word, nil
	}
	if isName := !strings.HasSuffix(word, ".lua") && !filepath.IsAbs(word); isName {
		for _, dir := range []string{recipesFolder, "."} {
			path := filepath.Join(dir, word+".lua")
			if info, err := os.Stat(path); err == nil && !info.IsDir() {
				return path, nil
			}
		}
	}
	var names, paths []string
	for _, f := range projectFiles() {
		names, paths = append(names, f.name), append(paths, f.path)
	}
	text := fmt.Sprintf("there is no recipe %q%s", word, spell.DidYouMean(word, names))
	if strings.HasSuffix(word, ".lua") {
		text = fmt.Sprintf("%s: no such file%s", word, spell.DidYouMean(word, paths))
	}
	return "", usageError(text, "runbook run lists the recipes")
}

// listRecipes shows the recipes of the project with their summaries.
func (p *program) listRecipes(cc *cli.Context) error {
	var rows [][]string
	for _, f := range projectFiles() {
		d, err := p.describe(cc.Context, f.path)
		switch {
		case cc.Err() != nil:
			return context.Cause(cc.Context)
		case err != nil:
			text, _, _ := strings.Cut(err.Error(), "\n")
			rows = append(rows, []string{f.name, "cannot be read: " + text})
		case d.Options != nil:
			rows = append(rows, []string{f.name, d.Summary})
		}
	}
	if len(rows) == 0 {
		return usageError("there are no recipes here, neither in recipes/ nor in this folder",
			"change to the folder of a project, or write one: runbook init")
	}
	if err := p.table(event.Event{Kind: event.Table, Header: []string{"recipe", "summary"}, Rows: rows}); err != nil {
		return err
	}
	_, err := fmt.Fprintln(p.out, "\nrunbook run RECIPE runs one; runbook run RECIPE --help lists its options.")
	return ignoreClosedPipe(err)
}

// recipeCandidates returns the words of a line that may be its recipe: those that end in .lua or name one. If there
// is none, any may be a misspelt name.
func recipeCandidates(words []string) []string {
	candidates := slices.DeleteFunc(slices.Clone(words), func(w string) bool {
		_, err := recipePath(w)
		return err != nil && !strings.HasSuffix(w, ".lua")
	})
	if len(candidates) > 0 {
		return candidates
	}
	return words
}
