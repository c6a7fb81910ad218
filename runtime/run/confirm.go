package run

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"runbook/runtime/event"
	"runbook/runtime/recipe"
	"runbook/runtime/script"
)

// confirmer implements confirm and ask.
type confirmer struct {
	dryRun, yes bool
	prompt      recipe.Prompt // nil without a terminal
}

type confirmArgs struct {
	Text       string `lua:"text,arg" doc:"the question"`
	Unattended bool   `lua:"unattended" doc:"go on without a terminal and without --yes, instead of an error: for a question that the run has put in a warning, too"`
}

func (c confirmer) primitive() script.Primitive {
	return script.Func("confirm", script.Reads, "Ask the admin a question and continue only after a yes. Any other "+
		"answer is an error. "+
		"--yes answers yes. Without a terminal and without --yes it is an error. A dry run does not ask.", c.run).
		With(`confirm("remove " .. count .. " releases?")`)
}

func (c confirmer) run(ctx context.Context, _ script.None, a confirmArgs) (bool, error) {
	switch {
	case c.dryRun:
		event.Emit(ctx, event.Event{Kind: event.WouldChange, Text: "ask: " + a.Text})
		return true, nil
	case c.yes, c.prompt == nil && a.Unattended:
		return true, nil
	case c.prompt == nil:
		return false, event.WithHint(fmt.Errorf("there is no terminal to ask on: %s", a.Text), "answer with --yes")
	}
	answer, err := c.prompt(ctx, a.Text+" [y/N] ", false)
	if err != nil {
		return false, err
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return true, nil
	}
	return false, &recipeError{"not confirmed: " + a.Text}
}

type askArgs struct {
	Text    string   `lua:"text,arg" doc:"the question"`
	Default *string  `lua:"default" doc:"the answer to an empty line, to --yes, without a terminal, and in a dry run"`
	Choices []string `lua:"choices" doc:"the only valid answers; by default any text but an empty one"`
}

func (c confirmer) askPrimitive() script.Primitive {
	const doc = "Ask the admin for a text and return it without the white space around it. " +
		"An invalid answer is asked for again, twice. Without a terminal and without a default it is an error."
	return script.Func("ask", script.Reads, doc, c.ask).
		With(`local size = ask("which size?", { default = "small", choices = { "small", "large" } })`)
}

// mostQuestions limits how often ask asks for a valid answer.
const mostQuestions = 3

func (c confirmer) ask(ctx context.Context, _ script.None, a askArgs) (string, error) {
	valid := func(answer string) bool {
		return answer != "" && (len(a.Choices) == 0 || slices.Contains(a.Choices, answer))
	}
	question, choices := a.Text, strings.Join(a.Choices, ", ")
	if choices != "" {
		question += " (" + choices + ")"
	}
	if a.Default != nil {
		if len(a.Choices) > 0 && !valid(*a.Default) {
			return "", fmt.Errorf("default %q is none of the choices: %s", *a.Default, choices)
		}
		if c.dryRun || c.yes || c.prompt == nil {
			event.Emit(ctx, event.Event{Kind: event.Info, Text: question + ": " + *a.Default + ", the default"})
			return *a.Default, nil
		}
		question += " [" + *a.Default + "]"
	}
	if c.prompt == nil {
		return "", event.WithHint(fmt.Errorf("there is no terminal to ask on: %s", a.Text),
			"run it from a terminal; in the recipe, ask can have a default, or an option can take its place")
	}
	for range mostQuestions {
		answer, err := c.prompt(ctx, question+" ", false)
		if err != nil {
			return "", err
		}
		answer = strings.TrimSpace(answer)
		if answer == "" && a.Default != nil {
			return *a.Default, nil
		}
		if valid(answer) {
			return answer, nil
		}
	}
	return "", &recipeError{fmt.Sprintf("no valid answer to: %s; want %s", a.Text, cmp.Or(choices, "a text"))}
}

type failArgs struct {
	Message string `lua:"message,arg" doc:"what is wrong"`
	Hint    string `lua:"hint,arg,optional" doc:"what to do next"`
}

// failPrimitive declares fail(message, hint).
func failPrimitive() script.Primitive {
	return script.Func("fail", script.Pure, "Raise an error with a message and a hint. When nothing was changed "+
		"yet, the run exits with status 3.",
		func(_ context.Context, _ script.None, a failArgs) (script.None, error) {
			if a.Message == "" {
				return script.None{}, errors.New("message: want the reason in a sentence")
			}
			var err error = &recipeError{a.Message}
			if a.Hint != "" {
				err = event.WithHint(err, a.Hint)
			}
			return script.None{}, err
		}).With(`fail("no release to go back to", "runbook run recipes/status.lua lists the releases")`).
		Never()
}
