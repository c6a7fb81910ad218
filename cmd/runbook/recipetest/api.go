package recipetest

import (
	"reflect"

	"runbook/runtime/run"
	"runbook/runtime/script"
)

// API is what Lua can use in a test beside what recipes can: for check, docs and the editors' stub.
func API() run.Extension { return (&world{}).api() }

// api are the primitives of one test's world.
func (w *world) api() run.Extension {
	return run.Extension{
		Objects: []script.Object{
			{Name: "repo", Type: reflect.TypeFor[*repo](), Doc: "in *_test.lua only: a throwaway git repository, served over SSH to a deploy key"},
		},
		Modules: []script.Module{
			{Doc: "in *_test.lua only: tests of recipes, which `runbook test` runs", Primitives: []script.Primitive{w.testPrimitive(), w.runPrimitive()}},
			{Name: "lab", Doc: "in *_test.lua only: what a test is run against", Primitives: []script.Primitive{
				w.hostsPrimitive(), w.repoPrimitive(), w.failPrimitive(), w.defaultsPrimitive(),
			}},
			repoModule(),
			{Name: "expect", Doc: "in *_test.lua only: what must be so; otherwise the test has failed at that line", Primitives: expectations()},
		},
	}
}
