package html

import (
	"time"

	"runbook/runtime/event"
)

// data is the input of the page's script. Numbers are in flat lists, and each text is once in Texts
// and referred to by its index, because a run on a thousand hosts has tens of thousands of bars.
// Times are milliseconds since the run began.
type data struct {
	Begun  int64      `json:"begun"` // Unix time in milliseconds
	Took   int64      `json:"took"`
	Lanes  int        `json:"lanes"`  // the maximum depth of nested bars
	Texts  []string   `json:"texts"`  // the first is ""
	Groups [][3]int64 `json:"groups"` // colour; the typical time of the step, and in the previous run (-1 for unknown)
	Rows   []dataRow  `json:"rows"`
}

type dataRow struct {
	Host  int     `json:"h"` // an index of Texts; "" is the run itself
	State int     `json:"s"` // an index of Texts
	Tone  string  `json:"t"`
	Alive []int64 `json:"a,omitempty"` // from, to: when the host's function ran
	Bars  []int64 `json:"b,omitempty"` // see bar
	Runs  []int64 `json:"c,omitempty"` // see bar
	Notes []int64 `json:"n,omitempty"` // see bar
}

// The flags of a bar, as in model.js.
const (
	flagFailed = 1 << iota
	flagNoEnd
	flagWaits
	flagCommand
)

// noCode is the exit status of a command without one.
const noCode = -1 << 20

// texts stores each text once.
type texts struct {
	list  []string
	place map[string]int
}

func (t *texts) at(text string) int {
	if t.place == nil {
		t.place = map[string]int{"": 0}
		t.list = []string{""}
	}
	i, ok := t.place[text]
	if !ok {
		i = len(t.list)
		t.place[text], t.list = i, append(t.list, text)
	}
	return i
}

// limits are the maximum lengths of texts.
type limits struct{ output, failedOutput, text int }

func (r *Report) limits() limits {
	outputs, failed, texts := 0, 0, map[string]bool{}
	for _, row := range r.rows {
		for _, s := range row.spans {
			for _, c := range s.runs {
				texts[c.text] = true
				switch {
				case c.output.text == "":
				case c.failed():
					failed++
				default:
					outputs++
				}
			}
			for _, n := range s.notes {
				texts[n.text] = true
			}
		}
	}
	return limits{
		output:       share(allOutput/2, outputs, leastOutput, mostOutput),
		failedOutput: share(allOutput/2, failed, leastOutput, mostOutput),
		text:         share(allTexts, len(texts), leastText, mostText),
	}
}

func (c *run) failed() bool { return c.error != "" || c.code != nil && *c.code != 0 }

// data returns the data of a closed report.
func (r *Report) data(all []*group) data {
	var t texts
	t.at("")
	d := data{Begun: r.first.UnixMilli(), Took: max(1, r.took().Milliseconds()), Lanes: 1, Groups: [][3]int64{},
		Rows: []dataRow{}}
	place := map[*group]int64{}
	for i, g := range all {
		place[g] = int64(i)
		before := int64(-1)
		if len(g.before) > 0 {
			before = typical(g.before).Milliseconds()
		}
		d.Groups = append(d.Groups, [3]int64{int64(g.hue), typical(g.took).Milliseconds(), before})
	}
	room := r.limits()
	for _, row := range r.rows {
		out := dataRow{Host: t.at(row.host), State: t.at(row.state()), Tone: row.tone()}
		bars, drawn := map[*span]int64{}, int64(0)
		for _, s := range row.spans {
			if !s.drawn() {
				bars[s] = -1
				out.Alive = append(out.Alive, s.begun.Milliseconds(), s.end.Milliseconds())
				continue
			}
			bars[s] = drawn
			drawn++
		}
		for _, s := range row.spans {
			if s.drawn() {
				out.bar(s, &t, room, place[s.group], bars)
				d.Lanes = max(d.Lanes, s.lane()+1)
			}
		}
		d.Rows = append(d.Rows, out)
	}
	d.Texts = t.list
	return d
}

// bar adds a span to Bars: title, group, begin, length, lane, parent bar or -1, flags, recipe line,
// error. It adds its commands to Runs: bar, text, recipe line, begin, length, exit status, error,
// output. It adds its notes to Notes: bar, kind, text, time.
func (d *dataRow) bar(s *span, t *texts, room limits, group int64, bars map[*span]int64) {
	parent := int64(-1)
	if s.parent != nil {
		parent = bars[s.parent]
	}
	d.Bars = append(d.Bars, int64(t.at(s.title())), group, s.begun.Milliseconds(), length(s.begun, s.end),
		int64(s.lane()), parent,
		s.flags(), int64(t.at(s.line)), int64(t.at(head(s.error, room.text))))
	for _, c := range s.runs {
		code, output := int64(noCode), room.output
		if c.code != nil {
			code = int64(*c.code)
		}
		if c.failed() {
			output = room.failedOutput
		}
		d.Runs = append(d.Runs, bars[s], int64(t.at(head(c.text, room.text))), int64(t.at(c.line)),
			c.begun.Milliseconds(), length(c.begun, c.end),
			code, int64(t.at(head(c.error, room.text))), int64(t.at(c.output.last(output).String())))
	}
	for _, n := range s.notes {
		d.Notes = append(d.Notes, bars[s], int64(t.at(noteNames[n.kind])), int64(t.at(head(n.text, room.text))),
			n.at.Milliseconds())
	}
}

func (s *span) flags() int64 {
	var flags int64
	if s.error != "" {
		flags |= flagFailed
	}
	if !s.ended {
		flags |= flagNoEnd
	}
	if s.waits {
		flags |= flagWaits
	}
	if s.what == command {
		flags |= flagCommand
	}
	return flags
}

func length(begun, end time.Duration) int64 { return max(0, (end - begun).Milliseconds()) }

// noteNames are the labels of notes.
var noteNames = map[event.Kind]string{
	event.Connected: "as", event.Changed: "changed", event.WouldChange: "would", event.Assumed: "assumed",
	event.KeyUsed:    "key used",
	event.KeyRefused: "key refused", event.LockTaken: "lock", event.LockWaiting: "waiting", event.Info: "info",
	event.Warning: "warning", event.Printed: "printed", event.Skipped: "skipped", event.Disconnected: "connection lost",
}
