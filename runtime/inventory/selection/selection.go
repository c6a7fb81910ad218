// Package selection chooses hosts by --only and --except, and limits how many a run may go on
// without.
//
// Its one rule: every pattern must match a host, or a misspelt one would silently change what a run
// does.
package selection

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"runbook/runtime/event"
	"runbook/runtime/script/spell"
)

// TagPrefix begins a pattern for tags.
const TagPrefix = "tag:"

// Host is what the patterns are compared with.
type Host struct {
	Name string
	Tags []string
}

// Options are the values of --only and --except. A value has one pattern, or several separated by
// commas, which a host must all match. A pattern is a glob for names, or "tag:" and a glob for
// tags.
type Options struct {
	Only   []string // a host must match one of these; none chooses all hosts
	Except []string // and none of these
	Shard  Shard    // then one part of them
}

// Choose returns the indexes of the chosen hosts, in order.
func (o Options) Choose(hosts []Host) ([]int, error) {
	only, err := matchAny("--only", o.Only, hosts)
	if err != nil {
		return nil, err
	}
	except, err := matchAny("--except", o.Except, hosts)
	if err != nil {
		return nil, err
	}
	var chosen []int
	for i := range hosts {
		if (only[i] || len(o.Only) == 0) && !except[i] {
			chosen = append(chosen, i)
		}
	}
	if len(chosen) == 0 && len(o.Except) > 0 {
		return nil, o.nothingLeft(hosts, only)
	}
	return o.Shard.take(chosen)
}

// nothingLeft explains why no host is chosen. only has the hosts that match --only.
func (o Options) nothingLeft(hosts []Host, only []bool) error {
	which := "every host"
	var dropped []string
	for i, h := range hosts {
		if only[i] || len(o.Only) == 0 {
			dropped = append(dropped, h.Name)
		}
	}
	if len(o.Only) > 0 {
		which += " of " + typed("--only", o.Only)
	}
	err := fmt.Errorf("no host is left: %s excludes %s: %s", typed("--except", o.Except), which, shorten(dropped, 20))
	return event.WithHint(err, "exclude fewer of them; runbook hosts lists the hosts that remain")
}

// typed formats an option as it was typed.
func typed(flag string, values []string) string {
	return flag + " " + strings.Join(values, " "+flag+" ")
}

// matchAny reports for each host whether it matches any value of the option.
func matchAny(flag string, values []string, hosts []Host) ([]bool, error) {
	matched := make([]bool, len(hosts))
	for _, value := range values {
		if strings.TrimSpace(value) == "" { // most likely an unset variable of a script
			return nil, event.WithHint(errors.New(flag+" is empty"),
				"name a host or tag:TAG, or leave the option and its variable out")
		}
		all, err := matchAll(value, hosts)
		if err != nil {
			return nil, event.WithHint(fmt.Errorf("%s %s: %w", flag, value, err), hint(flag, value, err))
		}
		for i := range hosts {
			matched[i] = matched[i] || all[i]
		}
	}
	return matched, nil
}

// matchAll reports for each host whether it matches every pattern of a value.
func matchAll(value string, hosts []Host) ([]bool, error) {
	patterns := splitPatterns(value)
	matched := slices.Repeat([]bool{true}, len(hosts))
	for _, pattern := range patterns {
		found := false
		for i, h := range hosts {
			ok, err := matches(pattern, h)
			if err != nil {
				return nil, prefixed(pattern, len(patterns), err)
			}
			matched[i] = matched[i] && ok
			found = found || ok
		}
		if !found {
			return nil, prefixed(pattern, len(patterns), noMatch(pattern, hosts))
		}
	}
	if !slices.Contains(matched, true) {
		return nil, &disjointError{patterns}
	}
	return matched, nil
}

func splitPatterns(value string) []string {
	patterns := strings.Split(value, ",")
	for i := range patterns {
		patterns[i] = strings.TrimSpace(patterns[i])
	}
	return patterns
}

// prefixed adds the pattern to an error about one of several.
func prefixed(pattern string, count int, err error) error {
	if count == 1 {
		return err
	}
	return fmt.Errorf("%q: %w", pattern, err)
}

// disjointError reports a value whose patterns no single host matches.
type disjointError struct{ patterns []string }

func (e *disjointError) Error() string { return "no host matches all of these" }

// hint returns what to do about the error of a value.
func hint(flag, value string, err error) string {
	var disjoint *disjointError
	var unmatched *noMatchError
	switch {
	case errors.As(err, &disjoint):
		return "a comma means \"and\"; for the hosts that match any of them: " + typed(flag, disjoint.patterns)
	case errors.As(err, &unmatched) && unmatched.isTag:
		patterns := splitPatterns(value)
		patterns[slices.Index(patterns, unmatched.pattern)] = TagPrefix + unmatched.pattern
		return "a tag has this name: " + flag + " " + strings.Join(patterns, ",")
	}
	return event.Hint(err)
}

func matches(pattern string, h Host) (bool, error) {
	tag, isTag := strings.CutPrefix(pattern, TagPrefix)
	if !isTag {
		return glob(pattern, h.Name)
	}
	if _, err := glob(tag, ""); err != nil { // reports a malformed pattern even on a host without tags
		return false, err
	}
	for _, t := range h.Tags {
		if ok, err := glob(tag, t); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

// glob reports whether a pattern matches or equals the name: [::1]:22 would otherwise be a
// character class.
func glob(pattern, name string) (bool, error) {
	if pattern == "" {
		return false, errors.New("missing name")
	}
	if pattern == name {
		return true, nil
	}
	ok, err := path.Match(pattern, name)
	if err != nil {
		return false, errors.New("invalid pattern: * matches any text, ? one character, [ab] one of these")
	}
	return ok, nil
}

// noMatchError reports a pattern that matches no host.
type noMatchError struct {
	pattern string
	isTag   bool // there is a tag of this name
	message string
}

func (e *noMatchError) Error() string { return e.message }

func noMatch(pattern string, hosts []Host) error {
	var names, tags []string
	for _, h := range hosts {
		names, tags = append(names, h.Name), append(tags, h.Tags...)
	}
	slices.Sort(tags)
	tags = slices.Compact(tags)
	if tag, isTag := strings.CutPrefix(pattern, TagPrefix); isTag {
		err := &noMatchError{pattern: pattern, message: "no host has this tag" + spell.DidYouMean(tag, tags)}
		if len(tags) == 0 {
			return event.WithHint(err, "no host has a tag")
		}
		return event.WithHint(err, "tags: "+strings.Join(tags, ", "))
	}
	err := &noMatchError{pattern, slices.Contains(tags, pattern), "no host has this name" +
		spell.DidYouMean(pattern, names)}
	return event.WithHint(err, "hosts: "+shorten(names, 20))
}

// shorten lists at most n names.
func shorten(names []string, n int) string {
	if len(names) <= n {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:n], ", "), len(names)-n)
}
