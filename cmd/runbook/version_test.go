package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"runbook/runtime/run"
)

// TestRecipeWantsVersion runs a recipe with an older runbook than it wants.
func TestRecipeWantsVersion(t *testing.T) { // not parallel: the version is a global variable
	path := filepath.Join(t.TempDir(), "new.lua")
	text := "recipe {\n  runbook = \">= 1.2\",\n}\nprint(\"ran\")\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	defer func(before string) { releaseVersion = before }(releaseVersion)
	for _, tt := range []struct {
		version string
		status  int
		out     string
	}{
		{"1.1.0", run.StatusUsage, "the recipe needs runbook >= 1.2, and this is 1.1.0\n"},
		{"1.2.0", 0, "ran\n"},
		{"", 0, "ran\n"},
	} {
		releaseVersion = tt.version
		var out strings.Builder
		status := execute(t.Context(), "", []string{"run", path}, os.Stdin, &out, &out)
		if status != tt.status || !strings.Contains(out.String(), tt.out) {
			t.Errorf("version %q: got status %d\n%s", tt.version, status, &out)
		}
		if tt.status != 0 && !strings.Contains(out.String(), "next: install such a version") {
			t.Errorf("no hint:\n%s", &out)
		}
	}
}
