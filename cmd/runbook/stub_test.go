package main

import (
	"flag"
	"os"
	"testing"

	"runbook/cmd/runbook/project"
	"runbook/cmd/runbook/recipetest"
	apidocs "runbook/runtime/script/docs"
	"runbook/runtime/script/docs/stub"
)

var update = flag.Bool("update", false, "rewrite the files that are made from the declarations")

// TestStubIsCurrent compares the editor stubs and settings, luacheck's settings, the reference and
// the list of errors with the code. go test ./cmd/runbook -update rewrites them.
func TestStubIsCurrent(t *testing.T) {
	api, err := recipetest.API()
	if err != nil {
		t.Fatal(err)
	}
	forRecipes, forTests := stub.Text(api.Recipes), stub.Additions(api.Tests, api.Recipes)
	reference, luacheck := apidocs.Markdown(api.Tests), apidocs.Luacheck(api.Recipes, api.Tests)
	for path, want := range map[string]string{
		"../../recipes/meta/runbook.lua": forRecipes, "../../recipes/meta/tests.lua": forTests,
		"../../recipes/meta/API.md": reference, "../../.luarc.json": project.Luarc, "../../.luacheckrc": luacheck,
		"../../recipes/TROUBLESHOOTING.md": troubleshooting(t),
	} {
		if *update {
			if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != want {
			t.Errorf("%s is not what the code says; go test ./cmd/runbook -run TestStubIsCurrent -update rewrites it",
				path)
		}
	}
}
