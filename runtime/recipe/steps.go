package recipe

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"runbook/runtime/event"
	"runbook/runtime/script/source"
	"runbook/runtime/script/spell"
)

// IsTitle reports whether what was typed names a step: its title, or the first words of it.
func IsTitle(typed, title string) bool {
	typed = strings.TrimSpace(typed)
	rest, ok := strings.CutPrefix(title, typed)
	next, _ := utf8.DecodeRuneInString(rest)
	return ok && typed != "" && (rest == "" || !unicode.IsLetter(next) && !unicode.IsDigit(next) && next != '_')
}

// CheckSteps returns an error for a title of --step or --skip that no step of the recipe can have,
// as far as its files say, and for a step that --skip cannot leave out. certain are the titles of
// skip that some step is sure to have, even if a run does not reach it. The recipe must have been
// checked.
func (r *Recipe) CheckSteps(only, skip []string) (certain []string, err error) {
	known := r.Sources.Steps()
	for _, typed := range only {
		if _, err := findStep("--step", typed, known); err != nil {
			return nil, err
		}
	}
	for _, typed := range skip {
		if required, err := findStep("--skip", typed, known); err != nil {
			return nil, err
		} else if required {
			return nil, RequiredStep("--skip", typed)
		}
		if slices.ContainsFunc(known, func(s source.Step) bool { return IsTitle(typed, s.Begin) }) {
			certain = append(certain, typed)
		}
	}
	return certain, nil
}

// RequiredStep is the error for a step that an option would leave out.
func RequiredStep(flag, title string) error {
	return event.WithHint(fmt.Errorf("%s cannot leave out the step %q: what follows needs it", flag, title),
		"the recipe's own options, and runbook docs step, say what can be left out")
}

// findStep finds the step that was typed, and returns whether it is required.
func findStep(flag, typed string, known []source.Step) (required bool, err error) {
	isAny, isFound, all := false, false, true
	var titles []string
	for _, s := range known {
		begin := strings.TrimRight(s.Begin, " ")
		if IsTitle(typed, s.Begin) || s.Open && s.Begin != "" && strings.HasPrefix(typed, s.Begin) {
			isFound, all = true, all && s.Required
		}
		isAny = isAny || s.Open && s.Begin == ""
		if begin != "" {
			titles = append(titles, begin)
		}
	}
	near := spell.DidYouMean(typed, titles)
	for _, title := range titles { // a title may be only its known beginning
		words := strings.Fields(typed)
		head := strings.Join(words[:min(len(words), len(strings.Fields(title)))], " ")
		if near == "" {
			near = spell.DidYouMean(head, []string{title})
		}
	}
	if isFound || typed != "" && isAny && near == "" {
		return isFound && all, nil
	}
	titles = slices.Compact(titles)
	hint := "the recipe has no steps"
	if len(titles) > 0 {
		hint = "its steps begin with: " + strings.Join(titles, ", ")
	}
	return false, event.WithHint(fmt.Errorf("%s: the recipe has no step %q%s", flag, typed, near), hint)
}
