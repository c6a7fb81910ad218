package recipetest

import (
	"context"
	"fmt"
	"strings"

	"runbook/runtime/event"
	"runbook/runtime/lab"
)

// CheckNeeds returns an error if this machine lacks a program that throwaway hosts run. Not every
// test needs all of them, so it is called only after tests have failed.
func CheckNeeds(ctx context.Context) error {
	missing, err := lab.Missing(ctx)
	if err != nil || len(missing) == 0 {
		return err
	}
	return event.WithHint(fmt.Errorf("tests may have failed because this machine lacks %s", lab.Names(missing)),
		"sudo "+strings.Join(lab.Apt(missing), " "))
}
