package source

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"runbook/runtime/script/spell"
)

var moduleName = regexp.MustCompile(`^[A-Za-z0-9_-]+([/.][A-Za-z0-9_-]+)*$`)

// RecipeDir returns the folder of the recipes that a file belongs to: its own folder or, for a file
// in lib, the one above.
func RecipeDir(path string) string {
	dir := filepath.Dir(path)
	if filepath.Base(dir) == "lib" {
		return filepath.Dir(dir)
	}
	return dir
}

// Project finds the files that recipes name: in their folder, in its lib, for another application
// of the project also in recipes/ beside it, and at last among those that are built into runbook.
type Project struct {
	Dir     string // of the recipes
	Builtin fs.FS  // the recipes, and under lib what they require; may be nil
}

// sharedFolder has the recipes and the lib that all applications of a project share.
const sharedFolder = "recipes"

// builtinFolder begins the paths of modules and files that are built into runbook.
const builtinFolder = "builtin"

// IsBuiltin reports whether path names a module or file that is built into runbook.
func IsBuiltin(path string) bool { return strings.HasPrefix(path, builtinFolder+"/") }

// folders returns where recipes find modules and files on this machine.
func (p Project) folders() []string {
	found := []string{p.Dir, filepath.Join(p.Dir, "lib")}
	if shared := p.shared(); shared != "" {
		found = append(found, shared, filepath.Join(shared, "lib"))
	}
	return found
}

// shared returns the folder recipes/ beside another application's folder, which has an app.lua of
// its own, or "".
func (p Project) shared() string {
	shared := filepath.Join(p.Dir, "..", sharedFolder)
	own, err := os.Stat(p.Dir)
	other, otherErr := os.Stat(shared)
	if _, appErr := os.Stat(filepath.Join(p.Dir, "app.lua")); err != nil || otherErr != nil || appErr != nil ||
		os.SameFile(own, other) {
		return ""
	}
	return shared
}

// ReadRecipe reads a recipe of the project. One that the project does not have may be built in:
// recipes/status.lua, or shop/status.lua for another application.
func (p Project) ReadRecipe(path string) ([]byte, error) {
	text, err := ReadShown(path)
	if errors.Is(err, fs.ErrNotExist) && p.IsBuiltin(path) {
		return fs.ReadFile(p.Builtin, filepath.Base(path))
	}
	return text, err
}

// usesBuiltin reports whether the recipes in a folder release with the built-in library: there is a
// release.lua, and an app.lua with its settings. In any other project, the built-in status.lua has
// nothing to show.
func usesBuiltin(dir string) bool {
	_, appErr := os.Stat(filepath.Join(dir, "app.lua"))
	_, ownErr := os.Stat(filepath.Join(dir, "release.lua"))
	_, sharedErr := os.Stat(filepath.Join(dir, "..", sharedFolder, "release.lua"))
	return appErr == nil && (ownErr == nil || sharedErr == nil)
}

// IsBuiltin reports whether path names a built-in recipe of which the project has no copy.
func (p Project) IsBuiltin(path string) bool {
	if p.Builtin == nil || !usesBuiltin(filepath.Dir(path)) {
		return false
	}
	_, onDisk := os.Lstat(path)
	_, builtin := fs.Stat(p.Builtin, filepath.Base(path))
	return onDisk != nil && builtin == nil && filepath.Ext(path) == ".lua"
}

// BuiltinRecipes returns the file names of the built-in recipes of which the project has no copy.
func (p Project) BuiltinRecipes() (names []string) {
	if p.Builtin == nil {
		return nil
	}
	files, err := fs.Glob(p.Builtin, "*.lua")
	if err != nil { // the pattern is well-formed
		return nil
	}
	for _, name := range files {
		if p.IsBuiltin(filepath.Join(p.Dir, name)) {
			names = append(names, name)
		}
	}
	return names
}

// SettingsModule is the only module of the built-in recipes that each project must provide.
const SettingsModule = "app"

// IsShipped reports whether a recipe, and every module that it may require except the settings, is
// an unchanged built-in file. Mistakes in built-in files are found before they ship, so only the
// settings can have one.
func (p Project) IsShipped(path string, text []byte) bool {
	if !p.HasBuiltin(path, text) {
		return false
	}
	modules, err := fs.Glob(p.Builtin, "lib/*.lua")
	if err != nil { // the pattern is well-formed
		return false
	}
	for _, name := range modules {
		module := strings.TrimSuffix(filepath.Base(name), ".lua")
		if path, text, err := p.FindModule(module, ""); err != nil || !p.HasBuiltin(path, text) {
			return false
		}
	}
	_, _, err = p.FindModule(SettingsModule, "")
	return err == nil
}

// HasBuiltin reports whether text equals the built-in recipe or module of path's name.
func (p Project) HasBuiltin(path string, text []byte) bool {
	_, builtin := p.readBuiltin(filepath.Base(path))
	return builtin != nil && bytes.Equal(builtin, text)
}

