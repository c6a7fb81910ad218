package hostile_test

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"runbook/runtime/lab/labtest"
)

func TestMain(m *testing.M) {
	status := m.Run()
	if program.dir != "" {
		if err := os.RemoveAll(program.dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			status = 1
		}
	}
	os.Exit(status)
}

// program is runbook as it is shipped, because the race detector multiplies its memory.
var program struct {
	once sync.Once
	dir  string
	err  error
}

// build builds runbook once and returns its path.
func build(t *testing.T) string {
	t.Helper()
	program.once.Do(func() {
		if program.dir, program.err = os.MkdirTemp("", "runbook-hostile-"); program.err != nil {
			return
		}
		_, program.err = labtest.Build(program.dir)
	})
	if program.err != nil {
		t.Fatal(program.err)
	}
	return filepath.Join(program.dir, "runbook")
}
