package run

import (
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
	"runbook/runtime/ssh"
)

// table is the last table: what state each host is in.
type table struct {
	mu      sync.Mutex
	rows    []*row
	dry     bool
	changed func() bool // whether anything was changed yet
}

type row struct {
	host    string
	listed  bool // something is to be said of it
	planned int  // how many each are to visit it, and have begun it
	begun   int
	failed  string // "failed", "refused", "interrupted", or ""
	said    string // the state that the recipe stated, before or after the failure
	after   bool   // said stands behind the failure, as on_failure does
	lost    bool   // the connection died in a change, and the recipe has not found out since what became of it
	would   bool   // a dry run left something out
	columns map[string]string
	took    time.Duration
}

func (t *table) row(host string) *row {
	i := slices.IndexFunc(t.rows, func(r *row) bool { return r.host == host })
	if i >= 0 {
		return t.rows[i]
	}
	t.rows = append(t.rows, &row{host: host, columns: map[string]string{}})
	return t.rows[len(t.rows)-1]
}

// expect makes room for a host, so that the table has the order of the hosts whatever happens first.
func (t *table) expect(host string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.row(host)
}

// with calls fn with the host's row, which stands in the table from now on.
func (t *table) with(host string, fn func(*row)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.row(host)
	r.listed = true
	fn(r)
}

func (t *table) plan(host string)  { t.with(host, func(r *row) { r.planned++ }) }
func (t *table) begin(host string) { t.with(host, func(r *row) { r.begun++ }) }
func (t *table) end(host string, took time.Duration) {
	t.with(host, func(r *row) { r.took += took })
}

// fail notes why a host's function ended early.
func (t *table) fail(host string, err error) {
	changed := t.changed()
	t.with(host, func(r *row) {
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

func (t *table) state(host string) (state string) {
	t.with(host, func(r *row) { state = r.state(t.dry) })
	return state
}

func (r *row) state(dry bool) string {
	switch {
	case r.failed != "" && r.after:
		return r.said
	case r.failed != "" && r.lost:
		return "unknown"
	case r.failed != "":
		return r.failed
	case dry && r.would:
		return "would change"
	case dry && r.begun > 0:
		return "unchanged"
	case r.said != "":
		return r.said
	case r.begun == 0:
		return "not touched"
	case r.begun < r.planned:
		return "not finished"
	}
	return "done"
}

// anyFailed tells whether a host's function ended early, even if the recipe went on.
func (t *table) anyFailed() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.ContainsFunc(t.rows, func(r *row) bool { return r.failed != "" })
}

// releases are what the hosts' columns release and revision say, each text once; of those with this release unless it is "".
func (t *table) releases(only string) (releases, revisions string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	add := func(list, text string) string {
		if text == "" || slices.Contains(strings.Split(list, ", "), text) {
			return list
		}
		return strings.TrimPrefix(list+", "+text, ", ")
	}
	for _, r := range t.rows {
		if release := r.columns["release"]; only == "" || release == only {
			releases, revisions = add(releases, release), add(revisions, r.columns["revision"])
		}
	}
	return releases, revisions
}

// emit sends one Result a host.
func (t *table) emit(ctx context.Context) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, r := range t.rows {
		if !r.listed {
			continue
		}
		event.Emit(ctx, event.Event{Kind: event.Result, Host: r.host, State: r.state(t.dry),
			Columns: maps.Clone(r.columns), Seconds: r.took.Seconds()})
	}
}

type resultArgs struct {
	Columns map[string]any `lua:"columns,arg" doc:"what the last table says of this host by column, such as release; the column state is its state"`
}

// resultPrimitive is host:result.
func (r *runner) resultPrimitive() script.Primitive {
	return script.Func("result", script.Pure, "Sets columns of the last table for this host: release, revision and previous come first, then others. "+
		"Without a state of its own a host is done, failed, refused, interrupted or not touched.",
		func(_ context.Context, h *ssh.Host, a resultArgs) (script.None, error) {
			texts := map[string]string{}
			for name, v := range a.Columns {
				text, err := cell(v)
				if err != nil {
					return script.None{}, fmt.Errorf("%s: %w", name, err)
				}
				texts[name] = text
			}
			r.table.with(h.Name(), func(row *row) {
				for name, text := range texts {
					if name == "state" {
						row.said, row.after = text, row.failed != ""
						continue
					}
					row.columns[name] = text
				}
			})
			return script.None{}, nil
		}).With(`host:result({ release = release, revision = sha, state = "released" })`)
}
