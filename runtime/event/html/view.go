package html

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"runbook/runtime/event"
)

// view is the input of page.html. Everything in it is text.
type view struct {
	Recipe, Path string
	Verdict      verdict
	Began        time.Time
	By, ID       string
	Options      []option
	Error, Hint  string
	Numbers      []figure
	Tables       []table
	Plan         *planView
	Would        shortened
	Hosts, More  table // More is collapsed
	Steps        []stepRow
	Compared     string // the time of the previous run, or ""
	Messages     shortened

	Rows int
	Data data
}

type option struct{ Name, Value string }

// figure is one of the key figures.
type figure struct{ Name, Value, Unit, Beside, Tone string }

// table is a table whose first column names the row.
type table struct {
	Header []string
	Rows   []tableRow
}

type tableRow struct {
	Cells []cell
}

type cell struct {
	Text, Tone string
	Number     bool
}

type stepRow struct {
	Title               string
	Depth, Hue, Hosts   int
	Failed              string
	Typical, Most       string
	Where, Before, Diff string
	Tone                string
	Share               int // per cent of the longest
}

// shortened is a list of limited length.
type shortened struct {
	Lines []line
	More  string
}

type line struct{ At, Host, Kind, Text string }

const mostLines = 200

func shorten(messages []message) shortened {
	var out shortened
	for i, m := range messages {
		if i == mostLines {
			out.More = grouped(len(messages) - i)
			break
		}
		out.Lines = append(out.Lines, line{words(m.at), m.host, noteNames[m.kind], m.text})
	}
	return out
}

func (r *Report) view(opts Options) view {
	r.close()
	all, byKey := r.groups()
	compare(byKey, opts.Previous)
	v := view{
		Recipe: r.recipe(), Path: r.begun.Text, Verdict: r.verdict(), Began: r.first.UTC(), By: r.begun.By, ID: opts.ID,
		Options: options(r.begun.Args), Plan: planOf(r.plan), Would: shorten(r.would), Messages: shorten(r.messages),
		Rows: len(r.rows), Data: r.data(all),
	}
	v.Hosts, v.More = r.hosts()
	if r.ended != nil {
		v.Error, v.Hint = r.ended.Error, r.ended.Hint
	}
	for _, e := range r.tables {
		v.Tables = append(v.Tables, shown(e))
	}
	if opts.Previous != nil {
		v.Compared = opts.Previous.first.UTC().Format("2 January 2006, 15:04")
	}
	v.Steps = steps(listed(all))
	v.Numbers = r.numbers(listed(all), opts.Previous)
	return v
}

func options(args map[string]any) []option {
	var out []option
	for _, name := range slices.Sorted(maps.Keys(args)) {
		o := option{Name: "--" + strings.ReplaceAll(name, "_", "-")}
		switch v := args[name].(type) {
		case []any:
			var parts []string
			for _, item := range v {
				parts = append(parts, fmt.Sprint(item))
			}
			o.Value = strings.Join(parts, "\n")
		case []string:
			o.Value = strings.Join(v, "\n")
		default:
			o.Value = fmt.Sprint(v)
		}
		out = append(out, o)
	}
	return out
}

// shown returns a table of the recipe.
func shown(e event.Event) table {
	t := table{Header: e.Header}
	for _, row := range e.Rows {
		var cells []cell
		for _, text := range row {
			cells = append(cells, cell{Text: text})
		}
		t.Rows = append(t.Rows, tableRow{cells})
	}
	return t
}

// mostHosts limits the rows of the last table. Laying out a thousand rows takes as long as the rest
// of the page.
const mostHosts = 40

// hosts returns the last table. With many hosts, more has the successful ones and those beyond
// mostHosts.
func (r *Report) hosts() (shown, more table) {
	var results []event.Event
	for _, row := range r.rows {
		if row.result != nil {
			results = append(results, *row.result)
		}
	}
	names := event.ColumnNames(r.begun.Order, results)
	shown.Header = slices.Concat([]string{"host", "state"}, names, []string{"time"})
	more.Header = shown.Header
	for _, row := range r.rows {
		if row.result == nil {
			continue
		}
		cells := []cell{{Text: row.host}, {Text: row.result.State, Tone: row.tone()}}
		for _, name := range names {
			cells = append(cells, cell{Text: row.result.Columns[name]})
		}
		cells = append(cells, cell{Text: words(duration(row.result.Seconds)), Number: true})
		if len(r.rows) > mostHosts && (row.tone() == "good" || len(shown.Rows) >= mostHosts) {
			more.Rows = append(more.Rows, tableRow{cells})
			continue
		}
		shown.Rows = append(shown.Rows, tableRow{cells})
	}
	return shown, more
}

// failures returns how many hosts failed in a step, or "failed" outside of any host.
func (g *group) failures() string {
	switch {
	case g.failed > 0:
		return grouped(g.failed) + " failed"
	case g.broke:
		return "failed"
	}
	return ""
}

func steps(all []*group) []stepRow {
	var longest time.Duration
	for _, g := range all {
		longest = max(longest, typical(g.took))
	}
	var out []stepRow
	for _, g := range all {
		now := typical(g.took)
		s := stepRow{Title: g.title, Depth: min(g.depth, 6), Hue: g.hue, Hosts: len(g.took), Failed: g.failures(),
			Typical: words(now), Most: words(g.most), Where: g.where, Share: int(100 * now / max(1, longest))}
		if len(g.before) > 0 {
			s.Before, s.Diff = words(typical(g.before)), "same"
			if by := g.slower(); by != 0 {
				s.Diff, s.Tone = signed(by), "good"
				if by > 0 {
					s.Tone = "bad"
				}
			}
		}
		out = append(out, s)
	}
	return out
}
