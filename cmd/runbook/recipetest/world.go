package recipetest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"runbook/recipes"
	"runbook/runtime/event"
	"runbook/runtime/inventory"
	"runbook/runtime/lab"
	"runbook/runtime/recipe"
	"runbook/runtime/run"
	"runbook/runtime/script"
)

// world is the environment of one test: a Lua world, and a lab that is created when it is first
// needed.
type world struct {
	opts Options
	api  recipe.API
	path string // of the test file
	lua  *run.World
	base context.Context // for runs of recipes: without the step or the host that the test may be in

	cases []testCase
	lab   *lab.Lab
	repo  *repo
	hosts bool // lab.hosts was called

	settings recipe.Settings // of the test's own world

	mu     sync.Mutex // guards the fields below: the hosts of a run work in parallel
	faults []*fault
	steps  []string // the titles of all steps that began, each once
	output strings.Builder
}

// testCase is a test that test("…", fn) declared.
type testCase struct {
	title, line string
	fn          script.Callback
}

// newWorld makes a world and runs the test file in it, which runs everything outside of test().
func newWorld(ctx context.Context, opts Options, api recipe.API, path string) (*world, error) {
	w := &world{opts: opts, api: api, path: path, base: ctx}
	w.settings.Record = func(_ context.Context, name string) {
		w.say(name + " of the project's settings is recorded, not called")
	}
	var err error
	w.lua, err = run.NewWorld(run.WorldOptions{
		Stream: opts.Stream, Hooks: opts.Hooks, Extension: w.extension(),
		Print:    func(_ context.Context, text string) { w.say(text) },
		Settings: &w.settings, Files: api.Sources.ForRecipe(),
	})
	if err != nil {
		return nil, err
	}
	return w, w.lua.RunFile(ctx, path)
}

// say adds a line to the output of the test.
func (w *world) say(text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.output.WriteString(text + "\n")
}

// close ends everything that the test has started. failure is why it failed, or nil.
func (w *world) close(ctx context.Context, failure error) error {
	err := w.lua.Close(ctx, failure)
	if w.lab != nil {
		err = errors.Join(err, w.lab.Close())
	}
	return err
}

type noArgs struct{}

func (w *world) defaultsPrimitive() script.Primitive {
	return script.Func("defaults", script.Pure,
		"Replace the project's settings, such as app.lua, by their defaults, in later runs and in later require calls "+
			"of the test. "+
			"The test then passes in every project, even without its secrets.",
		func(context.Context, script.None, noArgs) (script.None, error) {
			w.settings.Defaults = true
			return script.None{}, nil
		}).With("lab.defaults()\nexpect.status(run(\"recipes/status.lua\"), 0)")
}

type testArgs struct {
	Title string          `lua:"title,arg" doc:"the title"`
	Fn    script.Callback `lua:"fn,arg" doc:"the test"`
}

func (w *world) testPrimitive() script.Primitive {
	return script.Func("test", script.Pure,
		"Declare a test. Tests run in parallel. The file is loaded again for each of them, so code outside "+
			"test() runs before every test. A file without test() is a single test.",
		func(ctx context.Context, _ script.None, a testArgs) (script.None, error) {
			for _, c := range w.cases {
				if c.title == a.Title {
					return script.None{}, fmt.Errorf("a test with this title is already declared at %s", c.line)
				}
			}
			w.cases = append(w.cases, testCase{a.Title, event.Line(ctx), a.Fn})
			return script.None{}, nil
		}).With("test(\"releases on every host\", function()\n  local hosts = lab.hosts(2)\n  lab.repo()\n" +
		"  local result = run(\"recipes/release.lua\", { release = \"r1\" })\n  expect.status(result, 0)\n" +
		"  expect.link(hosts[1], \"current\", \"releases/r1\")\nend)")
}

// startLab returns the test's lab, which it creates the first time.
func (w *world) startLab() (*lab.Lab, error) {
	if w.lab != nil {
		return w.lab, nil
	}
	l, err := lab.New("")
	if err != nil {
		return nil, err
	}
	w.lab = l
	return l, nil
}

// inventory returns how a run, or the test itself, reaches the lab's hosts. The user's own SSH
// configuration is not used.
func (w *world) inventory() inventory.Options {
	return inventory.Options{Hosts: []string{w.lab.HostsFile()}, KnownHosts: []string{w.lab.KnownHosts()},
		SSHConfig: "none"}
}

// find returns the path of a recipe: relative to the test's folder, to the folder above it (as in
// "recipes/release.lua"), or to the current folder.
func (w *world) find(name string) (string, error) {
	if filepath.IsAbs(name) {
		return name, nil
	}
	beside := filepath.Dir(w.path)
	var tried []string
	for _, dir := range []string{beside, filepath.Join(beside, ".."), "."} {
		path := filepath.Join(dir, name)
		if slices.Contains(tried, path) {
			continue
		}
		if _, err := os.Stat(path); err == nil || recipe.IsBuiltin(recipes.Builtin, path) {
			return path, nil
		}
		tried = append(tried, path)
	}
	return "", fmt.Errorf("there is no recipe %s: neither %s exists", name, strings.Join(tried, " nor "))
}
