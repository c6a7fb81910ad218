package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"runbook/recipes"
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

// TestShippedTests runs the tests of the shipped recipes, with the shipped build: it takes half as
// long.
func TestShippedTests(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/slow",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			program, err := buildShipped()
			if err != nil {
				return err
			}
			tests, err := fs.Glob(recipes.Files, "*_test.lua")
			if err != nil {
				return err
			}
			env.Setenv("SHIPPED", program)
			env.Setenv("TESTS", strings.Join(tests, " "))
			return withHosts(env)
		},
	})
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
