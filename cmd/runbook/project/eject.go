package project

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"runbook/recipes"
	"runbook/runtime/event"
	"runbook/runtime/run"
	"runbook/runtime/script/spell"
)

// Eject copies built-in files into the project, where they are used instead of the built-in ones,
// with what they require, and prints their paths within the project. A name is that of a module or
// recipe, such as rollout, or of a file, such as lib/mod_wsgi.sh or COOKBOOK.md.
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
			return run.Usage(event.WithHint(fmt.Errorf("no built-in file is called %q%s", name,
				spell.DidYouMean(name, known)),
				"such as: runbook init --eject rollout"))
		}
		if _, err := os.Lstat(filepath.Join(dir, all[i].path)); err == nil {
			existing = append(existing, all[i].path)
		}
		chosen = append(chosen, all[i])
	}
	if len(existing) > 0 {
		return refuseExisting(dir, existing,
			"such a file is used instead of the built-in one; runbook init --upgrade merges newer versions into it")
	}
	for _, f := range withRequired(dir, chosen, all) {
		_, err := fmt.Fprintln(out, f.path)
		if err := errors.Join(writeNew(filepath.Join(dir, f.path), f.content), f.record(dir), err); err != nil {
			return err
		}
	}
	return nil
}

// requires matches a call of require with a name.
var requires = regexp.MustCompile(`\brequire[ (]*"([^"]+)"`)

// withRequired returns the chosen files, and the files that they require unless these are built in
// or in the project: a test may need a module that only tests have.
func withRequired(dir string, chosen, all []file) []file {
	for i := 0; i < len(chosen); i++ {
		var calls [][][]byte
		if filepath.Ext(chosen[i].path) == ".lua" {
			calls = requires.FindAllSubmatch(chosen[i].content, -1)
		}
		for _, call := range calls {
			at := slices.IndexFunc(all, func(f file) bool { return f.isCalled(string(call[1]) + ".lua") })
			if at < 0 || slices.ContainsFunc(chosen, func(f file) bool { return f.path == all[at].path }) {
				continue
			}
			within, _ := strings.CutPrefix(filepath.ToSlash(all[at].path), "recipes/")
			_, builtin := fs.Stat(recipes.Builtin, within)
			if _, err := os.Lstat(filepath.Join(dir, all[at].path)); builtin != nil && errors.Is(err, fs.ErrNotExist) {
				chosen = append(chosen, all[at])
			}
		}
	}
	return chosen
}

// isCalled reports whether a name means the file: its path below recipes/, its file name, or either
// without .lua.
func (f file) isCalled(name string) bool {
	within := strings.TrimPrefix(filepath.ToSlash(f.path), "recipes/")
	return slices.Contains([]string{within, path.Base(within)}, name) ||
		slices.Contains([]string{within, path.Base(within)}, name+".lua")
}

// ejectable returns all built-in files, for recipes/. Examples get a path where require finds them.
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
