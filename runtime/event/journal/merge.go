package journal

import (
	"cmp"
	"encoding/json"
	"fmt"
	"iter"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"runbook/runtime/event"
)

// Merged combines several journals, such as those of the shards of a run.
type Merged struct {
	Run
	shards []*shard
	clash  map[string]bool // hosts that are in more than one shard
}

// shard is one of the journals.
type shard struct {
	Run
	label string
	own   map[string]bool // its hosts
	begun event.Event
	ended *event.Event
	last  time.Time
	plan  *event.Plan
}

// Merge merges runs. Each has a label: the name of its file, or as much of the path as tells it
// from the others.
func Merge(runs []Run) (*Merged, error) {
	m := &Merged{clash: map[string]bool{}}
	labels, owners := map[string]int{}, map[string]int{}
	for _, r := range runs {
		labels[r.ID]++
	}
	for _, r := range runs {
		s := &shard{Run: r, label: event.OneLine(r.ID), own: map[string]bool{}}
		if labels[r.ID] > 1 {
			s.label = event.OneLine(filepath.ToSlash(r.Path))
		}
		for e, err := range Events(r.Path) {
			if err != nil {
				return nil, err
			}
			s.begun = e
			break
		}
		for _, host := range s.begun.Hosts {
			if !s.own[host] {
				owners[host]++
				m.clash[host] = owners[host] > 1
			}
			s.own[host] = true
		}
		m.shards = append(m.shards, s)
	}
	m.Run = m.summary()
	return m, nil
}

// host returns a name that is unique among all shards: another shard may have a host of the same
// name, which has its own row. What happened on no host, or on this machine, belongs to the shard.
func (m *Merged) host(s *shard, name string) string {
	switch {
	case name == "":
		return s.label
	case m.clash[name], !s.own[name]:
		return name + " (" + s.label + ")"
	}
	return name
}

func (m *Merged) hosts(s *shard, names []string) []string {
	var out []string
	for _, name := range names {
		out = append(out, m.host(s, name))
	}
	return out
}

// severity lists the results, the worst last.
var severity = []Result{Done, Refused, Running, Killed, Interrupted, Failed}

// summary describes all shards as one run.
func (m *Merged) summary() Run {
	all := Run{DryRun: true, Result: Done}
	var labels, by, recipes []string
	var end time.Time
	about := map[string][]string{}
	var order []string
	refused := 0
	for _, s := range m.shards {
		if all.Begun.IsZero() || s.Begun.Before(all.Begun) {
			all.Begun = s.Begun
		}
		if at := s.Begun.Add(time.Duration(s.Seconds * float64(time.Second))); at.After(end) {
			end = at
		}
		labels, by, recipes = append(labels, s.label), addNew(by, s.By), addNew(recipes, s.Recipe)
		all.Hosts, all.Skipped = append(all.Hosts, m.hosts(s, s.Hosts)...),
			append(all.Skipped, m.hosts(s, s.Skipped)...)
		all.DryRun = all.DryRun && s.DryRun
		for _, fact := range s.About {
			order = addNew(order, fact.Name)
			about[fact.Name] = addNew(about[fact.Name], fact.Text)
		}
		if s.Result == Refused {
			refused++
		}
		if slices.Index(severity, s.Result) > slices.Index(severity, all.Result) {
			all.Result = s.Result
		}
	}
	if all.Result == Refused && refused < len(m.shards) {
		all.Result = Failed // the others changed something
	}
	for _, name := range order {
		all.About = append(all.About, Fact{name, strings.Join(about[name], ", ")})
	}
	all.ID, all.By, all.Recipe = strings.Join(labels, " "), strings.Join(by, ", "), strings.Join(recipes, ", ")
	all.Seconds = end.Sub(all.Begun).Seconds()
	return all
}

// addNew adds a text to a list unless it is there or empty.
func addNew(list []string, text string) []string {
	if text == "" || slices.Contains(list, text) {
		return list
	}
	return append(list, text)
}

// Shards lists the journals, one a row.
func (m *Merged) Shards() event.Event {
	e := event.Event{Kind: event.Table, Header: []string{"shard", "began", "hosts", "result", "time"}}
	for _, s := range m.shards {
		e.Rows = append(e.Rows, []string{s.label, s.Begun.Local().Format(time.RFC3339), fmt.Sprint(len(s.Hosts)),
			s.Outcome(), event.Seconds(s.Seconds)})
	}
	return e
}

// Events returns the events of all journals in the order of their times, as one run would have
// them. An error ends the iteration.
func (m *Merged) Events() iter.Seq2[event.Event, error] {
	return func(yield func(event.Event, error) bool) {
		if !yield(m.begun(), nil) {
			return
		}
		heads := make([]*head, len(m.shards))
		for i, s := range m.shards {
			heads[i] = newHead(s)
			defer heads[i].stop()
		}
		for {
			var next *head
			for _, h := range heads {
				if h.more && (next == nil || h.err != nil || next.err == nil && h.event.Time.Before(next.event.Time)) {
					next = h
				}
			}
			if next == nil {
				break
			}
			e, shown := m.rename(next.shard, next.event)
			if (shown || next.err != nil) && !yield(e, next.err) || next.err != nil {
				return
			}
			next.advance()
		}
		if plan := m.plan(); plan != nil && !yield(event.Event{Kind: event.PlanMade, Time: m.last(), Plan: plan}, nil) {
			return
		}
		yield(m.ended(), nil)
	}
}

