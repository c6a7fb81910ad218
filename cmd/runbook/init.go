package main

import (
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"runbook/cmd/runbook/recipetest"
	"runbook/hosts"
	"runbook/recipes"
	"runbook/runtime/event"
	"runbook/runtime/run"
)

// initCommand is `runbook init`.
func (p *program) initCommand() *cli.Command {
	return &cli.Command{Name: "init", Usage: "write the shipped recipes, hosts and editor stubs into DIR", ArgsUsage: "[DIR]", Action: p.init}
}

// projectReadme says to whoever opens the written folder what is in it.
//
//go:embed project/README.md
var projectReadme string

// luarc tells lua-language-server where the Lua API stands: in recipes/meta.
const luarc = `{
  "runtime.version": "Lua 5.1",
  "workspace.library": ["recipes/meta"],
  "workspace.checkThirdParty": false
}
`

func (p *program) init(cc *cli.Context) error {
	if cc.NArg() > 1 {
		return run.Usage(errors.New("init takes one folder at most"))
	}
	dir := cc.Args().First()
	if dir == "" {
		dir = "."
	}
	files, err := shipped()
	if err != nil {
		return err
	}
	// All or nothing: an admin's edited recipe must not be mixed with shipped ones.
	var there []string
	for _, f := range files {
		if _, err := os.Lstat(filepath.Join(dir, f.path)); err == nil {
			there = append(there, f.path)
		}
	}
	if len(there) > 0 {
		return run.Usage(event.WithHint(fmt.Errorf("%s has %s already", dir, strings.Join(there, ", ")), "choose another folder, or move these away"))
	}
	for _, f := range files {
		path := filepath.Join(dir, f.path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := writeNew(path, f.content); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(p.out, "%d files in %s\nnext: edit hosts/production.lua and recipes/app.lua, then runbook run recipes/setup.lua\n", len(files), dir)
	return err
}

type shippedFile struct {
	path    string
	content []byte
}

// shipped is everything that init writes, by the path within the folder.
func shipped() ([]shippedFile, error) {
	var files []shippedFile
	for _, tree := range []struct {
		name string
		fs   fs.FS
	}{{"recipes", recipes.Files}, {"hosts", hosts.Files}} {
		err := fs.WalkDir(tree.fs, ".", func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			content, err := fs.ReadFile(tree.fs, path)
			files = append(files, shippedFile{filepath.Join(tree.name, filepath.FromSlash(path)), content})
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("the shipped %s: %w", tree.name, err)
		}
	}
	luacheck, err := run.Luacheck(recipetest.API())
	if err != nil {
		return nil, err
	}
	return append(files,
		shippedFile{"README.md", []byte(projectReadme)},
		shippedFile{".luarc.json", []byte(luarc)},
		shippedFile{".luacheckrc", []byte(luacheck)},
	), nil
}

// writeNew writes a file that must not be there.
func writeNew(path string, content []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Close())
}
