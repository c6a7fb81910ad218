// Package project writes a project: the shipped recipes, a hosts file and files for editors. It
// also finds the recipes and stages of a project.
package project

import (
	_ "embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"runbook/cmd/runbook/recipetest"
	"runbook/hosts"
	"runbook/recipes"
	"runbook/runtime/event"
	"runbook/runtime/run"
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

// Init writes a project into dir, and says what to do next.
func Init(out io.Writer, dir string) error {
	written, err := Write(dir)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%d files in %s\n"+
		"next: edit hosts/production.lua and recipes/app.lua, then runbook run recipes/setup.lua\n", written, dir)
	return err
}

// Write writes a project into dir and returns the number of files. It writes all or nothing: edited
// recipes must not be mixed with shipped ones.
func Write(dir string) (int, error) {
	files, err := shipped()
	if err != nil {
		return 0, err
	}
	var existing []string
	for _, f := range files {
		if _, err := os.Lstat(filepath.Join(dir, f.path)); err == nil {
			existing = append(existing, f.path)
		}
	}
	if len(existing) > 0 {
		return 0, refuseExisting(dir, existing, "a project that exists is upgraded by runbook init --upgrade; "+
			"for a new one choose another folder, or move these files away")
	}
	for _, f := range files {
		if err := errors.Join(writeNew(filepath.Join(dir, f.path), f.content), f.record(dir)); err != nil {
			return 0, err
		}
	}
	return len(files), nil
}

// refuseExisting returns the error for files that would have to be overwritten.
func refuseExisting(dir string, files []string, hint string) error {
	return run.Usage(event.WithHint(errors.New(dir+" has "+strings.Join(files, ", ")+" already"), hint))
}

// file is a file of a project.
type file struct {
	path    string // within the folder
	content []byte
}

// recorded is the folder of a project with the files as runbook wrote them. An upgrade compares the
// project's files with them.
const recorded = ".runbook"

// record keeps the file as runbook wrote it.
func (f file) record(dir string) error {
	return replace(filepath.Join(dir, recorded, f.path), f.content)
}

// edited are the recipes that a new project has, because admins edit them. The others are built in.
var edited = []string{"app.lua", "release.lua", "rollback.lua", "meta/*"}

// shipped returns the files of a new project.
func shipped() ([]file, error) {
	files, err := matching("recipes", recipes.Files, edited...)
	if err != nil {
		return nil, err
	}
	inventory, err := matching("hosts", hosts.Files, "*.lua")
	if err != nil {
		return nil, err
	}
	files = append(files, inventory...)
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

// matching returns the embedded files whose paths match one of the patterns, for a folder of the
// project.
func matching(folder string, tree fs.FS, patterns ...string) (files []file, err error) {
	for _, pattern := range patterns {
		paths, err := fs.Glob(tree, pattern)
		if err != nil {
			return nil, err
		}
		for _, path := range paths {
			content, err := fs.ReadFile(tree, path)
			if err != nil {
				return nil, err
			}
			files = append(files, file{filepath.Join(folder, filepath.FromSlash(path)), content})
		}
	}
	return files, nil
}

// writeNew writes a file that must not exist yet.
func writeNew(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Close())
}
