package html_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"runbook/runtime/event"
)

// film creates the events of an invented run. Times are seconds since its begin.
type film struct{ events []event.Event }

func (f *film) at(seconds float64, e event.Event) {
	e.Time = time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC).Add(time.Duration(seconds * float64(time.Second)))
	f.events = append(f.events, e)
}

func (f *film) step(from, to float64, host, line, failure string, path ...string) {
	f.at(from, event.Event{Kind: event.StepBegun, Host: host, Step: path, Line: line})
	f.at(to, event.Event{Kind: event.StepEnded, Host: host, Step: path, Line: line, Seconds: to - from, Error: failure})
}

func (f *film) command(from, to float64, host, line, text, output string, code int, path ...string) {
	f.at(from, event.Event{Kind: event.CommandBegun, Host: host, Step: path, Line: line, Text: text})
	if output != "" {
		f.at(to, event.Event{Kind: event.Output, Host: host, Step: path, Line: line, Text: output, Stream: "stdout"})
	}
	f.at(to, event.Event{Kind: event.CommandEnded, Host: host, Step: path, Line: line, Text: text, Code: &code,
		Seconds: to - from})
}

// sorted returns the events by time.
func (f *film) sorted() []event.Event {
	slices.SortStableFunc(f.events, func(a, b event.Event) int { return a.Time.Compare(b.Time) })
	return f.events
}

// begun returns a film that has only the first event of a run.
func begun(args map[string]any, hosts ...string) *film {
	f := &film{}
	f.at(0, event.Event{Kind: event.RunBegun, Text: "recipes/release.lua", Args: args, By: "ada@laptop", Hosts: hosts,
		Order: []string{"release", "revision"}, Version: event.Version})
	return f
}

// release returns a run that prepares two hosts concurrently, with install more seconds on each,
// and switches them one after the other. With failing, the second host is rolled back.
func release(install float64, failing bool) []event.Event {
	f := begun(map[string]any{"branch": "release", "pip_arg": []any{"--no-index", "--pre"}}, "web1", "web2")
	for _, h := range []string{"web1", "web2"} {
		f.at(.2, event.Event{Kind: event.Connected, Host: h, Text: "deploy@" + h + ":22", Seconds: .1})
		f.at(1, event.Event{Kind: event.HostBegun, Host: h, Line: "recipes/release.lua:90"})
		f.step(1, 2, h, "recipes/lib/build.lua:70", "", "clone 00101fa148")
		f.command(2.1, 2+install, h, "recipes/lib/build.lua:30", "pip install -r requirements.txt",
			"Installed <script>alert(1)</script> on "+h+"\n", 0, "install")
		f.step(2, 2+install, h, "recipes/lib/build.lua:82", "", "install")
		f.at(2+install, event.Event{Kind: event.HostEnded, Host: h, Seconds: 1 + install, State: "prepared"})
	}
	f.at(1.2, event.Event{Kind: event.LockWaiting, Host: "web2", Step: []string{"clone 00101fa148"},
		Text: "held by grace@ci since 11:59"})
	f.at(1.8, event.Event{Kind: event.LockTaken, Host: "web2", Step: []string{"clone 00101fa148"},
		Text: "/srv/app/.runbook.lock"})
	began := 2 + install
	for i, h := range []string{"web1", "web2"} {
		failure, code, state := "", 0, "released"
		if failing && i == 1 {
			failure, code, state = "status 500", 1, "restored"
		}
		name, check := "switch to 20260105-120000", "check http://127.0.0.1:800"+fmt.Sprint(i)+"/health"
		f.at(began, event.Event{Kind: event.HostBegun, Host: h, Line: "recipes/release.lua:96"})
		f.at(began, event.Event{Kind: event.StepBegun, Host: h, Step: []string{name},
			Line: "recipes/lib/activate.lua:58"})
		f.at(began+.1, event.Event{Kind: event.Changed, Host: h, Step: []string{name},
			Text: "current → releases/20260105-120000"})
		f.step(began+.5, began+2, h, "recipes/lib/health.lua:47", failure, name, check)
		f.command(began+.6, began+.8, h, "recipes/lib/health.lua:52", "sleep 0.2", "", 0, name, check)
		f.command(began+.9, began+1.1, h, "recipes/lib/health.lua:52", "sleep 0.2", "", 0, name, check)
		f.command(began+1.2, began+1.3, h, "recipes/lib/health.lua:60", "tail -n 20 error_log", "the log's end\n", code,
			name, check)
		f.at(began+2, event.Event{Kind: event.StepEnded, Host: h, Step: []string{name},
			Line: "recipes/lib/activate.lua:58", Seconds: 2, Error: failure})
		f.at(began+2, event.Event{Kind: event.HostEnded, Host: h, Seconds: 2, State: state, Error: failure})
		began += 2
	}
	f.at(began, event.Event{Kind: event.Warning, Host: "web2", Text: "the disk is 91 % full"})
	code, failure, hint, state, tone := 0, "", "", "released", "good"
	if failing {
		code, state, tone = 1, "restored", "busy"
		failure, hint = "web2: the check failed\n  at recipes/lib/health.lua:63",
			"mend the application and release again"
	}
	f.at(began, event.Event{Kind: event.Result, Host: "web1", State: "released", Tone: "good", Seconds: 9,
		Columns: map[string]string{"release": "20260105-120000", "zone": "a"}})
	f.at(began, event.Event{Kind: event.Result, Host: "web2", State: state, Tone: tone, Seconds: 9,
		Columns: map[string]string{"release": "20260101-120000", "previous": "x"}})
	f.at(began, event.Event{Kind: event.RunEnded, Code: &code, Seconds: began, Error: failure, Hint: hint})
	return f.sorted()
}

// large returns a run on many hosts with long outputs.
func large(hosts, steps int) []event.Event {
	var names []string
	for i := range hosts {
		names = append(names, fmt.Sprintf("web%04d", i+1))
	}
	f := begun(nil, names...)
	for i, h := range names {
		began := float64(i%50) * .1
		f.at(began, event.Event{Kind: event.HostBegun, Host: h, Line: "recipes/large.lua:3"})
		for s := range steps {
			from := began + float64(s)
			title := fmt.Sprintf("%c: do the thing", 'a'+s)
			out := strings.Repeat(fmt.Sprintf("what %s printed in step %d: \"<%x>\"\n", h, s, s*i), 40)
			f.step(from, from+.9, h, fmt.Sprintf("recipes/large.lua:%d", 4+s), "", title)
			f.command(from+.1, from+.8, h, fmt.Sprintf("recipes/large.lua:%d", 5+s), "do --the-thing --host "+h, out, 0,
				title)
		}
		f.at(began+float64(steps), event.Event{Kind: event.HostEnded, Host: h, Seconds: float64(steps), State: "done"})
		f.at(5+float64(steps), event.Event{Kind: event.Result, Host: h, State: "done", Seconds: float64(steps),
			Columns: map[string]string{"release": "20260105-120000"}})
	}
	code := 0
	f.at(5+float64(steps), event.Event{Kind: event.RunEnded, Code: &code, Seconds: 5 + float64(steps)})
	return f.sorted()
}

// killed returns the events of the first seconds, as of a run that is killed then.
func killed(events []event.Event, seconds float64) []event.Event {
	limit := events[0].Time.Add(time.Duration(seconds * float64(time.Second)))
	return events[:slices.IndexFunc(events, func(e event.Event) bool { return e.Time.After(limit) })]
}
