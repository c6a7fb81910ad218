package main

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"runbook/runtime/lab/labtest"
)

// shipped is runbook as it is shipped, see labtest.Build. All tests share it.
var shipped struct {
	once sync.Once
	dir  string
	err  error
}

// buildShipped builds runbook once and returns its path.
func buildShipped() (string, error) {
	shipped.once.Do(func() {
		if shipped.dir, shipped.err = os.MkdirTemp("", "runbook-shipped-"); shipped.err == nil {
			_, shipped.err = labtest.Build(shipped.dir)
		}
	})
	return filepath.Join(shipped.dir, "runbook"), shipped.err
}

// removingShipped removes the shared program after all tests.
type removingShipped struct{ *testing.M }

func (m removingShipped) Run() int {
	status := m.M.Run()
	if err := os.RemoveAll(shipped.dir); err != nil {
		println(err.Error())
		return 1
	}
	return status
}
