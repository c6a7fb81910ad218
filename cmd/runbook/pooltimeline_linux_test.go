package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"runbook/runtime/event"
)

// span is a time in which a release may have been current on a host. A zero to means that it still
// is.
type span struct {
	release  string
	from, to time.Time
}

// timeline records which release was current on each host and when, from the events of the runs.
// During a switch both releases count.
type timeline map[string][]span

// read reads the events of one run, as --json prints them.
func (line timeline) read(events string) error {
	for text := range strings.Lines(events) {
		var e event.Event
		if err := json.Unmarshal([]byte(text), &e); err != nil {
			return fmt.Errorf("an event: %w: %s", err, text)
		}
		title := ""
		if len(e.Step) > 0 {
			title = e.Step[len(e.Step)-1]
		}
		release, found := strings.CutPrefix(title, "switch to ")
		if !found {
			release, found = strings.CutPrefix(title, "go back to ")
		}
		switch {
		case !found:
		case e.Kind == event.StepBegun:
			line[e.Host] = append(line[e.Host], span{release: release, from: e.Time})
		case e.Kind == event.Changed && strings.Contains(e.Text, "/current → "):
			for i := range line[e.Host] {
				if one := &line[e.Host][i]; one.to.IsZero() && one.release != release {
					one.to = e.Time
				}
			}
		}
	}
	return nil
}

// allows reports whether the answer's release was current on its server at some time between
// request and answer.
func (line timeline) allows(a answer) bool {
	for _, one := range line[a.server] {
		if one.release == a.release && one.from.Before(a.ended) && (one.to.IsZero() || one.to.After(a.began)) {
			return true
		}
	}
	return false
}
