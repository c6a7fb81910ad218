package run

import (
	"context"
	"errors"
	"fmt"
	"time"

	"runbook/runtime/script"
	"runbook/runtime/ssh"
)

// Description is what a recipe says of itself in recipe{ … }.
type Description struct {
	Path    string // as it was asked for
	Summary string
	Hosts   string   // the hosts file's name or path, or ""
	Options []Option // sorted by name; nil when the recipe did not come to recipe{ … }

	sources  *script.Sources
	settings *Settings
	guessed  bool // env or secret.* gave placeholders
}

// errDescribed ends the evaluation of a recipe that has said what it is.
var errDescribed = errors.New("the recipe has been described")

// describeLimit is how long the lines before recipe{ … } may take: they only compute.
const describeLimit = 4 * time.Second

var errEndless = fmt.Errorf("the recipe did not come to recipe{ … } within %s: what stands before it has no end", describeLimit)

// Describe evaluates a recipe up to recipe{ … } and returns what that says, for people who only look at it. Nothing is
// contacted: a primitive that does more than compute ends the evaluation, and the recipe then has no options. No secret,
// file or variable of the environment is read: secret.* returns a placeholder, and to env no variable is set, or, if the
// recipe can't be evaluated so, each is empty. Errors have StatusUsage.
func Describe(ctx context.Context, path string) (Description, error) {
	d, err := describe(ctx, path, describeLimit, nil, &placeholders{})
	if err != nil && d.guessed && ctx.Err() == nil && !errors.Is(err, errEndless) {
		if again, failed := describe(ctx, path, describeLimit, nil, &placeholders{set: true}); failed == nil {
			return again, nil
		}
	}
	return d, err
}

// DescribeToRun is Describe for a run, in which the recipe gets the real values of env and secret.*. settings, which may be
// nil, are for it and for the run.
func DescribeToRun(ctx context.Context, path string, settings *Settings) (Description, error) {
	return describe(ctx, path, describeLimit, settings, nil)
}

func describe(ctx context.Context, path string, limit time.Duration, settings *Settings, values *placeholders) (d Description, err error) {
	d.Path, d.sources, d.settings = path, &script.Sources{}, settings
	ctx, stop := context.WithTimeoutCause(ctx, limit, errEndless)
	defer stop()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	r := &runner{settings: settings, root: &frame{}, pool: ssh.NewPool(ssh.PoolOptions{})}
	defer func() { err = joined(err, r.pool.Close()) }()
	options := script.StateOptions{Print: func(context.Context, string) {}, Sources: d.sources}
	if r.placeholders = values; values != nil {
		options.Getenv = values.env
		defer func() { d.guessed = values.used }()
	}
	// The evaluation ends by its context, because the recipe could catch an error.
	r.recipe = func(ctx context.Context, a recipeArgs) (script.Proxy, error) {
		d.Summary, d.Hosts = a.Summary, a.Hosts
		for _, o := range a.Options {
			if t, ok := o.Default.(script.Table); ok {
				addURLs(ctx, t.List)
			}
			addURLs(ctx, o.Default)
		}
		var err error
		if d.Options, err = a.options(); err != nil {
			return script.Proxy{}, err
		}
		cancel(errDescribed)
		return script.Proxy{}, errDescribed
	}
	options.Around = func(_ context.Context, call script.Call, next func() (any, error)) (any, error) {
		if call.Name == "recipe" {
			return next()
		}
		cancel(errDescribed)
		return nil, errDescribed
	}
	state, err := r.newState(options, nil)
	if err != nil {
		return d, err
	}
	defer state.Close()
	if err := state.Run(ctx, path); err != nil && !errors.Is(err, errDescribed) {
		return d, Usage(err)
	}
	return d, nil
}
