// Package choice decides which steps of a run are left out, by --step and --skip.
package choice

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"runbook/runtime/event"
	"runbook/runtime/recipe"
)

// Step is a step that is about to begin.
type Step struct {
	Title    string
	Required bool // it cannot be left out
	Whole    bool // none before it on the same host may have been left out
}

// Choice decides by --step and --skip which steps run.
type Choice struct {
	only, skip []string // titles; no only runs all
	certain    []string // as in recipe.CheckSteps

	mu      sync.Mutex
	reached map[string]bool     // the titles of only and skip that a step had
	skipped map[string][]string // the titles of the steps that were left out, by host
}

// chosenKey is the context key inside a step that --step names, and inside hooks. All steps inside
// run, unless --skip names them. In hooks --skip does not apply either.
type chosenKey struct{}

const (
	inChosen = "step"
	inHook   = "hook"
)

// WithAll returns ctx for a hook, which must clean up whatever was left out.
func WithAll(ctx context.Context) context.Context {
	return context.WithValue(ctx, chosenKey{}, inHook)
}

// Choose returns whether a step runs, and the context for it.
func (c *Choice) Choose(ctx context.Context, s Step) (context.Context, bool, error) {
	inside := ctx.Value(chosenKey{})
	if inside == inHook || c == nil || len(c.only)+len(c.skip) == 0 {
		return ctx, true, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	host := event.Host(ctx)
	isSkipped, isChosen := c.find(c.skip, s.Title), c.find(c.only, s.Title)
	flag := "--skip"
	switch {
	case isSkipped:
	case isChosen:
		ctx = context.WithValue(ctx, chosenKey{}, inChosen)
	case len(c.only) > 0 && inside == nil:
		flag, isSkipped = "--step", true
	}
	left := c.skipped[host]
	switch {
	case isSkipped && s.Required:
		return ctx, false, recipe.RequiredStep(flag, s.Title)
	case isSkipped:
		c.skipped[host] = append(left, s.Title)
		event.Emit(ctx, event.Event{Kind: event.Skipped, Text: fmt.Sprintf("the step %q, by %s", s.Title, flag)})
		return ctx, false, nil
	case s.Whole && len(left) > 0:
		return ctx, false, event.WithHint(fmt.Errorf("%q is incomplete without the steps that were left out: %s",
			s.Title,
			strings.Join(left, ", ")), "run it again without --skip and --step for these")
	}
	return ctx, true, nil
}

// find reports whether any of the typed titles names this step, and records those that do.
func (c *Choice) find(typed []string, title string) (found bool) {
	for _, t := range typed {
		if recipe.IsTitle(t, title) {
			c.reached[t], found = true, true
		}
	}
	return found
}

// Unreached returns an error for the titles that no step had in a successful run. A step of --skip
// need not be reached if the recipe is sure to have it.
func (c *Choice) Unreached() error {
	var errs []error
	for flag, typed := range map[string][]string{"--step": c.only, "--skip": c.skip} {
		for _, t := range typed {
			if !c.reached[t] && (flag == "--step" || !slices.Contains(c.certain, t)) {
				errs = append(errs, event.WithHint(
					fmt.Errorf("%s: no step of this run had the title %q; the rest was done", flag, t),
					"runbook log shows the steps of a run; a step inside one that was left out is never reached"))
			}
		}
	}
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(errs...)
}

// Check returns an error for titles that the steps of a recipe cannot have, or that cannot be left
// out.
func (c *Choice) Check(of *recipe.Recipe) (err error) {
	c.certain, err = of.CheckSteps(c.only, c.skip)
	return err
}

// New returns the choice by the titles of --step and --skip.
func New(only, skip []string) *Choice {
	return &Choice{only: only, skip: skip, reached: map[string]bool{}, skipped: map[string][]string{}}
}
