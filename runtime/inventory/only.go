package inventory

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"runbook/runtime/event"
	"runbook/runtime/script"
)

const tagPrefix = "tag:"

// choose returns the entries that any of the patterns of --only means, in their own order. Every pattern must mean
// at least one: a misspelt one would otherwise leave hosts out without a word.
func choose(entries []entry, only []string) ([]entry, error) {
	if len(only) == 0 {
		return entries, nil
	}
	wanted := make([]bool, len(entries))
	for _, pattern := range only {
		found := false
		for i, e := range entries {
			ok, err := means(pattern, e)
			if err != nil {
				return nil, fmt.Errorf("--only %s: %w", pattern, err)
			}
			wanted[i] = wanted[i] || ok
			found = found || ok
		}
		if !found {
			return nil, noMatch(pattern, entries)
		}
	}
	var chosen []entry
	for i, e := range entries {
		if wanted[i] {
			chosen = append(chosen, e)
		}
	}
	return chosen, nil
}

func means(pattern string, e entry) (bool, error) {
	tag, isTag := strings.CutPrefix(pattern, tagPrefix)
	if !isTag {
		return glob(pattern, e.name)
	}
	if _, err := glob(tag, ""); err != nil { // a host without tags must not hide a bad pattern
		return false, err
	}
	for _, t := range e.tags {
		if ok, err := glob(tag, t); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

// glob also takes a pattern for the name itself: [::1]:22 would otherwise be a range of characters.
func glob(pattern, name string) (bool, error) {
	if pattern == "" {
		return false, fmt.Errorf("the name is missing")
	}
	if pattern == name {
		return true, nil
	}
	ok, err := path.Match(pattern, name)
	if err != nil {
		return false, fmt.Errorf("the pattern is malformed: * stands for any text, ? for one character, [ab] for one of these")
	}
	return ok, nil
}

func noMatch(pattern string, entries []entry) error {
	if tag, isTag := strings.CutPrefix(pattern, tagPrefix); isTag {
		tags := allTags(entries)
		err := fmt.Errorf("--only %s: no host has such a tag%s", pattern, script.DidYouMean(tag, tags))
		if len(tags) == 0 {
			return event.WithHint(err, "no host has any tag")
		}
		return event.WithHint(err, "tags: "+strings.Join(tags, ", "))
	}
	err := fmt.Errorf("--only %s: no host has such a name%s", pattern, script.DidYouMean(pattern, names(entries)))
	if slices.Contains(allTags(entries), pattern) {
		return event.WithHint(err, fmt.Sprintf("there is a tag of that name: --only %s%s", tagPrefix, pattern))
	}
	return event.WithHint(err, "hosts: "+shorten(names(entries), 20))
}

func allTags(entries []entry) []string {
	var tags []string
	for _, e := range entries {
		tags = append(tags, e.tags...)
	}
	slices.Sort(tags)
	return slices.Compact(tags)
}

// shorten lists at most n names.
func shorten(names []string, n int) string {
	if len(names) <= n {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:n], ", "), len(names)-n)
}
