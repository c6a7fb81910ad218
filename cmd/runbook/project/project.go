// Package project writes a project: the shipped recipes, a hosts file and what an editor reads. It
// also finds the recipes and stages of one.
package project

import (
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"runbook/cmd/runbook/recipetest"
	"runbook/hosts"
	"runbook/recipes"
	apidocs "runbook/runtime/script/docs"
)

// readme is the README.md of a project.
//
//go:embed README.md
var readme string

// Luarc configures lua-language-server: the Lua API is declared in recipes/meta.
const Luarc = `{
  "runtime.version": "Lua 5.1",
  "workspace.library": ["recipes/meta"],
  "workspace.checkThirdParty": false
}
`

// ExistsError is a folder that has files of a project already.
type ExistsError struct {
	Dir   string
	Files []string // within the folder
}

func (e *ExistsError) Error() string {
	return e.Dir + " has " + strings.Join(e.Files, ", ") + " already"
}

// Write writes a project into dir and returns the number of files. It writes all or, with an
// *ExistsError, nothing: edited recipes must not be mixed with shipped ones.
func Write(dir string) (int, error) {
	files, err := shipped()
	if err != nil {
		return 0, err
	}
	existing := &ExistsError{Dir: dir}
	for _, f := range files {
		if _, err := os.Lstat(filepath.Join(dir, f.path)); err == nil {
			existing.Files = append(existing.Files, f.path)
		}
	}
	if len(existing.Files) > 0 {
		return 0, existing
	}
	for _, f := range files {
		path := filepath.Join(dir, f.path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return 0, err
		}
		if err := writeNew(path, f.content); err != nil {
			return 0, err
		}
	}
	return len(files), nil
}

// file is a file of a project.
type file struct {
	path    string // within the folder
	content []byte
}

// shipped returns the files of a new project.
func shipped() ([]file, error) {
	var files []file
	for _, tree := range []struct {
		name string
		fs   fs.FS
	}{{"recipes", recipes.Files}, {"hosts", hosts.Files}} {
		err := fs.WalkDir(tree.fs, ".", func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			content, err := fs.ReadFile(tree.fs, path)
			files = append(files, file{filepath.Join(tree.name, filepath.FromSlash(path)), content})
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("the shipped %s: %w", tree.name, err)
		}
	}
	api, err := recipetest.API()
	if err != nil {
		return nil, err
	}
	return append(files,
		file{"README.md", []byte(readme)},
		file{".luarc.json", []byte(Luarc)},
		file{".luacheckrc", []byte(apidocs.Luacheck(api.Recipes, api.Tests))},
	), nil
}

// writeNew writes a file that must not exist yet.
func writeNew(path string, content []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Close())
}
