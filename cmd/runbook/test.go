package main

import (
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/urfave/cli/v2"

	"runbook/cmd/runbook/recipetest"
	"runbook/runtime/run"
)

// testCommand is `runbook test`.
func (p *program) testCommand() *cli.Command {
	return &cli.Command{Name: "test", Usage: "run *_test.lua recipe tests against throwaway hosts", ArgsUsage: "[PATH…]", Action: p.test,
		Description: "A PATH is a test or a folder with tests, at any depth; default the current folder. Nothing but this process and its children is reached.",
		Flags: []cli.Flag{
			textFlag("match", "only tests with this in their title or file name: `TEXT`"),
			textFlag("junit", "also write the outcome as JUnit XML: `FILE`"),
			&cli.IntFlag{Name: "at-once", Usage: "how many tests side by side: `N`", Value: max(2, runtime.NumCPU()), EnvVars: []string{variable("at-once")}},
			durationFlag("timeout", "how long one test may take: `DURATION`", 2*time.Minute),
			boolFlag("verbose", "show what tests that pass have printed, too", "v"),
		}}
}

func (p *program) test(cc *cli.Context) error {
	if cc.Int("at-once") < 1 {
		return run.Usage(errors.New("--at-once: want at least 1"))
	}
	paths := cc.Args().Slice()
	if len(paths) == 0 {
		paths = []string{"."}
	}
	files, err := recipetest.Files(paths)
	if err != nil {
		return err
	}
	// What can be seen to be wrong needs no hosts.
	if err := run.Refuse(cc.Context, files, recipetest.API()); err != nil {
		return err
	}
	w := words{terse: true}
	report := recipetest.NewReport(p.out, cc.Bool("verbose"), w.explain)
	began := time.Now()
	defer p.signals.withHooks()()
	var outcomes []recipetest.Outcome
	err = recipetest.Run(cc.Context, files, recipetest.Options{
		AtOnce: cc.Int("at-once"), Timeout: cc.Duration("timeout"), Match: cc.String("match"),
		Hooks: p.signals.hooks, Explain: words{}.explain, Verbose: cc.Bool("verbose"),
	}, func(o recipetest.Outcome) {
		outcomes = append(outcomes, o)
		report.Add(o)
	})
	if err != nil {
		return run.WithStatus(err, run.StatusInterrupted)
	}
	if len(outcomes) == 0 {
		return run.Usage(fmt.Errorf("no test has %q in its title or file name", cc.String("match")))
	}
	failed, err := report.End(time.Since(began).Seconds())
	if err == nil && cc.String("junit") != "" {
		err = recipetest.WriteJUnit(cc.String("junit"), outcomes, w.explain)
	}
	switch {
	case unread(err) != nil:
		return err
	case failed > 0:
		// The lines on standard output say it all.
		return told{run.WithStatus(fmt.Errorf("%d tests failed", failed), run.StatusFailed)}
	}
	return nil
}
