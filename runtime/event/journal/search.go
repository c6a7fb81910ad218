package journal

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"runbook/runtime/event"
)

// Matches reports whether a line of the run matches. The empty pattern matches every run.
func (r Run) Matches(pattern *regexp.Regexp) (bool, error) {
	if pattern.String() == "" {
		return true, nil
	}
	for e, err := range Events(r.Path) {
		if err != nil {
			return false, err
		}
		if matches(e, pattern) {
			return true, nil
		}
	}
	return false, nil
}

// Matching returns the events whose displayed text matches.
func Matching(events []event.Event, pattern *regexp.Regexp) []event.Event {
	out := []event.Event{}
	for _, e := range events {
		if matches(e, pattern) {
			out = append(out, e)
		}
	}
	return out
}

func matches(e event.Event, pattern *regexp.Regexp) bool {
	texts := slices.Concat([]string{e.Host, e.Line, e.Text, e.State, e.Error, e.Hint, e.By}, e.Step,
		slices.Collect(maps.Values(e.Columns)))
	texts = slices.Concat(append(e.Rows, texts)...)
	return slices.ContainsFunc(texts, func(text string) bool { return text != "" && pattern.MatchString(text) })
}

// Lines lists the lines of events that match. If only the host or the step matches, it lists the
// first line.
func Lines(events []event.Event, pattern *regexp.Regexp) event.Event {
	e := event.Event{Kind: event.Table, Header: []string{"time", "host", "step", "what", "text"}}
	for _, one := range events {
		all := strings.Split(strings.TrimSpace(strings.Join([]string{one.Text, one.State, one.Error}, "\n")), "\n")
		found := slices.DeleteFunc(slices.Clone(all), func(line string) bool { return !pattern.MatchString(line) })
		if len(found) == 0 {
			found = all[:1]
		}
		for _, line := range found {
			e.Rows = append(e.Rows, []string{one.Time.Local().Format("15:04:05.000"), one.Host,
				strings.Join(one.Step, " > "), string(one.Kind), line})
		}
	}
	return e
}
