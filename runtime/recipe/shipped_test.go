package recipe_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"runbook/recipes"
	"runbook/runtime/event"
	"runbook/runtime/recipe"
	"runbook/runtime/run"
)

// TestShippedRecipes expects no problem in the recipes and the library. They are read in full here;
// in a project, check trusts them.
func TestShippedRecipes(t *testing.T) {
	paths, err := filepath.Glob("../../recipes/*.lua")
	if err != nil || len(paths) < 6 {
		t.Fatal(paths, err)
	}
	for _, p := range check(t, slices.DeleteFunc(paths, recipe.IsTest)...) {
		t.Error(p)
	}
}

// TestChangedProject finds mistakes wherever a project differs from what runbook has.
func TestChangedProject(t *testing.T) {
	api, err := run.NewAPI(run.Extension{}, recipes.Builtin)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "recipes")
	for _, c := range []struct {
		name, file  string
		old, change string // part of what runbook has, and what the project has instead
		want        string // in the only problem
	}{
		{"nothing", "", "", "", ""},
		{"the settings", "app.lua", "return {", `return {
  before_switch = { once = function(host) hots = 1 end },`, `recipes/app.lua:13:43: undeclared global "hots"`},
		{"the recipe", "release.lua", "rollout.switch(", "rollout.swich(",
			`recipes/release.lua:47:11: rollout has no "swich"`},
		{"a module", "lib/server.lua", "host:", "hsot:", `recipes/lib/server.lua:13:16: undeclared global "hsot"`},
		{"a copy of a module", "lib/server.lua", "", "", ""},
		{"a recipe named as a module", "server.lua", "host:", "hsot:",
			`recipes/server.lua:13:16: undeclared global "hsot"`},
	} {
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"app.lua", "release.lua", c.file} {
			text, err := recipes.Files.ReadFile(name)
			if name == "server.lua" {
				text, err = recipes.Files.ReadFile("lib/server.lua")
			}
			if name == "" {
				continue
			}
			changed := string(text)
			if name == c.file {
				changed = strings.Replace(changed, c.old, c.change, 1)
			}
			path := filepath.Join(dir, name)
			if err := errors.Join(err, os.MkdirAll(filepath.Dir(path), 0o700),
				os.WriteFile(path, []byte(changed), 0o600)); err != nil {
				t.Fatal(err)
			}
		}
		problems, err := recipe.Check(t.Context(), api, event.NewStream(), []string{filepath.Join(dir, "release.lua")})
		if err != nil {
			t.Fatal(err)
		}
		var found string
		for _, p := range problems {
			found += p.Error() + "\n"
		}
		if (found != "") != (c.want != "") || len(problems) > 1 || !strings.Contains(found, c.want) {
			t.Errorf("%s: got %q, want %q", c.name, found, c.want)
		}
	}
}

