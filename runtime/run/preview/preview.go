// Package preview collects the plan of a dry run: what a recipe states with host:plan, and the
// calls that would change something.
//
// Its one rule: a Lua file that states a plan speaks for its own calls. Every other call is listed,
// so that no change is hidden by a recipe that states only a part.
package preview

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"

	"runbook/runtime/event"
)

// The limits of a plan.
const (
	mostCalls = 500
	mostRows  = 200 // of a part
)

// Collector collects the plan of one run. The zero value is empty.
type Collector struct {
	mu      sync.Mutex
	hosts   []string // in the order in which they appeared
	parts   map[string][]event.PlanPart
	stating map[string]bool // the Lua files that state a plan
	calls   []*call
	known   map[string]*call // by all that is shown of them
}

// call is a call that was skipped, and how often on which host.
type call struct {
	event.PlanCall
	times map[string]int
}

// state adds a part to the plan of a host. A part without content only marks the file.
func (c *Collector) state(ctx context.Context, part event.PlanPart) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stating == nil {
		c.stating, c.parts = map[string]bool{}, map[string][]event.PlanPart{}
	}
	c.stating[fileOf(event.Line(ctx))] = true
	if (event.PlanPart{Title: part.Title}).Equal(part) {
		return
	}
	if over := len(part.Rows) - mostRows; over > 0 {
		part.Rows, part.Omitted = part.Rows[:mostRows], part.Omitted+over
	}
	host := event.Host(ctx)
	c.parts[host] = append(c.parts[host], part)
	c.appear(host)
}

// Skip adds a call that the dry run skipped, with the change of the file that it writes.
func (c *Collector) Skip(ctx context.Context, text string, change Change) {
	c.mu.Lock()
	defer c.mu.Unlock()
	host := event.Host(ctx)
	c.appear(host)
	next := event.PlanCall{Step: event.Step(ctx), Line: event.Line(ctx), Text: text, Note: change.Note,
		Diff: change.Diff}
	key := strings.Join(append([]string{text, next.Note, next.Diff, next.Line}, next.Step...), "\x00")
	if c.known == nil {
		c.known = map[string]*call{}
	}
	if c.known[key] == nil {
		c.known[key] = &call{PlanCall: next, times: map[string]int{}}
		c.calls = append(c.calls, c.known[key])
	}
	c.known[key].times[host]++
}

func (c *Collector) appear(host string) {
	if !slices.Contains(c.hosts, host) {
		c.hosts = append(c.hosts, host)
	}
}

// Plan returns the plan so far. order has the names of the hosts in their order.
func (c *Collector) Plan(order []string) *event.Plan {
	c.mu.Lock()
	defer c.mu.Unlock()
	hosts := slices.Clone(order)
	for _, host := range c.hosts { // this machine, and calls outside of any host
		if !slices.Contains(hosts, host) {
			hosts = append(hosts, host)
		}
	}
	plan := &event.Plan{Groups: []event.PlanGroup{}}
	for _, host := range hosts {
		parts := c.parts[host]
		if len(parts) == 0 {
			continue
		}
		i := slices.IndexFunc(plan.Groups, func(g event.PlanGroup) bool {
			return slices.EqualFunc(g.Parts, parts, event.PlanPart.Equal)
		})
		if i >= 0 {
			plan.Groups[i].Hosts = append(plan.Groups[i].Hosts, host)
			continue
		}
		plan.Groups = append(plan.Groups, event.PlanGroup{Hosts: []string{host}, Parts: parts})
	}
	for _, one := range c.calls {
		if c.stating[fileOf(one.Line)] {
			continue
		}
		if len(plan.Calls) == mostCalls {
			plan.Omitted++
			continue
		}
		plan.Calls = append(plan.Calls, one.on(hosts))
	}
	return plan
}

// on returns the call with its hosts in their order.
func (c *call) on(order []string) event.PlanCall {
	out := c.PlanCall
	out.Hosts = []string{}
	for _, host := range order {
		if c.times[host] > 0 && host != "" {
			out.Hosts = append(out.Hosts, host)
		}
	}
	if most := slices.Max(slices.Collect(maps.Values(c.times))); most > 1 {
		out.Times = most
	}
	return out
}

// fileOf returns the file of a line, FILE:LINE.
func fileOf(line string) string {
	return line[:max(0, strings.LastIndexByte(line, ':'))]
}
