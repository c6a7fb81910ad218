package project

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"runbook/recipes"
	"runbook/runtime/event"
	"runbook/runtime/recipe"
	"runbook/runtime/run"
	"runbook/runtime/script/spell"
)

// Folder has the recipes of a project. Recipes in it can be named without path and extension:
// release is recipes/release.lua.
const Folder = "recipes"

// File is a Lua file that may be a recipe of the project in the current folder.
type File struct{ Name, Path string }

// Files returns the Lua files of the project that may be recipes, and the built-in recipes: those
// of recipes/, of the current folder, and of the folders of other applications, which have an
// app.lua of their own. Within a folder they are sorted by name.
func Files() []File {
	var found []File
	folders := []string{Folder, "."}
	apps, err := filepath.Glob(filepath.Join("*", "app.lua"))
	if err != nil { // cannot happen: the pattern is valid
		return nil
	}
	for _, app := range apps {
		if dir := filepath.Dir(app); dir != Folder {
			folders = append(folders, dir)
		}
	}
	for _, dir := range folders {
		names := recipe.BuiltinRecipes(recipes.Builtin, dir)
		entries, err := os.ReadDir(dir)
		if err != nil { // there is no such folder
			continue
		}
		for _, e := range entries {
			if !e.IsDir() {
				names = append(names, e.Name())
			}
		}
		slices.Sort(names)
		for _, name := range names {
			path := filepath.Join(dir, name)
			short, isLua := strings.CutSuffix(path, ".lua")
			if !isLua || recipe.IsTest(path) || recipe.IsAppFile(path) {
				continue
			}
			found = append(found, File{strings.TrimPrefix(short, Folder+string(filepath.Separator)), path})
		}
	}
	return found
}

// exists reports whether path names a file, or a built-in recipe of the project.
func exists(path string) bool {
	info, err := os.Stat(path)
	return err == nil && !info.IsDir() || recipe.IsBuiltin(recipes.Builtin, path)
}

// Recipe returns the path of the recipe that a word of the command line names: a path, or a name
// such as release for recipes/release.lua.
func Recipe(word string) (string, error) {
	if exists(word) {
		return word, nil
	}
	if isName := !strings.HasSuffix(word, ".lua") && !filepath.IsAbs(word); isName {
		for _, dir := range []string{Folder, "."} {
			if path := filepath.Join(dir, word+".lua"); exists(path) {
				return path, nil
			}
		}
	}
	var names, paths []string
	for _, f := range Files() {
		names, paths = append(names, f.Name), append(paths, f.Path)
	}
	text := fmt.Sprintf("there is no recipe %q%s", word, spell.DidYouMean(word, names))
	if strings.HasSuffix(word, ".lua") {
		text = fmt.Sprintf("%s: no such file%s", word, spell.DidYouMean(word, paths))
	}
	return "", run.Usage(event.WithHint(errors.New(text), "runbook run lists the recipes"))
}

// Candidates returns the words of a line that may be its recipe: those that end in .lua or name
// one. If there is none, any may be a misspelt name.
func Candidates(words []string) []string {
	candidates := slices.DeleteFunc(slices.Clone(words), func(w string) bool {
		_, err := Recipe(w)
		return err != nil && !strings.HasSuffix(w, ".lua")
	})
	if len(candidates) > 0 {
		return candidates
	}
	return words
}

// Stages returns the names of the stages of the recipes in a folder: those with a hosts file, and
// those with settings.
func Stages(folder string) []string {
	found := recipe.Stages(folder)
	for _, dir := range []string{filepath.Join(folder, "..", "hosts"), "hosts"} {
		files, err := filepath.Glob(filepath.Join(dir, "*.lua"))
		if err != nil { // the folder's own name is a malformed pattern
			continue
		}
		for _, f := range files {
			found = append(found, strings.TrimSuffix(filepath.Base(f), ".lua"))
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// CheckStage returns an error for a stage that the recipes in a folder do not have.
func CheckStage(stage, folder string) error {
	known := Stages(folder)
	if strings.TrimSpace(stage) == "" || slices.Contains(known, stage) {
		return nil
	}
	hint := "write hosts/" + stage + ".lua, and recipes/app." + stage + ".lua for settings that differ there"
	if len(known) > 0 {
		hint = "the stages are " + strings.Join(known, ", ")
	}
	return run.Usage(event.WithHint(fmt.Errorf("there is no stage %q%s", stage, spell.DidYouMean(stage, known)), hint))
}