// TestMistakesInRelease finds every kind of mistake where admins make it: in the functions of
// release.lua for a host, which are called by functions of lib/.
func TestMistakesInRelease(t *testing.T) {
	dir := t.TempDir() // one for all, so that the library is parsed once
	if err := os.CopyFS(dir, os.DirFS("../../recipes")); err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string]string{
		`local x = = 1`:            `syntax error near "="`,
		`hots = 1`:                 `undeclared global "hots" is set`,
		`log.info(relase.name)`:    `undeclared global "relase" (did you mean "release"?)`,
		`lgo.info("x")`:            `undeclared global "lgo" (did you mean "log"?)`,
		`log.inof("x")`:            `log has no "inof" (did you mean "info"?)`,
		`host:rnu("true")`:         `host has no "rnu" (did you mean "run"?)`,
		`host.fs:raed("/x")`:       `host.fs has no "raed" (did you mean "read"?)`,
		`rollout.swich()`:          `rollout has no "swich" (did you mean "switch"?)`,
		`log.info(host.nmae)`:      `host has no "nmae" (did you mean "name"?)`,
		`log.info(options.brnach)`: `options has no "brnach" (did you mean "branch"?)`,
		`host:run("true", { timeuot = "1s" })`: `host:run: unknown option "timeuot" ` +
			`(did you mean "timeout"?)`,
		`host.fs:write("/x")`:           `host.fs:write: text is missing`,
		`host.git:revision("/x", 1, 2)`: `host.git:revision: want (dir), got 3 arguments`,
		`host:run("true", { timeout = 300 })`: `host:run: timeout: ` +
			`want a duration with its unit, such as "300s"`,
		`host:run("true", { check = "no" })`:           `host:run: check: want true or false, got a string`,
		`host:run("true", { timeout = "5 min" })`:      `host:run: timeout: want a duration such as`,
		`host:run("git", "fetch")`:                     `host:run: write a command of several words as a list`,
		`host.run("true")`:                             `host:run is called with a dot; write it with a colon`,
		`host.fs.remove("/x")`:                         `host.fs:remove is called with a dot; write it with a colon`,
		`log:info("x")`:                                `log.info is called with a colon; write it with a dot`,
		`local r = host:run("true") log.info(r.stdut)`: `r has no "stdut" (did you mean "stdout"?)`,
		`log.info(host:http("http://x/").stauts)`:      `has no "stauts" (did you mean "status"?)`,
		`local unread = 1`:                             `the local unread is never read`,
		`fail("x") log.info("y")`:                      `unreachable: the code above`,
		`require "layuot"`:                             `there is no module "layuot"`,
		`host:capture({ "cat", host:run("mktemp").stdout })`: `host:run changes something, ` +
			`but a dry run also runs host:capture`,
		`host:run("ls -l " .. options.root)`:                  `a list, which is quoted: { "ls", "-l", options.root }`,
		`step("x")`:                                           `step: fn is missing`,
		`each(host, function() end)`:                          `each: hosts: want a list`,
		`for _, other in ipairs(hosts) do other:rnu("x") end`: `other has no "rnu" (did you mean "run"?)`,
		`step("x", function() host:defer(host:rnu()) end)`:    `host has no "rnu" (did you mean "run"?)`,
		`host:defer(function(h) h:rnu("true") end)`:           `h has no "rnu" (did you mean "run"?)`,
		`pcall(function() host:rnu("true") end)`:              `host has no "rnu" (did you mean "run"?)`,
		// A valid call in Lua: a run reports its missing argument.
		`pcall(host.run, host)`:                                   ``,
		`host:agent({ keys = { "k" } }, function() host:r() end)`: `host has no "r"`,
	} {
		found := checkRelease(t, dir, line)
		places := 2
		switch {
		case want == "":
			places = 0
		case strings.HasPrefix(want, "syntax error"): // nothing after it can be parsed
			places = 1
		}
		if len(found) != places || slices.ContainsFunc(found,
			func(message string) bool { return !strings.Contains(message, want) }) {
			t.Errorf("%s: got %q, want %q", line, found, want)
		}
	}
}

// checkRelease returns what check reports of release.lua with a line added to the functions of
// rollout.prepare and rollout.run.
func checkRelease(t *testing.T, dir, line string) []string {
	t.Helper()
	path := filepath.Join(dir, "release.lua")
	source, err := os.ReadFile("../../recipes/release.lua")
	if err != nil {
		t.Fatal(err)
	}
	text := string(source)
	var places []string
	for _, function := range []string{"prepare", "run"} {
		begin := "rollout." + function + "(function(host, release)\n"
		head, rest, ok := strings.Cut(text, begin)
		if !ok {
			t.Fatalf("release.lua has no %q", begin)
		}
		text = head + begin + "  " + line + "\n" + rest
		places = append(places, fmt.Sprintf("%s:%d:", path, strings.Count(head, "\n")+2))
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, p := range check(t, path) {
		if !strings.HasPrefix(p.Error(), places[0]) && !strings.HasPrefix(p.Error(), places[1]) {
			t.Errorf("%s: not at its line: %v", line, p)
		}
		found = append(found, p.Error())
	}
	return found
}
