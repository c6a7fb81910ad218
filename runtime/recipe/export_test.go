package recipe

import (
	"context"
	"errors"
	"time"

	"runbook/runtime/event"
)

// LoadWithin is Load with another limit for the lines before recipe{ … }.
func LoadWithin(ctx context.Context, api API, path string, limit time.Duration) error {
	return newRecipe(api, event.NewStream(), path).evaluate(ctx, limit, nil)
}

// IsEndless reports whether err says that a recipe did not reach recipe{ … } in time.
func IsEndless(err error) bool { return errors.Is(err, errEndless) }

// EvaluationProblems returns what check reports of an evaluation that failed.
func EvaluationProblems(path string, failed error) []Problem { return evaluationProblems(path, failed) }
