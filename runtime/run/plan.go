package run

import (
	"context"
	"path/filepath"
	"time"

	"runbook/runtime/event"
	"runbook/runtime/inventory"
)

// Options says what to run and how.
type Options struct {
	Given     map[string][]string // the recipe's options as given: name → one string, or for a list one an item
	Inventory inventory.Options
	DryRun    bool          // read everything, change nothing
	Yes       bool          // answer yes to confirmations
	LockWait  time.Duration // how long to wait for another run's lock
	// Prompt asks the admin, without echo for a secret. Nil means that there is no terminal.
	Prompt func(ctx context.Context, question string, secret bool) (string, error)
	// Hooks ends when what is left of defer and on_failure is to be skipped: at a second interrupt. Nil never ends.
	Hooks context.Context
	// Again is the command line of this run with these flags in place of what was given for them. Nil means that there is none.
	Again func([]Flag) string
	// AtStep is called when a step begins; its error is the step's. Nil does nothing. It lets a test see what a recipe
	// does about a failure.
	AtStep func(ctx context.Context, title string) error
	// Undo is the command line of another recipe, with these flags and those of this run that it takes. Nil means that there is none.
	Undo func(recipe string, flags []Flag) string
	// Rest is the same for the hosts that this run left out. Nil means that none were.
	Rest func([]Flag) string
	// Explain puts a failure into words for the last event, with what to do next. Nil takes the error's own words.
	Explain func(error) (text, hint string)
}

// Plan is a run that is ready to start: its recipe, hosts and options are read and found right. Nothing was
// contacted yet.
type Plan struct {
	Recipe   Description
	Hosts    []inventory.Host
	Notes    []string // what the run says at its beginning; whoever starts it may add some
	Warnings []string // what the admin should know, such as a flag that a host's vars overrule

	opts   Options
	values values
}

// DryRun tells whether the run will change nothing.
func (p *Plan) DryRun() bool { return p.opts.DryRun }

// Prepare checks the recipe, reads the hosts and checks every option on every host. Errors have StatusUsage, or StatusInterrupted.
func Prepare(ctx context.Context, d Description, opts Options) (*Plan, error) {
	lib, err := apiLibrary(Extension{})
	if err != nil {
		return nil, err
	}
	if d.guessed {
		if d, err = DescribeToRun(ctx, d.Path, d.settings); err != nil {
			return nil, err
		}
	}
	problems, err := d.check(ctx, lib)
	if err != nil {
		return nil, err
	}
	if err := refusal(problems); err != nil {
		return nil, err
	}
	p := &Plan{Recipe: d, opts: opts}
	opts.Inventory.RecipeDir = filepath.Dir(d.Path)
	// A recipe that asks for no hosts needs no hosts file.
	if opts.Inventory.Hosts != "" || d.Hosts != "" {
		if p.Hosts, err = inventory.Load(ctx, opts.Inventory, d.Hosts); err != nil {
			return nil, Usage(err)
		}
	}
	for _, h := range p.Hosts {
		for _, v := range h.Vars {
			addURLs(ctx, v)
		}
	}
	if p.values, p.Warnings, err = newValues(d.Options, opts.Given, p.Hosts); err != nil {
		return nil, Usage(err)
	}
	if ctx.Err() != nil { // nothing is begun after an interrupt
		return nil, Usage(context.Cause(ctx))
	}
	return p, nil
}

// addURLs makes secrets of the users and passwords in the URLs within an option's value, or one of a host's vars.
func addURLs(ctx context.Context, value any) {
	switch v := value.(type) {
	case string:
		event.AddURLs(ctx, v)
	case []string:
		for _, item := range v {
			event.AddURLs(ctx, item)
		}
	case []any:
		for _, item := range v {
			addURLs(ctx, item)
		}
	}
}
