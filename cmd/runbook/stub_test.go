package main

import (
	"flag"
	"os"
	"testing"

	"runbook/cmd/runbook/recipetest"
	"runbook/runtime/run"
)

var update = flag.Bool("update", false, "rewrite the files that are made from the declarations")

// TestStubIsCurrent holds what editors read, and the reference, against the declarations: go test ./cmd/runbook -update
// rewrites them.
func TestStubIsCurrent(t *testing.T) {
	stub, err := run.Stub(recipetest.API())
	if err != nil {
		t.Fatal(err)
	}
	reference, err := run.Markdown(recipetest.API())
	if err != nil {
		t.Fatal(err)
	}
	luacheck, err := run.Luacheck(recipetest.API())
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"../../recipes/meta/runbook.lua": stub, "../../recipes/meta/API.md": reference, "../../.luarc.json": luarc, "../../.luacheckrc": luacheck,
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
			t.Errorf("%s is not what the declarations say; go test ./cmd/runbook -update rewrites it", path)
		}
	}
}