// head is the next event of a journal.
type head struct {
	shard *shard
	pull  func() (event.Event, error, bool)
	stop  func()
	event event.Event
	err   error
	more  bool
}

func newHead(s *shard) *head {
	h := &head{shard: s}
	h.pull, h.stop = iter.Pull2(Events(s.Path))
	h.advance()
	return h
}

func (h *head) advance() { h.event, h.err, h.more = h.pull() }

// rename returns an event as it is shown, and false for an event that concerns only the shard.
func (m *Merged) rename(s *shard, e event.Event) (event.Event, bool) {
	if e.Time.After(s.last) {
		s.last = e.Time
	}
	switch e.Kind {
	case event.RunBegun, event.Resumable:
		return e, false
	case event.RunEnded:
		s.ended = &e
		return e, false
	case event.PlanMade:
		s.plan = e.Plan
		return e, false
	case event.Table:
	default:
		e.Host = m.host(s, e.Host)
	}
	return e, true
}

// last returns when the last event happened.
func (m *Merged) last() time.Time {
	at := m.Begun
	for _, s := range m.shards {
		if s.last.After(at) {
			at = s.last
		}
	}
	return at
}

// begun returns the first event.
func (m *Merged) begun() event.Event {
	e := event.Event{Kind: event.RunBegun, Time: m.Begun, Text: m.Recipe, By: m.By, Hosts: m.Hosts, DryRun: m.DryRun,
		Version: event.Version, Args: map[string]any{}}
	values := map[string][]string{}
	for _, s := range m.shards {
		for _, name := range s.begun.Order {
			e.Order = addNew(e.Order, name)
		}
		for name, value := range s.begun.Args {
			text, err := json.Marshal(value)
			if err != nil || slices.Contains(values[name], string(text)) {
				continue // Marshal cannot fail: the value came from JSON
			}
			if values[name] = append(values[name], string(text)); len(values[name]) == 1 {
				e.Args[name] = value
			} else {
				e.Args[name] = strings.Join(values[name], " or ")
			}
		}
	}
	return e
}

// mostErrors limits the lines of errors of all shards.
const mostErrors = 40

// ended returns the last event: how all shards ended, and the errors of those that did not end
// well.
func (m *Merged) ended() event.Event {
	e := event.Event{Kind: event.RunEnded, Time: m.last(), Seconds: m.Seconds, Hosts: m.Skipped, Args: map[string]any{}}
	codes := map[Result]int{Done: 0, Failed: 1, Refused: 3, Interrupted: 130}
	if code, ok := codes[m.Result]; ok {
		e.Code = &code
	}
	for _, fact := range m.About {
		e.Args[fact.Name] = fact.Text
	}
	var lines, hints []string
	for _, s := range m.shards {
		switch {
		case s.ended == nil:
			lines = append(lines, s.label+": its record has no end: runbook was killed, or the run is still active")
		case s.Result != Done:
			text := cmp.Or(s.ended.Error, string(s.Result))
			lines = append(lines, strings.Split(s.label+": "+text, "\n")...)
			hints = addNew(hints, s.ended.Hint)
		}
		if s.ended != nil {
			for _, fault := range s.ended.Faults {
				fault.Host = m.host(s, fault.Host)
				e.Faults = append(e.Faults, fault)
			}
		}
	}
	if over := len(lines) - mostErrors; over > 0 {
		lines = append(lines[:mostErrors], fmt.Sprintf("… %d more lines; runbook report shows one shard", over))
	}
	if e.Error = strings.Join(lines, "\n"); len(hints) == 1 {
		e.Hint = hints[0]
	}
	return e
}

// plan returns the plans of the shards as one, nil for none.
func (m *Merged) plan() *event.Plan {
	var all *event.Plan
	calls := map[string]int{}
	for _, s := range m.shards {
		if s.plan == nil {
			continue
		}
		if all == nil {
			all = &event.Plan{Groups: []event.PlanGroup{}}
		}
		all.Omitted += s.plan.Omitted
		if s.plan.Seconds > all.Seconds {
			all.Seconds, all.Runs = s.plan.Seconds, s.plan.Runs
		}
		for _, group := range s.plan.Groups {
			hosts := m.hosts(s, group.Hosts)
			i := slices.IndexFunc(all.Groups, func(g event.PlanGroup) bool {
				return slices.EqualFunc(g.Parts,
					group.Parts, event.PlanPart.Equal)
			})
			if i < 0 {
				all.Groups = append(all.Groups, event.PlanGroup{Hosts: hosts, Parts: group.Parts})
				continue
			}
			all.Groups[i].Hosts = append(all.Groups[i].Hosts, hosts...)
		}
		for _, call := range s.plan.Calls {
			call.Hosts = m.hosts(s, call.Hosts)
			key := strings.Join(append([]string{call.Text, call.Line, call.Note, call.Diff, fmt.Sprint(call.Times)},
				call.Step...), "\x00")
			if i, known := calls[key]; known {
				all.Calls[i].Hosts = append(all.Calls[i].Hosts, call.Hosts...)
				continue
			}
			calls[key] = len(all.Calls)
			all.Calls = append(all.Calls, call)
		}
	}
	return all
}
