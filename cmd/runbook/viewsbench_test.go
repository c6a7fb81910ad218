//go:build unix

package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"

	"runbook/cmd/runbook/recipetest"
	"runbook/runtime/event"
	"runbook/runtime/event/ci"
	"runbook/runtime/event/html"
	"runbook/runtime/event/journal"
	"runbook/runtime/event/jsonl"
	"runbook/runtime/event/terminal"
	"runbook/runtime/inventory"
	"runbook/runtime/lab/labtest"
	"runbook/runtime/recipe"
	"runbook/runtime/run"
)

// BenchmarkViews measures the cost of views: a recipe with eight steps, on half of the hosts at a
// time, with views and with none, in pairs of alternating order. It reports how much longer, in
// percent, the run with views took, and how much more processor time this process used, which
// includes the hosts' server.
//
// "waiting" is a typical run: 100 hosts, and commands that print 20 lines and take 0.3 s. "writing"
// is the worst case: commands that wait for nothing and print 200 lines each. Both have all views:
// the live screen on a terminal of 120 columns, --json to a file, the journal, the page of --report,
// and the summary for GitHub. "screen" and "screen, writing" have the screen alone, and the first
// of them has 1,000 hosts.
func BenchmarkViews(b *testing.B) {
	l := labtest.Start(b, "web1")
	web := l.Hosts
	const line = "Collecting a-package-with-a-name==1.2.%s (from -r requirements.txt (line %s))"
	waiting := "seq -f '" + fmt.Sprintf(line, "%g", "1") + "' 20; sleep 0.3"
	writing := "seq -f '" + fmt.Sprintf(line, "%g", "1") + "' 200"
	for _, work := range []struct {
		name, command string
		hosts         int
		views         views
	}{
		{"waiting", waiting, 100, allViews},
		{"writing", writing, 100, allViews},
		{"screen", waiting, 1000, onlyScreen},
		{"screen, writing", writing, 100, onlyScreen},
	} {
		b.Run(work.name, func(b *testing.B) {
			recipe := filepath.Join(b.TempDir(), "r.lua")
			text := fmt.Sprintf("recipe {}\neach(hosts, { at_once = %d }, function(host)\n  for i = 1, 8 do\n"+
				"    step(\"part \" .. i, function() host:run(%q) end)\n  end\nend)\n", work.hosts/2, work.command)
			if err := os.WriteFile(recipe, []byte(text), 0o600); err != nil {
				b.Fatal(err)
			}
			hosts := many(b, l, web[0], work.hosts)
			var longer, busier []float64
			for b.Loop() {
				var bare, seen spent
				if len(longer)%2 == 0 {
					bare = runSeen(b, recipe, hosts, nil)
				}
				seen = runSeen(b, recipe, hosts, work.views)
				if len(longer)%2 == 1 {
					bare = runSeen(b, recipe, hosts, nil)
				}
				longer = append(longer, percent(seen.wall, bare.wall))
				busier = append(busier, percent(seen.cpu, bare.cpu))
			}
			slices.Sort(longer)
			slices.Sort(busier)
			b.ReportMetric(longer[len(longer)/2], "%-longer-median")
			b.ReportMetric(longer[0], "%-longer-min")
			b.ReportMetric(longer[len(longer)-1], "%-longer-max")
			b.ReportMetric(busier[len(busier)/2], "%-cpu-median")
		})
	}
}

func percent(with, without time.Duration) float64 {
	return 100 * (with.Seconds()/without.Seconds() - 1)
}

// spent is the elapsed time and the processor time of a run.
type spent struct{ wall, cpu time.Duration }

// views opens views of a run. end closes what they write to.
type views func(b *testing.B, plan *run.Plan) (sinks []event.Sink, end func())

// runSeen runs a recipe with views.
func runSeen(b *testing.B, path, hosts string, open views) spent {
	b.Helper()
	api, err := recipetest.API()
	if err != nil {
		b.Fatal(err)
	}
	d, err := recipe.Load(b.Context(), api, event.NewStream(), path, nil)
	if err != nil {
		b.Fatal(err)
	}
	plan, err := run.Prepare(b.Context(), d, run.Options{Inventory: inventory.Options{Hosts: []string{hosts},
		SSHConfig: "none", ConnectTimeout: time.Minute}})
	if err != nil {
		b.Fatal(err)
	}
	before, began := processorTime(b), time.Now()
	var sinks []event.Sink
	end := func() {}
	if open != nil {
		sinks, end = open(b, plan)
	}
	stream := event.NewStream(sinks...)
	if err := plan.Run(b.Context(), stream); err != nil {
		b.Fatal(err)
	}
	if err := stream.Close(); err != nil {
		b.Fatal(err)
	}
	end()
	return spent{time.Since(began), processorTime(b) - before}
}

func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// page is the sink of --report.
type page struct {
	html.Report
	path string
}

// Close writes the page.
func (p *page) Close() error { return p.WriteFile(p.path, html.Options{}) }

func allViews(b *testing.B, plan *run.Plan) (sinks []event.Sink, end func()) {
	b.Helper()
	dir := b.TempDir()
	record, err := journal.Create(dir, time.Now())
	if err != nil {
		b.Fatal(err)
	}
	lines, err := os.Create(filepath.Join(dir, "lines"))
	if err != nil {
		b.Fatal(err)
	}
	sinks = []event.Sink{record, &page{path: filepath.Join(dir, "page.html")}, jsonl.New(lines)}
	getenv := func(name string) string {
		return map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": filepath.Join(dir, "summary")}[name]
	}
	shield, err := ci.Protect(getenv, io.Discard)
	if err != nil {
		b.Fatal(err)
	}
	sinks = append(sinks, ci.Sinks(getenv, shield)...)
	screen, endScreen := onlyScreen(b, plan)
	return append(sinks, screen...), func() {
		endScreen()
		if err := lines.Close(); err != nil {
			b.Error(err)
		}
	}
}

func onlyScreen(b *testing.B, plan *run.Plan) (sinks []event.Sink, end func()) {
	b.Helper()
	ours, screen, err := pty.Open()
	if err != nil {
		b.Fatal(err)
	}
	if err := pty.Setsize(ours, &pty.Winsize{Cols: 120, Rows: 40}); err != nil {
		b.Fatal(err)
	}
	read := make(chan struct{})
	go func() { // like a terminal window, until the terminal is closed
		defer close(read)
		_, _ = io.Copy(io.Discard, ours)
	}()
	shown := terminal.Options{Out: screen, Err: screen, Colour: true, Screen: screen, OutOnScreen: true, Steps: 8}
	for _, h := range plan.Hosts {
		shown.Hosts = append(shown.Hosts, h.Name)
	}
	return []event.Sink{terminal.New(shown)}, func() {
		if err := screen.Close(); err != nil {
			b.Error(err)
		}
		<-read
		if err := ours.Close(); err != nil {
			b.Error(err)
		}
	}
}
