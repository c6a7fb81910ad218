//go:build unix

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// seedRecipe makes the first virtualenv of the system's Python, as a release does.
const seedRecipe = `recipe {}
require("venv").build(localhost, { python = "/usr/bin/python3", venv = "fresh", requirements = "" }, { seeds = %q }, %q)
`

// newSeeds returns a function that gives the folder of a host's seeds: what the first virtualenv leaves there for the later
// ones. It is made once, when it is first asked for, so that not every story pays the 5 s of CPU on each of its hosts.
// Stories of the first virtualenv remove it from their hosts.
func newSeeds(t *testing.T) func() (string, error) {
	dir := t.TempDir()
	return sync.OnceValues(func() (string, error) {
		if status, said := typed("init", dir); status != 0 {
			return "", fmt.Errorf("make the seeds: %s", said)
		}
		recipe, seeds := filepath.Join(dir, "recipes", "seed.lua"), filepath.Join(dir, "seeds")
		text := fmt.Sprintf(seedRecipe, seeds, filepath.Join(dir, "first"))
		if err := os.WriteFile(recipe, []byte(text), 0o644); err != nil {
			return "", err
		}
		if status, said := typed("run", recipe); status != 0 {
			return "", fmt.Errorf("make the seeds: %s", said)
		}
		return seeds, nil
	})
}

// copySeeds puts the seeds into a folder, which must be there. They keep their times: by these Python knows its compiled files.
func copySeeds(seeds, folder string) error {
	out, err := exec.Command("cp", "-a", seeds, filepath.Join(folder, "seeds")).CombinedOutput()
	if err != nil {
		return fmt.Errorf("copy the seeds: %w: %s", err, out)
	}
	return nil
}
