package source

import (
	"fmt"
	"os"
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

// sharedFolder has the recipes and the lib that all applications of a project share.
const sharedFolder = "recipes"

// folders returns where recipes in dir find modules and files: in dir, in its lib, and for another
// application of the project, which is a folder with its own app.lua beside recipes/, also there.
func folders(dir string) []string {
	found := []string{dir, filepath.Join(dir, "lib")}
	if shared := sharedWith(dir); shared != "" {
		found = append(found, shared, filepath.Join(shared, "lib"))
	}
	return found
}

// sharedWith returns the folder recipes/ beside another application's folder, or "".
func sharedWith(dir string) string {
	shared := filepath.Join(dir, "..", sharedFolder)
	own, err := os.Stat(dir)
	other, otherErr := os.Stat(shared)
	if _, appErr := os.Stat(filepath.Join(dir, "app.lua")); err != nil || otherErr != nil || appErr != nil || os.SameFile(own, other) {
		return ""
	}
	return shared
}

// FindModule reads the file that require "name" loads for recipes in dir. It is another one than
// from, the file that requires it, if there is another: in shop/release.lua, require "release" is
// recipes/release.lua.
func FindModule(dir, name, from string) (path string, text []byte, err error) {
	if !moduleName.MatchString(name) {
		return "", nil, fmt.Errorf("%q is not a module name; want letters, digits, -, _ and . between them, "+
			"such as require \"releases\"", name)
	}
	return findShown(dir, name+".lua", "module", name, from)
}

// findShown reads a file by its name in one of the folders of dir, last is tried after the others.
// kind and asked are what the error calls it.
func findShown(dir, name, kind, asked, last string) (path string, text []byte, err error) {
	var tried []string
	for _, folder := range folders(dir) {
		tried = append(tried, filepath.Join(folder, name))
	}
	if rest, ok := strings.CutPrefix(name, sharedFolder+"/"); ok && sharedWith(dir) != "" { // recipes/release
		tried = append(tried, filepath.Join(sharedWith(dir), rest))
	}
	if i := slices.Index(tried, filepath.Clean(last)); i >= 0 {
		tried = append(slices.Delete(tried, i, i+1), filepath.Clean(last))
	}
	for _, path := range tried {
		text, err := ReadShown(path)
		if err == nil {
			return path, text, nil
		}
		if !os.IsNotExist(err) {
			return "", nil, err
		}
	}
	return "", nil, fmt.Errorf("there is no %s %q: neither %s exists", kind, asked, strings.Join(tried, " nor "))
}

var fileName = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9_.-]*(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*$`)

// FindFile reads the file of the project, such as a script, that a recipe in dir names.
func FindFile(dir, name string) (path string, text []byte, err error) {
	if !fileName.MatchString(name) {
		return "", nil, fmt.Errorf("%q is not a file of the project; "+
			"want a name such as \"look.sh\" or \"web/look.sh\"", name)
	}
	path, text, err = findShown(dir, name, "file", name, "")
	if err != nil {
		return "", nil, fmt.Errorf("%w%s", err, spell.DidYouMean(name, fileNames(dir)))
	}
	if shared := sharedWith(dir); shared != "" && strings.HasPrefix(path, shared+string(filepath.Separator)) {
		dir = shared
	}
	return path, text, inside(dir, path)
}

// ProjectPath returns the path of a file or folder of this machine that a recipe in dir names. It
// is relative to the project: the folder that has recipes/ in it, or dir where there is none. What
// exists only below the working directory is taken from there.
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

// fileNames returns the files that recipes in dir can name: all but Lua files.
func fileNames(dir string) []string {
	var names []string
	for _, folder := range folders(dir) {
		entries, err := os.ReadDir(folder)
		if err != nil { // there is no lib
			continue
		}
		for _, e := range entries {
			if !e.IsDir() && filepath.Ext(e.Name()) != ".lua" {
				names = append(names, e.Name())
			}
		}
	}
	return names
}

// ModuleNames returns the names that recipes in dir can require.
func ModuleNames(dir string) []string {
	var names []string
	for _, folder := range folders(dir) {
		files, err := filepath.Glob(filepath.Join(folder, "*.lua"))
		if err != nil { // the folder's own name is a malformed pattern
			continue
		}
		for _, file := range files {
			names = append(names, strings.TrimSuffix(filepath.Base(file), ".lua"))
		}
	}
	return names
}
