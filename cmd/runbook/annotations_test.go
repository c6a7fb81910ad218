package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestStubIsWellFormed reads the stub as lua-language-server does, which Debian does not package:
// it is valid Lua, its types are well-formed and declared, and the parameters of each function
// match the annotations above it. The grammar is that of https://luals.github.io/wiki/annotations/.
func TestStubIsWellFormed(t *testing.T) {
	const path = "the stubs"
	var text []byte
	for _, path := range []string{"../../recipes/meta/runbook.lua", "../../recipes/meta/tests.lua"} {
		if out, err := exec.Command(luacheck(t), "--no-config", "--no-color", "--only", "0", "--",
			path).CombinedOutput(); err != nil {
			t.Errorf("the stub is no Lua: %v\n%s", err, out)
		}
		one, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		text = append(text, one...)
	}
	known := []string{"string", "number", "integer", "boolean", "any", "table", "nil", "function"}
	for _, m := range regexp.MustCompile(`(?m)^---@class (\S+)$`).FindAllStringSubmatch(string(text), -1) {
		known = append(known, m[1])
	}
	var params []string
	functions := 0
	for i, line := range strings.Split(string(text), "\n") {
		wrong := func(err error) {
			if err != nil {
				t.Errorf("%s:%d: %v\n%s", path, i+1, err, line)
			}
		}
		tag, rest, _ := strings.Cut(line, " ")
		switch tag {
		case "---@param", "---@field":
			name, after, _ := strings.Cut(rest, " ")
			wrong(annotated(after, known))
			if tag == "---@param" {
				params = append(params, strings.TrimSuffix(name, "?"))
			}
		case "---@return", "---@type", "---@overload":
			wrong(annotated(rest, known))
		case "function":
			functions++
			_, list, _ := strings.Cut(strings.TrimSuffix(line, ") end"), "(")
			if got := strings.Join(params, ", "); got != list {
				t.Errorf("%s:%d: the annotations name (%s)\n%s", path, i+1, got, line)
			}
			params = nil
		default:
			if strings.HasPrefix(tag, "---@") && !slices.Contains([]string{"---@meta", "---@class"}, tag) {
				t.Errorf("%s:%d: unknown annotation %s", path, i+1, tag)
			}
		}
	}
	if functions < 40 {
		t.Errorf("only %d functions", functions)
	}
	for _, bad := range []string{
		"strnig", "table<string>", "{ a: }", `"a`, "fun(x: string", "(string", "string||number",
	} {
		if annotated(bad, known) == nil {
			t.Errorf("%s passes for a type", bad)
		}
	}
}

// annotated reads a type at the beginning of text. Words may follow.
func annotated(text string, known []string) error {
	r := typeReader{text: text, known: known}
	if err := r.union(); err != nil {
		return err
	}
	if r.text != "" && r.text[0] != ' ' {
		return fmt.Errorf("what is %q?", r.text)
	}
	return nil
}

// typeReader reads a type from the front of its text.
type typeReader struct {
	text  string
	known []string
}

func (r *typeReader) eat(word string) bool {
	rest, ok := strings.CutPrefix(r.text, word)
	if ok {
		r.text = rest
	}
	return ok
}

func (r *typeReader) need(word string) error {
	if !r.eat(word) {
		return fmt.Errorf("want %q before %q", word, r.text)
	}
	return nil
}

// union reads TYPE[]|TYPE?|…
func (r *typeReader) union() error {
	for {
		if err := r.one(); err != nil {
			return err
		}
		for r.eat("[]") {
		}
		r.eat("?")
		if !r.eat("|") {
			return nil
		}
	}
}

var (
	identifier = regexp.MustCompile(`^[A-Za-z_][\w.]*`)
	quoted     = regexp.MustCompile(`^"[^"]*"`)
	key        = regexp.MustCompile(`^(\w+\??|\[\d+\])`)
)

func (r *typeReader) one() error {
	switch {
	case r.eat("("):
		if err := r.union(); err != nil {
			return err
		}
		return r.need(")")
	case r.eat("table<"):
		if err := r.union(); err != nil {
			return err
		}
		if err := r.need(", "); err != nil {
			return err
		}
		if err := r.union(); err != nil {
			return err
		}
		return r.need(">")
	case r.eat("{ "):
		return r.named(" }")
	case r.eat("fun()"):
	case r.eat("fun("):
		if err := r.named(")"); err != nil {
			return err
		}
	default:
		if found := quoted.FindString(r.text); found != "" {
			r.eat(found)
			return nil
		}
		name := identifier.FindString(r.text)
		if !slices.Contains(r.known, name) {
			return fmt.Errorf("there is no type %q", name)
		}
		r.eat(name)
		return nil
	}
	if r.eat(": ") { // what a function returns
		return r.union()
	}
	return nil
}

// named reads NAME: TYPE, NAME: TYPE … up to end.
func (r *typeReader) named(end string) error {
	for {
		found := key.FindString(r.text)
		if found == "" || !r.eat(found) {
			return fmt.Errorf("want a name before %q", r.text)
		}
		if err := r.need(": "); err != nil {
			return err
		}
		if err := r.union(); err != nil {
			return err
		}
		if !r.eat(", ") {
			return r.need(end)
		}
	}
}

// luacheck runs the program of Debian's lua-check.
func luacheck(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("luacheck")
	if err != nil {
		t.Fatal("luacheck is missing: install the Debian package lua-check")
	}
	return path
}

// TestLuacheck runs luacheck over all shipped recipes with the shipped configuration, and verifies
// that it finds a mistake.
func TestLuacheck(t *testing.T) {
	check := func(dir string, paths ...string) (string, error) {
		cmd := exec.Command(luacheck(t), append([]string{"--no-color", "--no-cache", "--codes", "-q"}, paths...)...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := check("../..", "recipes", "hosts"); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	dir := t.TempDir()
	config, err := os.ReadFile("../../.luacheckrc")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		".luacheckrc": string(config),
		"recipe.lua": "recipe({ summary = \"x\" })\n" +
			"hots = 1\nlog.inform(\"x\")\nlab.hosts(2)\nio.open(\"x\")\nos.exit()\n",
		"deep/also_test.lua": "test(\"x\", function() lab.hosts(2) expect.equal(1, os.time()) end)\n",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	out, err := check(dir, ".")
	if err == nil || strings.Contains(out, "also_test.lua:") {
		t.Errorf("%v\n%s", err, out)
	}
	for _, want := range []string{
		"recipe.lua:2:", "hots", "recipe.lua:3:", "'inform' of global 'log'", "recipe.lua:4:", "'lab'",
		"recipe.lua:5:", "'io'", "recipe.lua:6:", "'exit' of global 'os'",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
}
