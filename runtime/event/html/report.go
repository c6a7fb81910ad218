// Package html shows one run as a page: a single file that needs no network.
//
// Its one rule: nothing that a host, a recipe or a file said becomes anything but text. What is in the page from the
// beginning goes through html/template; what the page's script shows is JSON in a script element that is never executed, and
// reaches the document as text nodes. A Content-Security-Policy names the one script that may run by its checksum.
package html

import (
	"time"

	"runbook/runtime/event"
)

// Report gathers the events of one run. It is an event.Sink that keeps what the page shows and no more: the ends of
// outputs, not the whole. The zero value is empty.
type Report struct {
	first, last time.Time
	begun       event.Event
	ended       *event.Event
	rows        []*row
	byHost      map[string]*row
	tables      []event.Event
	messages    []message
	would       []message
	commands    int
}

// message is something that was said, and by or about which host.
type message struct {
	at   time.Duration // since the run began
	kind event.Kind
	host string
	text string
}

// Of returns the report of the given events.
func Of(events []event.Event) *Report {
	r := &Report{}
	for _, e := range events {
		r.Event(e)
	}
	return r
}

// Event takes in what happened.
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
		r.ended = &e
	case event.Table:
		r.tables = append(r.tables, e)
	case event.Result:
		row := r.row(e.Host)
		row.result = &e
	default:
		r.onRow(e)
	}
	r.say(e)
}

// Close is there for the interface; a Report is written by Write.
func (r *Report) Close() error { return nil }

// say keeps what the admin should find without opening a step.
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

// row is the row of a host; "" is that of what belongs to no host.
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

// seconds is how long the run took, or has taken so far.
func (r *Report) took() time.Duration {
	if r.ended != nil && r.ended.Seconds > 0 {
		return duration(r.ended.Seconds)
	}
	return r.last.Sub(r.first)
}

func duration(seconds float64) time.Duration { return time.Duration(seconds * float64(time.Second)) }
