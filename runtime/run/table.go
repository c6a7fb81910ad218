package run

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"runbook/runtime/event"
	"runbook/runtime/script"
	"runbook/runtime/ssh/shell"
)

// table is the last table: the state of each host, and the errors of the hosts' functions.
type table struct {
	dryRun  bool
	changed func() bool // reports whether anything was changed yet

	mu     sync.Mutex
	hosts  []string // in their order
	rows   []*row
	errors []error
}

// row holds what is known about one host.
type row struct {
	host        string
	listed      bool // in the table that is shown
	planned     int  // visits by an each
	begun       int
	failed      string // "failed", "refused", "interrupted", or ""
	skipped     bool   // unreachable, and the run goes on without it
	state       string // set by host:result
	tone        string // of state, or ""
	stateIsLast bool   // set after the failure, such as by on_failure
	lost        bool   // the connection died during a change, and its outcome is still unknown
	wouldChange bool   // a dry run skipped something
	columns     map[string]string
	took        time.Duration
}

func (t *table) row(host string) *row {
	i := slices.IndexFunc(t.rows, func(r *row) bool { return r.host == host })
	if i >= 0 {
		return t.rows[i]
	}
	t.rows = append(t.rows, &row{host: host, columns: map[string]string{}})
	return t.rows[len(t.rows)-1]
}

// reserve adds rows for hosts in their order, so that the order of events does not matter.
func (t *table) reserve(hosts []*shell.Host) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.hosts = nil
	for _, h := range hosts {
		t.hosts = append(t.hosts, h.Name())
		t.row(h.Name())
	}
}

// reset forgets everything but the hosts.
func (t *table) reset() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rows, t.errors = nil, nil
}

// update lists a host in the table and calls fn with its row.
func (t *table) update(host string, fn func(*row)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.row(host)
	r.listed = true
	fn(r)
}

func (t *table) list(host string) { t.update(host, func(*row) {}) }

// fail marks a host whose function ended early. The errors of all hosts are collected by addError.
func (t *table) fail(host string, err error) {
	changed := t.changed()
	t.update(host, func(r *row) {
		switch {
		case errors.Is(err, ErrInterrupted):
			r.failed = "interrupted"
		case !changed:
			r.failed = "refused"
		default:
			r.failed = "failed"
		}
	})
}

// wouldChange reports whether a dry run skipped a change for a host.
func (t *table) wouldChange(host string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.ContainsFunc(t.rows, func(r *row) bool { return r.host == host && r.wouldChange })
}

func (t *table) outcome(host string) (state string) {
	t.update(host, func(r *row) { state, _ = r.outcome(t.dryRun) })
	return state
}

// unreachableState is the state of a host that the run goes on without.
const unreachableState = "unreachable"

// outcome returns the host's state in words, with its tone where the recipe chose both.
func (r *row) outcome(dryRun bool) (state, tone string) {
	switch {
	case r.skipped:
		return unreachableState, "busy"
	case r.failed != "" && r.stateIsLast:
		return r.state, r.tone
	case r.failed != "" && r.lost:
		return "unknown", ""
	case r.failed != "":
		return r.failed, ""
	case dryRun && r.wouldChange:
		return "would change", ""
	case dryRun && r.begun > 0:
		return "unchanged", ""
	case r.state != "":
		return r.state, r.tone
	case r.begun == 0:
		return "not touched", ""
	case r.begun < r.planned:
		return "not finished", ""
	}
	return "done", ""
}

// anyFailed reports whether a host's function ended early, even if the recipe continued.
func (t *table) anyFailed() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.ContainsFunc(t.rows, func(r *row) bool { return r.failed != "" })
}

// addError keeps the error of a host's function. The recipe may catch it, and after an interrupt
// Lua raises only the interrupt, but the admin must see the error of a hook.
func (t *table) addError(err error) {
	if err != nil {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.errors = append(t.errors, err)
	}
}

// sortedErrors returns the errors in the order of the hosts, whichever failed first.
func (t *table) sortedErrors() []error {
	t.mu.Lock()
	defer t.mu.Unlock()
	place := func(err error) int { return slices.Index(t.hosts, Faults(err)[0].Host) }
	byHost := func(a, b error) int { return cmp.Compare(place(a), place(b)) }
	return slices.SortedStableFunc(slices.Values(t.errors), byHost)
}

// distinct joins the distinct texts of a column, of the hosts whose columns match where.
func (t *table) distinct(column string, where map[string]string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var texts []string
	for _, r := range t.rows {
		matches := true
		for name, text := range where {
			matches = matches && r.columns[name] == text
		}
		if text := r.columns[column]; matches && text != "" && !slices.Contains(texts, text) {
			texts = append(texts, text)
		}
	}
	return strings.Join(texts, ", ")
}

// emit sends one Result per listed host.
func (t *table) emit(ctx context.Context) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, r := range t.rows {
		if r.listed {
			e := event.Event{Kind: event.Result, Host: r.host, Columns: maps.Clone(r.columns)}
			e.Seconds = r.took.Seconds()
			e.State, e.Tone = r.outcome(t.dryRun)
			event.Emit(ctx, e)
		}
	}
}

type resultArgs struct {
	Columns map[string]any `lua:"columns,arg" doc:"the cells by column, such as release; the column state is the host's state"`
	Tone    string         `lua:"tone" choices:"good bad busy" doc:"the tone of the state: good if all is well, bad if a person must act, busy if it is unfinished or undone"`
}

// resultPrimitive declares host:result.
func (t *table) resultPrimitive() script.Primitive {
	return script.Func("result", script.Pure, "Set columns of this host in the table at the end of the run. The "+
		"columns that recipe{ … } names come first. "+
		"Without a state column the state is done, failed, refused, interrupted or not touched.",
		func(_ context.Context, h *shell.Host, a resultArgs) (script.None, error) {
			texts := map[string]string{}
			if _, ok := a.Columns["state"]; a.Tone != "" && !ok {
				return script.None{}, errors.New("tone is for a state, and there is none")
			}
			for name, v := range a.Columns {
				text, err := cell(v)
				if err != nil {
					return script.None{}, fmt.Errorf("%s: %w", name, err)
				}
				texts[name] = text
			}
			t.update(h.Name(), func(row *row) {
				for name, text := range texts {
					if name == "state" {
						row.state, row.tone, row.stateIsLast = text, a.Tone, row.failed != ""
						continue
					}
					row.columns[name] = text
				}
			})
			return script.None{}, nil
		}).With(`host:result({ release = release, revision = sha, state = "released" }, { tone = "good" })`)
}
