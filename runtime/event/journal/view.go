package journal

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"runbook/runtime/event"
)

// Table lists runs, one a row.
func Table(runs []Run, now time.Time) event.Event {
	var facts []string
	for _, r := range runs {
		for _, f := range r.About {
			if !slices.Contains(facts, f.Name) {
				facts = append(facts, f.Name)
			}
		}
	}
	e := event.Event{Kind: event.Table, Header: slices.Concat([]string{"run", "when", "recipe"}, facts,
		[]string{"hosts", "result", "time"})}
	for _, r := range runs {
		result := r.Outcome()
		if r.DryRun && r.Result == Done {
			result = "dry run"
		}
		row := []string{r.ID, shortTime(r.Begun.Local(), now), shortName(r.Recipe)}
		for _, name := range facts {
			row = append(row, shortHash(r.Fact(name)))
		}
		e.Rows = append(e.Rows, append(row, shortHosts(r.Hosts), result, event.Seconds(r.Seconds)))
	}
	return e
}

// Head describes a run. commandLine is the recipe with its options.
func (r Run) Head(commandLine string) event.Event {
	e := event.Event{Kind: event.Table, Rows: [][]string{
		{"run", r.ID},
		{"recipe", commandLine},
		{"by", r.By},
		{"began", r.Begun.Local().Format(time.RFC3339)},
		{"hosts", allHosts(r.Hosts)},
		{"result", r.Outcome() + ", " + event.Seconds(r.Seconds)},
	}}
	for _, f := range r.About {
		e.Rows = append(e.Rows, []string{f.Name, f.Text})
	}
	return e
}

// allHosts names the hosts, or returns their number if there are too many.
func allHosts(names []string) string {
	const most = 1000
	if len(names) > most {
		return strconv.Itoa(len(names))
	}
	return strings.Join(names, " ")
}

// Outcome returns the result, whether the run was a dry run, and which hosts it skipped.
func (r Run) Outcome() string {
	text := string(r.Result)
	if r.DryRun {
		text += ", dry run"
	}
	if len(r.Skipped) > 0 {
		names := strings.Join(r.Skipped, " ")
		if len(names) > 30 {
			names = fmt.Sprintf("%d hosts", len(r.Skipped))
		}
		text += ", without " + names
	}
	return text
}

// Previous returns the last successful run of a recipe before a time: a dry run if dry is set, else
// a real one. Runs that cannot be read are skipped.
func Previous(dir, recipe string, dry bool, before time.Time) (Run, bool) {
	runs, _ := List(dir)
	i := slices.IndexFunc(runs, func(r Run) bool {
		return r.Recipe == recipe && r.DryRun == dry && r.Result == Done && r.Begun.Before(before)
	})
	if i < 0 {
		return Run{}, false
	}
	return runs[i], true
}

// mostTypical is the number of runs that Typical looks at.
const mostTypical = 5

// Typical returns the median duration of the last successful runs of a recipe on these hosts, and
// their number. Dry runs do not count, and runs that cannot be read are skipped.
func Typical(dir, recipe string, hosts []string) (seconds float64, runs int) {
	all, _ := List(dir)
	var took []float64
	for _, r := range all {
		same := slices.Equal(slices.Sorted(slices.Values(r.Hosts)), slices.Sorted(slices.Values(hosts)))
		if r.Recipe == recipe && !r.DryRun && r.Result == Done && same && len(took) < mostTypical {
			took = append(took, r.Seconds)
		}
	}
	if len(took) == 0 {
		return 0, 0
	}
	slices.Sort(took)
	return took[len(took)/2], len(took)
}

// StepsPerHost returns the greatest number of steps that a host took in the run; 0 if the run
// cannot be read. Only the events of steps are parsed: every run reads its predecessor, which may
// be nearly all output.
func (r Run) StepsPerHost() int {
	count, most := map[string]int{}, 0
	for line, err := range records(r.Path) {
		if err != nil {
			return 0
		}
		if !bytes.Contains(line, []byte(event.StepEnded)) {
			continue
		}
		var e struct {
			Kind event.Kind
			Host string
		}
		if json.Unmarshal(line, &e) != nil {
			return 0
		}
		if e.Kind == event.StepEnded && e.Host != "" {
			count[e.Host]++
			most = max(most, count[e.Host])
		}
	}
	return most
}

