package recipetest

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"runbook/runtime/event"
	"runbook/runtime/recipe"
	"runbook/runtime/run"
)

// Files finds tests. A path is a test, or a folder with *_test.lua at any depth; hidden folders are
// skipped. The order is that of the paths. A path without any test is an error.
func Files(paths []string) ([]string, error) {
	var files []string
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, run.Usage(fmt.Errorf("there is no %s", path))
		}
		found := []string{path}
		if info.IsDir() {
			if found, err = below(path); err != nil {
				return nil, run.Usage(err)
			}
		} else if !recipe.IsTest(path) {
			return nil, run.Usage(event.WithHint(fmt.Errorf("%s is not a test: its name does not end in _test.lua",
				path),
				"runbook run "+path+" runs a recipe, runbook check "+path+" finds mistakes in it"))
		}
		if len(found) == 0 {
			return nil, run.Usage(event.WithHint(fmt.Errorf("there is no *_test.lua in %s", path),
				"write one, or copy one to begin with: runbook init --eject release_test"))
		}
		for _, f := range found {
			if !slices.Contains(files, f) {
				files = append(files, f)
			}
		}
	}
	return files, nil
}

func below(folder string) ([]string, error) {
	var found []string
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != folder && strings.HasPrefix(d.Name(), "."):
			return filepath.SkipDir
		case !d.IsDir() && recipe.IsTest(path):
			found = append(found, path)
		}
		return nil
	})
	return found, err
}
