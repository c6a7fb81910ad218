package run

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"runbook/runtime/event"
	"runbook/runtime/script"
	"runbook/runtime/script/spell"
	"runbook/runtime/ssh/shell"
)

// chooser implements named and tagged.
type chooser struct {
	world *World
}

type namedArgs struct {
	Name string `lua:"name,arg" doc:"the host's name"`
}

type taggedArgs struct {
	Tag string `lua:"tag,arg" doc:"the tag"`
}

func (c chooser) primitives() []script.Primitive {
	return []script.Primitive{
		script.Func("named", script.Pure, "Return the host of this run with a name. None is an error.", c.named).
			With(`local first = named("web1")`),
		script.Func("tagged", script.Pure, "Return the hosts of this run with a tag, in their order. "+
			"It is an error if no host has it: a misspelt tag must not do nothing.", c.tagged).
			With("each(tagged(\"web\"), function(host)\n  host:run(\"uptime\")\nend)"),
	}
}

func (c chooser) named(_ context.Context, _ script.None, a namedArgs) (*shell.Host, error) {
	present, skipped := c.world.connections.split()
	var names []string
	for _, h := range present {
		if h.Name() == a.Name {
			return h, nil
		}
		names = append(names, h.Name())
	}
	if slices.ContainsFunc(skipped, func(h *shell.Host) bool { return h.Name() == a.Name }) {
		return nil, fmt.Errorf("the host %s is skipped, because it is unreachable", a.Name)
	}
	return nil, fmt.Errorf("no host of this run is named %q%s", a.Name, spell.DidYouMean(a.Name, names))
}

// noTag returns the error for a tag that no host has, with what can be chosen instead.
func (c chooser) noTag(tag string, tags []string) error {
	err := fmt.Errorf("no host of this run has the tag %q%s", tag, spell.DidYouMean(tag, tags))
	slices.Sort(tags)
	for _, target := range c.world.opts.Hosts {
		if target.Name == tag {
			return event.WithHint(err, fmt.Sprintf("it is the name of a host: write { named(%q) }", tag))
		}
	}
	if tags = slices.Compact(tags); len(tags) > 0 {
		return event.WithHint(err, "its hosts have the tags "+strings.Join(tags, ", "))
	}
	return event.WithHint(err, "no host of this run has tags: add tags = { … } to the host in the hosts file")
}

func (c chooser) tagged(_ context.Context, _ script.None, a taggedArgs) ([]*shell.Host, error) {
	present, _ := c.world.connections.split()
	tagged := []*shell.Host{}
	known := false
	var tags []string
	for i, target := range c.world.opts.Hosts {
		tags = append(tags, target.Tags...)
		if slices.Contains(target.Tags, a.Tag) {
			known = true
			if h := c.world.hosts[i]; slices.Contains(present, h) {
				tagged = append(tagged, h)
			}
		}
	}
	if !known {
		return nil, c.noTag(a.Tag, tags)
	}
	return tagged, nil
}
