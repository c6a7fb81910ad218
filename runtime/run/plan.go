package run

import (
	"context"
	"path/filepath"
	"time"

	"runbook/runtime/inventory"
	"runbook/runtime/recipe"
	"runbook/runtime/run/choice"
)

// Options configure a run.
type Options struct {
	Given     map[string][]string // the recipe's options as given: name → one text, or for a list one per item
	Inventory inventory.Options
	DryRun    bool          // read everything, change nothing
	Yes       bool          // answer yes to confirmations
	LockWait  time.Duration // how long to wait for another run's lock
	Prompt    recipe.Prompt // nil without a terminal
	// Hooks ends when the remaining hooks (defer, on_failure) are to be skipped: at a second
	// interrupt. Nil never ends.
	Hooks context.Context
	// BeforeStep is called when a step begins; its error fails the step. Nil does nothing. A test
	// of recipes injects failures by it.
	BeforeStep       func(ctx context.Context, title string) error
	Steps, SkipSteps []string // the titles of --step and --skip
	Commands         Commands
	// Typical returns the median duration of the last runs of the recipe on these hosts, and how
	// many they are, for the plan of a dry run. Nil knows none.
	Typical func(hosts []string) (seconds float64, runs int)
	Explain Explain // words a failure for the last event; nil takes the error's own words
}

// Plan is a run that is ready to start: its recipe, hosts and options were read and are valid.
// Nothing was contacted yet.
type Plan struct {
	Recipe   *recipe.Recipe
	Hosts    []inventory.Host
	Values   recipe.Values
	Notes    []string // reported at the start; the caller may add some
	Warnings []string // the same, for what the admin should look at

	opts  Options
	steps *choice.Choice
}

// DryRun reports whether the run will change nothing.
func (p *Plan) DryRun() bool { return p.opts.DryRun }

// Prepare checks the recipe, reads the hosts and validates every option on every host. Its errors
// have StatusUsage, or StatusInterrupted.
func Prepare(ctx context.Context, r *recipe.Recipe, opts Options) (*Plan, error) {
	p, err := prepare(ctx, r, opts)
	if err == nil && ctx.Err() != nil { // nothing begins after an interrupt
		err = context.Cause(ctx)
	}
	if err != nil {
		return nil, Usage(err)
	}
	return p, nil
}

func prepare(ctx context.Context, r *recipe.Recipe, opts Options) (*Plan, error) {
	p := &Plan{Recipe: r, steps: choice.New(opts.Steps, opts.SkipSteps), opts: opts}
	problems, err := r.Check(ctx)
	if err == nil {
		err = recipe.Refusal(problems)
	}
	if err == nil {
		err = p.steps.Check(r)
	}
	if err != nil {
		return nil, err
	}
	opts.Inventory.RecipeDir = filepath.Dir(r.Path)
	opts.Inventory.Warn = func(text string) { p.Warnings = append(p.Warnings, text) }
	if p.Hosts, err = inventory.LoadIfAny(ctx, r.Stream, opts.Inventory, r.Hosts); err != nil {
		return nil, err
	}
	for _, h := range p.Hosts {
		for _, v := range h.Vars {
			recipe.HideURLs(r.Stream, v)
		}
	}
	recipe.HideSecrets(r.Stream, r.Options, opts.Given, p.Hosts)
	p.Values, err = recipe.NewValues(r.Options, opts.Given, p.Hosts)
	return p, err
}
