//go:build ignore

// Checks the size of packages and functions, and the imports against .ci/layers.yml: go run
// .ci/shape.go
//
// Tests are not counted. Files for every platform are.
package main

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"log"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

const (
	maxFiles         = 20 // in a package other than cmd/runbook, which has a file per command
	maxLines         = 3000
	maxFunctionLines = 60

	module     = "runbook/"
	layersFile = ".ci/layers.yml"
)

// pkg holds the sizes and imports of one folder.
type pkg struct {
	files, lines int
	imports      map[string]bool // of this module without its name, and of others; not of the standard library
}

func main() {
	log.SetFlags(0)
	packages := map[string]*pkg{}
	var problems []string
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != "." && (entry.Name()[0] == '.' || entry.Name() == "testdata"):
			return fs.SkipDir
		case entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		dir := filepath.ToSlash(filepath.Dir(path))
		if packages[dir] == nil {
			packages[dir] = &pkg{imports: map[string]bool{}}
		}
		long, err := packages[dir].add(path)
		problems = append(problems, long...)
		return err
	})
	rules, order, rulesErr := readLayers()
	if err := errors.Join(err, rulesErr); err != nil {
		log.Fatal(err)
	}
	problems = append(problems, compare(packages, rules, order)...)
	for _, dir := range slices.Sorted(maps.Keys(packages)) {
		p := packages[dir]
		if p.files > maxFiles && dir != "cmd/runbook" {
			problems = append(problems, fmt.Sprintf("%s has %d files, more than %d", dir, p.files, maxFiles))
		}
		if p.lines > maxLines {
			problems = append(problems, fmt.Sprintf("%s has %d lines, more than %d", dir, p.lines, maxLines))
		}
	}
	if len(problems) > 0 {
		log.Fatal(strings.Join(problems, "\n"))
	}
}

// add counts a file and returns its functions that are too long.
func (p *pkg) add(path string) (long []string, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, path, text, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	p.files++
	p.lines += strings.Count(string(text), "\n")
	for _, spec := range file.Imports {
		name := strings.Trim(spec.Path.Value, `"`)
		if own, ok := strings.CutPrefix(name, module); ok {
			p.imports[own] = true
		} else if first, _, _ := strings.Cut(name, "/"); strings.Contains(first, ".") {
			p.imports[name] = true
		}
	}
	for _, decl := range file.Decls {
		function, ok := decl.(*ast.FuncDecl)
		if !ok {
			continue
		}
		begin, end := files.Position(function.Pos()), files.Position(function.End())
		if n := end.Line - begin.Line + 1; n > maxFunctionLines {
			long = append(long, fmt.Sprintf("%s: %s has %d lines, more than %d", begin, function.Name.Name, n,
				maxFunctionLines))
		}
	}
	return long, nil
}

var layerLine = regexp.MustCompile(`^([\w./-]+): \[(.*)\]( *#.*)?$`)

// readLayers returns what each package may import, and the packages in the order of the file.
func readLayers() (rules map[string][]string, order []string, err error) {
	text, err := os.ReadFile(layersFile)
	if err != nil {
		return nil, nil, err
	}
	rules = map[string][]string{}
	for i, line := range strings.Split(string(text), "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		found := layerLine.FindStringSubmatch(line)
		if found == nil || rules[found[1]] != nil {
			return nil, nil, fmt.Errorf("%s:%d: want a line PACKAGE: [ IMPORT, ... ] for each package", layersFile, i+1)
		}
		rules[found[1]] = strings.FieldsFunc(found[2], func(r rune) bool { return r == ' ' || r == ',' })
		order = append(order, found[1])
	}
	return rules, order, nil
}

// compare lists where the imports and the rules differ, in either direction.
func compare(packages map[string]*pkg, rules map[string][]string, order []string) (problems []string) {
	for dir, p := range packages {
		if rules[dir] == nil {
			problems = append(problems, fmt.Sprintf("%s has no line in %s", dir, layersFile))
			continue
		}
		for name := range p.imports {
			if !slices.ContainsFunc(rules[dir], func(rule string) bool { return covers(rule, name) }) {
				problems = append(problems, fmt.Sprintf("%s imports %s, which %s does not allow", dir, name,
					layersFile))
			}
		}
	}
	for i, dir := range order {
		p := packages[dir]
		if p == nil {
			problems = append(problems, fmt.Sprintf("%s: there is no package %s", layersFile, dir))
			continue
		}
		for _, rule := range rules[dir] {
			if slices.Contains(order[:i+1], rule) {
				problems = append(problems, fmt.Sprintf("%s: %s may only import packages below it, not %s", layersFile,
					dir, rule))
			}
			if !slices.ContainsFunc(slices.Collect(maps.Keys(p.imports)),
				func(name string) bool { return covers(rule, name) }) {
				problems = append(problems, fmt.Sprintf("%s: %s does not import %s: remove it there", layersFile, dir,
					rule))
			}
		}
	}
	slices.Sort(problems)
	return problems
}

// covers reports whether a rule allows an import. A rule for another module covers all of its
// packages.
func covers(rule, name string) bool {
	return rule == name || strings.Contains(strings.SplitN(rule, "/", 2)[0], ".") && strings.HasPrefix(name, rule+"/")
}
