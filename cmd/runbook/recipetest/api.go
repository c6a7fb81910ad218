package recipetest

import (
	"reflect"
	"sync"

	"runbook/recipes"
	"runbook/runtime/recipe"
	"runbook/runtime/run"
	"runbook/runtime/script"
)

// API returns what Lua can use in recipes and in their tests.
var API = sync.OnceValues(func() (recipe.API, error) { return run.NewAPI((&world{}).extension(), recipes.Builtin) })

// extension returns the primitives that a test has in addition to those of recipes.
func (w *world) extension() run.Extension {
	return run.Extension{
		Objects: []script.Object{
			{Name: "repo", Type: reflect.TypeFor[*repo](),
				Doc: "In *_test.lua only: a throwaway git repository, served over SSH to a deploy key."},
		},
		Modules: []script.Module{
			{Doc: "In *_test.lua only: tests of recipes, run by `runbook test`.",
				Primitives: []script.Primitive{w.testPrimitive(), w.runPrimitive()}},
			{Name: "lab", Doc: "In *_test.lua only: the hosts and the repository of a test.",
				Primitives: []script.Primitive{
					w.hostsPrimitive(), w.repoPrimitive(), w.failPrimitive(), w.defaultsPrimitive(),
				}},
			repoModule(),
			{Name: "expect", Doc: "In *_test.lua only: expectations. One that is not met fails the test at its line.",
				Primitives: expectations()},
		},
	}
}