// Options returns the recipe's options as they were given to a run, as words of a command line,
// sorted by name.
func Options(events []event.Event) []string {
	var words []string
	for _, e := range events {
		if e.Kind != event.RunBegun {
			continue
		}
		for _, name := range slices.Sorted(maps.Keys(e.Args)) {
			list, ok := e.Args[name].([]any)
			if !ok {
				list = []any{e.Args[name]}
			}
			for _, item := range list {
				words = append(words, "--"+strings.ReplaceAll(name, "_", "-"), fmt.Sprint(item))
			}
		}
	}
	return words
}

// Steps lists the steps of a run in the order in which they began. A recipe without steps has its
// commands listed.
func (r Run) Steps(events []event.Event) event.Event {
	spans := pair(events, event.StepBegun, event.StepEnded)
	if len(spans) == 0 {
		spans = pair(events, event.CommandBegun, event.CommandEnded)
	}
	e := event.Event{Kind: event.Table, Header: []string{"after", "host", "step", "took", "result"}}
	for _, s := range spans {
		e.Rows = append(e.Rows, []string{event.Seconds(s.begun.Sub(r.Begun).Seconds()), s.host, s.title, s.took,
			s.result})
	}
	return e
}

// span is a step or a command of a run.
type span struct {
	begun        time.Time
	host, title  string
	took, result string
}

// pair returns the steps, or the commands, in the order in which they began.
func pair(events []event.Event, begun, ended event.Kind) []span {
	var all []span
	open := map[string][]int{} // by host and path: places in all
	for _, e := range events {
		path := strings.Join(e.Step, "\x00")
		key := e.Host + "\x01" + path
		switch e.Kind {
		case begun:
			s := span{begun: e.Time, host: e.Host, title: strings.Join(e.Step, " > "), result: "no end"}
			if begun == event.CommandBegun {
				s.title, _, _ = strings.Cut(strings.TrimSpace(e.Text), "\n")
			}
			open[key] = append(open[key], len(all))
			all = append(all, s)
		case ended:
			if len(open[key]) == 0 {
				continue
			}
			i := open[key][0]
			open[key] = open[key][1:]
			all[i].took, all[i].result = event.Seconds(e.Seconds), "done"
			switch {
			case e.Error != "":
				all[i].result, _, _ = strings.Cut(e.Error, "\n")
			case e.Code != nil && *e.Code != 0:
				all[i].result = fmt.Sprintf("exit status %d", *e.Code)
			}
		}
	}
	return all
}

// shortTime is a time of today, or a day, in local time. The run's name has the whole time in UTC.
func shortTime(at, now time.Time) string {
	if at.Format(time.DateOnly) == now.In(at.Location()).Format(time.DateOnly) {
		return at.Format("15:04")
	}
	return at.Format("Jan _2")
}

// shortName is a recipe's name without folder and suffix, or the beginning of a command.
func shortName(recipe string) string {
	const longest = 14
	if name, ok := strings.CutSuffix(filepath.Base(recipe), ".lua"); ok {
		return name
	}
	if text := []rune(recipe); len(text) > longest {
		return string(text[:longest]) + "…"
	}
	return recipe
}

// shortHash shortens a text of 40 or 64 hex digits, such as a commit's, to ten.
func shortHash(text string) string {
	if (len(text) == 40 || len(text) == 64) && strings.Trim(text, "0123456789abcdef") == "" {
		return text[:10]
	}
	return text
}

// shortHosts names the hosts of a run, or returns their number.
func shortHosts(hosts []string) string {
	const longest = 12
	if names := strings.Join(hosts, " "); len(names) <= longest || len(hosts) == 1 {
		return names
	}
	return strconv.Itoa(len(hosts))
}
