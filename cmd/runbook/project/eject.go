package project

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"runbook/recipes"
	"runbook/runtime/event"
	"runbook/runtime/run"
	"runbook/runtime/script/spell"
)

// Eject copies built-in files into the project, where they are used instead of the built-in ones,
// and prints their paths within the project. A name is that of a module or recipe, such as rollout,
// or of a file, such as lib/mod_wsgi.sh or COOKBOOK.md.
func Eject(out io.Writer, dir string, names []string) error {
	if err := checkProject(dir); err != nil {
		return err
	}
	all, err := ejectable()
	if err != nil {
		return err
	}
	var chosen []file
	var existing []string
	for _, name := range names {
		i := slices.IndexFunc(all, func(f file) bool { return f.isCalled(name) })
		if i < 0 {
			var known []string
			for _, f := range all {
				known = append(known, strings.TrimSuffix(path.Base(filepath.ToSlash(f.path)), ".lua"))
			}
			return run.Usage(event.WithHint(fmt.Errorf("no built-in file is called %q%s", name, spell.DidYouMean(name, known)),
				"such as: runbook init --eject rollout"))
		}
		if _, err := os.Lstat(filepath.Join(dir, all[i].path)); err == nil {
			existing = append(existing, all[i].path)
		}
		chosen = append(chosen, all[i])
	}
	if len(existing) > 0 {
		return refuseExisting(dir, existing, "such a file is used instead of the built-in one; runbook init --upgrade merges newer versions into it")
	}
	for _, f := range chosen {
		_, err := fmt.Fprintln(out, f.path)
		if err := errors.Join(writeNew(filepath.Join(dir, f.path), f.content), f.record(dir), err); err != nil {
			return err
		}
	}
	return nil
}

// isCalled reports whether the file goes by a name: its path below recipes/, its file name, or one
// of them without .lua.
func (f file) isCalled(name string) bool {
	within := strings.TrimPrefix(filepath.ToSlash(f.path), "recipes/")
	return slices.Contains([]string{within, path.Base(within)}, name) ||
		slices.Contains([]string{within, path.Base(within)}, name+".lua")
}

// ejectable returns all files that are built in, for recipes/. Examples go where require finds them.
func ejectable() ([]file, error) {
	files, err := matching("recipes", recipes.Files, "*.lua", "*.md", "lib/*")
	if err != nil {
		return nil, err
	}
	examples, err := matching("recipes", recipes.Files, "examples/*.lua")
	for i := range examples {
		examples[i].path = filepath.Join("recipes", "lib", filepath.Base(examples[i].path))
	}
	return append(files, examples...), err
}
