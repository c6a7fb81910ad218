package choice

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"runbook/runtime/event"
	"runbook/runtime/recipe"
)

// Stage asks once for the name of a stage that requires confirmation, before the run locks or
// changes anything. A run that only reads is not asked.
type Stage struct {
	Settings *recipe.Settings // nil for no stage
	Yes      bool
	Prompt   recipe.Prompt // nil without a terminal

	once sync.Once
	err  error
}

// Confirm returns an error unless the run may change the stage.
func (s *Stage) Confirm(ctx context.Context) error {
	if s.Settings == nil || !s.Settings.Confirm || s.Yes {
		return nil
	}
	s.once.Do(func() { s.err = s.ask(ctx, s.Settings.Stage) })
	return s.err
}

func (s *Stage) ask(ctx context.Context, name string) error {
	if s.Prompt == nil {
		err := fmt.Errorf("the stage %s wants to be confirmed, and there is no terminal to ask on", name)
		return event.WithHint(err, "answer with --yes")
	}
	answer, err := s.Prompt(ctx, fmt.Sprintf("This run changes the stage %s. Type its name to go on: ", name), false)
	if err == nil && strings.TrimSpace(answer) == name {
		return nil
	}
	return cmp.Or(err, errors.New("not confirmed: the stage "+name))
}
