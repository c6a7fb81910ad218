package labtest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Build builds runbook into the folder dir as it is shipped, and returns its path. The tests' own
// binary may have the race detector, which makes it several times slower and larger: too much for
// tests of limits and of many runs.
func Build(dir string) (string, error) {
	path := filepath.Join(dir, "runbook")
	build := exec.Command("go", "build", "-buildvcs=false", "-o", path, "runbook/cmd/runbook")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := build.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
}
