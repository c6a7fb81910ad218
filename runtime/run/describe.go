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
}

// errDescribed ends the evaluation of a recipe that has said what it is.
var errDescribed = errors.New("the recipe has been described")

// describeLimit is how long the lines before recipe{ … } may take: they only compute.
const describeLimit = 5 * time.Second

var errEndless = fmt.Errorf("the recipe did not come to recipe{ … } within %s: what stands before it has no end", describeLimit)

// Describe evaluates a recipe up to recipe{ … } and returns what that says. Nothing is contacted: a primitive
// that does more than compute ends the evaluation, and the recipe then has no options. Errors have StatusUsage.
func Describe(ctx context.Context, path string) (Description, error) {
	return DescribeWith(ctx, path, nil)
}

// DescribeWith is Describe, with settings for it and for the run of what it returns.
func DescribeWith(ctx context.Context, path string, settings *Settings) (Description, error) {
	return describe(ctx, path, settings, describeLimit)
}

func describe(ctx context.Context, path string, settings *Settings, limit time.Duration) (d Description, err error) {
	d.Path, d.sources, d.settings = path, &script.Sources{}, settings
	ctx, stop := context.WithTimeoutCause(ctx, limit, errEndless)
	defer stop()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	r := &runner{settings: settings, root: &frame{}, pool: ssh.NewPool(ssh.PoolOptions{})}
	defer func() { err = joined(err, r.pool.Close()) }()
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
	around := func(_ context.Context, call script.Call, next func() (any, error)) (any, error) {
		if call.Name == "recipe" {
			return next()
		}
		cancel(errDescribed)
		return nil, errDescribed
	}
	state, err := r.newState(script.StateOptions{Around: around, Print: func(context.Context, string) {}, Sources: d.sources}, nil)
	if err != nil {
		return d, err
	}
	defer state.Close()
	if err := state.Run(ctx, path); err != nil && !errors.Is(err, errDescribed) {
		return d, Usage(err)
	}
	return d, nil
}
