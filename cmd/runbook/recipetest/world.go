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

	"runbook/runtime/event"
	"runbook/runtime/inventory"
	"runbook/runtime/lab"
	"runbook/runtime/run"
	"runbook/runtime/script"
)

// world is what one test sees: a Lua world, and a lab that is made when it is first asked for.
type world struct {
	opts  Options
	path  string // of the test file
	scene *run.Scene
	base  context.Context // the test's own, for runs of recipes: without the step or host that a test may be in

	cases []testCase
	lab   *lab.Lab
	repo  *repo
	hosts bool // lab.hosts was called

	settings run.Settings // of the test's own world

	mu     sync.Mutex // guards what follows: hosts of a run are side by side
	faults []*fault
	steps  []string // the titles of all steps that were begun, each once
	output strings.Builder
}

// testCase is what test("…", fn) declares.
type testCase struct {
	title, line string
	fn          script.Callback
}

// newWorld makes the world and reads the test file in it: what stands outside of test() is done now.
func newWorld(ctx context.Context, opts Options, path string) (*world, error) {
	w := &world{opts: opts, path: path, base: ctx}
	w.settings.Record = func(_ context.Context, name string) {
		w.say(name + " of the project's settings is recorded, not called")
	}
	var err error
	w.scene, err = run.NewScene(run.SceneOptions{
		Options:  run.Options{Hooks: opts.Hooks},
		More:     w.api(),
		Print:    func(_ context.Context, text string) { w.say(text) },
		Settings: &w.settings,
	})
	if err != nil {
		return nil, err
	}
	return w, w.scene.Run(ctx, path)
}

// say adds a line to what is shown of the test when it fails.
func (w *world) say(text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.output.WriteString(text + "\n")
}

// close ends all that the test has started.
func (w *world) close(ctx context.Context, failed bool) error {
	err := w.scene.Close(ctx, failed)
	if w.lab != nil {
		err = errors.Join(err, w.lab.Close())
	}
	return err
}

type noArgs struct{}

func (w *world) defaultsPrimitive() script.Primitive {
	return script.Func("defaults", script.Pure, "Takes the settings of the project, such as app.lua's, as their declaration has them by default: in the runs that follow, and in the "+
		"test where they are required later. So a test says of a recipe what holds in every project. Secrets may be missing then.",
		func(context.Context, script.None, noArgs) (script.None, error) {
			w.settings.Defaults = true
			return script.None{}, nil
		}).With("lab.defaults()\nexpect.status(run(\"recipes/status.lua\"), 0)")
}

type testArgs struct {
	Title string          `lua:"title,arg" doc:"what is tried, in a line"`
	Fn    script.Callback `lua:"fn,arg" doc:"the test"`
}

func (w *world) testPrimitive() script.Primitive {
	return script.Func("test", script.Pure, "Declares a test. Tests run side by side, each in a Lua world of its own: the file is read anew for each, so what stands "+
		"outside of test() is done before every one. A file without any is one test.",
		func(ctx context.Context, _ script.None, a testArgs) (script.None, error) {
			for _, c := range w.cases {
				if c.title == a.Title {
					return script.None{}, fmt.Errorf("there is a test of this title already, at %s", c.line)
				}
			}
			w.cases = append(w.cases, testCase{a.Title, event.Line(ctx), a.Fn})
			return script.None{}, nil
		}).With("test(\"releases on every host\", function()\n  local hosts = lab.hosts(2)\n  lab.repo()\n" +
		"  local result = run(\"recipes/release.lua\", { release = \"r1\" })\n  expect.status(result, 0)\n" +
		"  expect.link(hosts[1], \"current\", \"releases/r1\")\nend)")
}

// inLab is the test's lab, made when it is first asked for.
func (w *world) inLab() (*lab.Lab, error) {
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

// inventory says how a run, or the test itself, reaches the lab's hosts. Nothing that the person has set up for servers
// of their own reaches in here.
func (w *world) inventory() inventory.Options {
	return inventory.Options{Hosts: w.lab.HostsFile(), KnownHosts: []string{w.lab.KnownHosts()}, SSHConfig: "none"}
}

// find is the file of a recipe: beside the test, or from the folder above it, as in "recipes/release.lua", or from the
// current one.
func (w *world) find(recipe string) (string, error) {
	if filepath.IsAbs(recipe) {
		return recipe, nil
	}
	beside := filepath.Dir(w.path)
	var tried []string
	for _, dir := range []string{beside, filepath.Join(beside, ".."), "."} {
		path := filepath.Join(dir, recipe)
		if slices.Contains(tried, path) {
			continue
		}
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
		tried = append(tried, path)
	}
	return "", fmt.Errorf("there is no recipe %s: neither %s exists", recipe, strings.Join(tried, " nor "))
}
