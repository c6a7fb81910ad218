// Package html writes one run as a page: a single file that needs no network.
//
// Its one rule: text from a host, a recipe or a file stays text. The static parts of the page go
// through html/template. The data of the page's script is JSON in a script element that is never
// executed, and becomes text nodes. A Content-Security-Policy allows only the page's own script, by
// its checksum.
package html

import (
	"iter"
	"time"

	"runbook/runtime/event"
)

// Report collects the events of one run. It is an event.Sink that keeps only what the page shows,
// for example only the end of an output. The zero value is empty.
type Report struct {
	first, last time.Time
	begun       event.Event
	ended       *event.Event
	rows        []*row
	byHost      map[string]*row
	tables      []event.Event
	messages    []message
	would       []message
	plan        *event.Plan
	commands    int
}

// message is a message from or about a host.
type message struct {
	at   time.Duration // since the run began
	kind event.Kind
	host string
	text string
}

// Collect records events up to the first error.
func Collect(events iter.Seq2[event.Event, error]) (*Report, error) {
	r := &Report{}
	for e, err := range events {
		if err != nil {
			return nil, err
		}
		r.Event(e)
	}
	return r, nil
}

// Event records an event.
func (r *Report) Event(e event.Event) {
	if r.first.IsZero() {
		r.first = e.Time
	}
	r.last = e.Time
	switch e.Kind {
	case event.RunBegun:
		r.begun = e
		for _, host := range e.Hosts {
			r.row(host)
		}
	case event.RunEnded:
		r.ended = new(e)
	case event.PlanMade:
		r.plan = e.Plan
	case event.Table:
		r.tables = append(r.tables, e)
	case event.Result:
		row := r.row(e.Host)
		row.result = new(e)
	default:
		r.onRow(e)
	}
	r.say(e)
}

// Close does nothing; Write writes a Report.
func (r *Report) Close() error { return nil }

// say keeps the messages that the page shows outside of steps.
func (r *Report) say(e event.Event) {
	m := message{at: r.since(e), kind: e.Kind, host: e.Host, text: e.Text}
	switch e.Kind {
	case event.Warning, event.KeyRefused, event.Info, event.Printed, event.Skipped:
		r.messages = append(r.messages, m)
	case event.Disconnected:
		if m.text = e.Error; e.Error != "" {
			r.messages = append(r.messages, m)
		}
	case event.WouldChange:
		r.would = append(r.would, m)
	}
}

func (r *Report) since(e event.Event) time.Duration { return e.Time.Sub(r.first) }

// row returns the row of a host, or for "" the row of everything outside of hosts.
func (r *Report) row(host string) *row {
	if found := r.byHost[host]; found != nil {
		return found
	}
	if r.byHost == nil {
		r.byHost = map[string]*row{}
	}
	made := &row{host: host}
	r.byHost[host] = made
	if host == "" {
		r.rows = append([]*row{made}, r.rows...)
		return made
	}
	r.rows = append(r.rows, made)
	return made
}

// took returns how long the run took, or has taken so far.
func (r *Report) took() time.Duration {
	if r.ended != nil && r.ended.Seconds > 0 {
		return duration(r.ended.Seconds)
	}
	return r.last.Sub(r.first)
}

func duration(seconds float64) time.Duration { return time.Duration(seconds * float64(time.Second)) }
