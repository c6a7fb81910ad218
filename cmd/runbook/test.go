package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"time"

	"github.com/urfave/cli/v2"

	"runbook/cmd/runbook/explain"
	"runbook/cmd/runbook/recipetest"
	"runbook/runtime/recipe"
	"runbook/runtime/run"
)

func (p *program) testCommand() command {
	return command{name: "test", summary: "test recipes: run *_test.lua against throwaway hosts",
		argument: argument{value: value{name: "PATH", offer: testFile}, optional: true, many: true}, action: p.test,
		description: `
A PATH is a test, or a folder with tests at any depth; default: the current folder. Tests contact nothing
outside this machine.`,
		flags: []flagSpec{
			textFlag("match", value{name: "TEXT"}, "run only tests with this text in their title or file name"),
			textFlag("junit", fileValue, "also write the results as JUnit XML"),
			countFlag("at-once", "how many tests run in parallel", max(2, runtime.NumCPU())),
			durationFlag("timeout", "how long one test may take", 2*time.Minute),
			boolFlag("verbose", "also show the output of tests that pass").withShort("v"),
		}}
}

func (p *program) test(call *cli.Context) error {
	if call.Int("at-once") < 1 {
		return run.Usage(errors.New("--at-once: want at least 1"))
	}
	paths := call.Args().Slice()
	if len(paths) == 0 {
		paths = []string{"."}
	}
	files, err := recipetest.Files(paths)
	if err != nil {
		return err
	}
	// Mistakes that checking finds are reported before any host is started.
	api, err := versionedAPI()
	if err != nil {
		return err
	}
	if err := recipe.Refuse(call.Context, api, p.secrets, files); err != nil {
		return run.Usage(err)
	}
	cache, err := os.MkdirTemp("", "runbook-cache-") // for the repositories of labs, not needed after the tests
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(cache) }() // a temporary folder
	if err := os.Setenv("XDG_CACHE_HOME", cache); err != nil {
		return err
	}
	w := explain.Words{Terse: true}
	report := recipetest.NewReport(p.out, call.Bool("verbose"), w.Explain)
	began := time.Now()
	defer p.signals.WithHooks()()
	var outcomes []recipetest.Outcome
	err = recipetest.Run(call.Context, files, recipetest.Options{
		Stream: p.secrets,
		AtOnce: call.Int("at-once"), Timeout: call.Duration("timeout"), Match: call.String("match"),
		Hooks: p.signals.Hooks, Explain: explain.Words{}.Explain, Verbose: call.Bool("verbose"),
	}, func(o recipetest.Outcome) {
		outcomes = append(outcomes, o)
		report.Add(o)
	})
	if err != nil {
		return run.WithStatus(err, run.StatusInterrupted)
	}
	if len(outcomes) == 0 {
		return run.Usage(fmt.Errorf("no test has %q in its title or file name", call.String("match")))
	}
	failed, err := report.End(time.Since(began).Seconds())
	if err == nil && call.String("junit") != "" {
		err = recipetest.WriteJUnit(call.String("junit"), outcomes, w.Explain)
	}
	switch {
	case ignoreClosedPipe(err) != nil:
		return err
	case failed > 0:
		return testsFailed(call.Context, failed)
	}
	return nil
}

// testsFailed returns the error of failed tests, which the lines on standard output have reported,
// or what this machine lacks for them.
func testsFailed(ctx context.Context, failed int) error {
	if err := recipetest.CheckNeeds(ctx); err != nil {
		return run.WithStatus(err, run.StatusFailed)
	}
	return reportedError{run.WithStatus(fmt.Errorf("%d tests failed", failed), run.StatusFailed)}
}