// FindModule reads the file that require "name" loads. If several files have the name, it is not
// from, the requiring file: in shop/release.lua, require "release" is recipes/release.lua, and in
// lib/rollout.lua, require "rollout" is the built-in one.
func (p Project) FindModule(name, from string) (path string, text []byte, err error) {
	if !moduleName.MatchString(name) {
		return "", nil, fmt.Errorf("%q is not a module name; want letters, digits, -, _ and . between them, "+
			"such as require \"releases\"", name)
	}
	return p.find(name+".lua", "module", name, from)
}

// find reads a file by its name. The file at path last is tried after the others. kind and asked
// describe the file in errors.
func (p Project) find(name, kind, asked, last string) (path string, text []byte, err error) {
	var tried []string
	builtin, builtinText := p.readBuiltin(name)
	amongBuiltin := strings.HasPrefix(builtin, builtinFolder+"/lib/") && IsBuiltin(last)
	for _, folder := range p.folders() {
		if !amongBuiltin || filepath.Base(folder) == "lib" { // the library does not want a recipe health.lua
			tried = append(tried, filepath.Join(folder, name))
		}
	}
	if rest, ok := strings.CutPrefix(name, sharedFolder+"/"); ok && p.shared() != "" { // recipes/release
		tried = append(tried, filepath.Join(p.shared(), rest))
	}
	looked, last := strings.Join(tried, " nor "), filepath.Clean(last)
	if i := slices.Index(tried, last); i >= 0 {
		tried = slices.Delete(tried, i, i+1)
	} else {
		last = ""
	}
	for _, path := range tried {
		if text, err := ReadShown(path); !errors.Is(err, fs.ErrNotExist) {
			return path, text, err
		}
	}
	if builtin != "" {
		return builtin, builtinText, nil
	}
	if last != "" {
		text, err := ReadShown(last)
		return last, text, err
	}
	return "", nil, fmt.Errorf("there is no %s %q: neither %s exists", kind, asked, looked)
}

// readBuiltin reads a built-in file by its name. path is "" where there is none.
func (p Project) readBuiltin(name string) (shown string, text []byte) {
	if p.Builtin == nil {
		return "", nil
	}
	for _, within := range []string{strings.TrimPrefix(name, sharedFolder+"/"), path.Join("lib", name)} {
		if text, err := fs.ReadFile(p.Builtin, within); err == nil {
			return path.Join(builtinFolder, within), text
		}
	}
	return "", nil
}

var fileName = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9_.-]*(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*$`)

// FindFile reads the file of the project, such as a script, that a recipe names.
func (p Project) FindFile(name string) (path string, text []byte, err error) {
	if !fileName.MatchString(name) {
		return "", nil, fmt.Errorf("%q is not a file of the project; "+
			"want a name such as \"look.sh\" or \"web/look.sh\"", name)
	}
	path, text, err = p.find(name, "file", name, "")
	if err != nil {
		return "", nil, fmt.Errorf("%w%s", err, spell.DidYouMean(name, p.fileNames()))
	}
	for _, dir := range []string{p.Dir, p.shared()} {
		if dir != "" && strings.HasPrefix(path, filepath.Clean(dir)+string(filepath.Separator)) || dir == "." {
			return path, text, inside(dir, path)
		}
	}
	return path, text, nil // it is built in
}

// ProjectPath returns the path of a file or folder of this machine that a recipe in dir names. It
// is relative to the project: the folder that has recipes/ in it, or dir where there is none. A
// path that exists only below the working directory is resolved there.
func ProjectPath(dir, path string) string {
	if dir == "" || path == "" || filepath.IsAbs(path) {
		return path
	}
	project := dir
	for at := filepath.Clean(dir); at != filepath.Dir(at); at = filepath.Dir(at) {
		if filepath.Base(at) == "recipes" {
			project = filepath.Dir(at)
		}
	}
	inside := filepath.Join(project, path)
	if _, err := os.Lstat(inside); err != nil {
		if _, err := os.Lstat(path); err == nil {
			return path
		}
	}
	return inside
}

// inside returns an error when path is a link to a file outside dir: what a project runs belongs to
// the project.
func inside(dir, path string) error {
	root, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return err
	}
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	if rel, err := filepath.Rel(root, target); err != nil || !filepath.IsLocal(rel) {
		return fmt.Errorf("%s is a link to %s, outside of %s", path, target, dir)
	}
	return nil
}

// fileNames returns the files that recipes can name: all but Lua files.
func (p Project) fileNames() []string {
	return slices.DeleteFunc(p.names(), func(name string) bool { return filepath.Ext(name) == ".lua" })
}

// ModuleNames returns the names that recipes can require.
func (p Project) ModuleNames() (modules []string) {
	for _, name := range p.names() {
		if module, isLua := strings.CutSuffix(name, ".lua"); isLua {
			modules = append(modules, module)
		}
	}
	return modules
}

// names returns the names of the files where recipes find modules and files.
func (p Project) names() (names []string) {
	add := func(entries []fs.DirEntry, _ error) { // an error: there is no such folder
		for _, e := range entries {
			if !e.IsDir() {
				names = append(names, e.Name())
			}
		}
	}
	for _, folder := range p.folders() {
		add(os.ReadDir(folder))
	}
	if p.Builtin != nil {
		add(fs.ReadDir(p.Builtin, "lib"))
	}
	return names
}
