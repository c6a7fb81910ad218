package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
	"time"
)

// cell injects faults at a point, each into a run of its own, and then, if spare, expects the next
// run to succeed.
func (w *worker) cell(t *testing.T, s stage, p point, faults []fault, spare bool) {
	var next []string
	for _, f := range faults {
		verdict := ""
		verdict, next = w.struck(t, f, s, p)
		if verdict == "" && !t.Failed() { // what an earlier strike left made the run shorter
			w.pass(t, next)
			verdict, next = w.struck(t, f, s, p)
		}
		if verdict == "" && !t.Failed() {
			t.Errorf("the run had ended before there was an operation %d %s", p.nth, p.host)
		}
		if t.Failed() {
			verdict = "FAILED"
		}
		w.result.note(f.name, p.row, verdict)
		if t.Failed() {
			return
		}
	}
	if spare {
		w.pass(t, next)
	}
	if t.Failed() {
		w.result.note(faults[len(faults)-1].name, p.row, "FAILED")
	}
}

// pass expects a run to succeed.
func (w *worker) pass(t *testing.T, args []string) {
	t.Helper()
	done := w.succeed(t, args)
	current, logged := w.check(t, done.target)
	for host, now := range current {
		if now != done.target || logged[host] != now {
			t.Errorf("%s: %s is current after the next run of %s, and the last in releases.log is %s", host, now,
				done.target, logged[host])
		}
	}
	w.settled(t, soon, done.mark)
}

// struck injects one fault into one run at a point. It returns the result for the table, "" if
// there was no such operation, and the command line of the next run: the one that an interrupted
// release names, or else another of this stage.
func (w *worker) struck(t *testing.T, f fault, s stage, p point) (verdict string, next []string) {
	host, seen := "", map[string]int{}
	r := w.run(t, s.arguments(), func(process *os.Process, at string) bool {
		seen[at]++
		if at != p.host || seen[at] != p.nth {
			return false
		}
		host = at
		f.strike(t, w.site, process, at)
		return true
	})
	if r.code != 0 && !(r.struck && slices.Contains(f.codes, r.code)) && !(w.job == "broken" && r.code == 1) {
		t.Errorf("runbook ended with %d:\n%s", r.code, r.words)
	}
	took := w.settled(t, f.within, r.mark)
	now, logged := w.check(t, r.target)
	if r.code >= 0 {
		w.believe(t, r, now, logged)
	}
	if f.mend != nil && r.struck {
		f.mend(t, w.site, host)
	}
	if t.Failed() {
		t.Logf("it struck at %s of\n%s\nwhich ended with %d: %s\nnext: %s\n"+
			"what the hosts have: %v\nwhat it said of them: %v",
			host, strings.Join(r.operations, "\n"), r.code, r.words, r.hint, now, r.states)
	}
	w.now, w.noted = now, logged
	if next = finishing(t, r.hint); next == nil {
		next = s.arguments()
	}
	switch seconds := int(took.Seconds() + 0.5); {
	case !r.struck:
		return "", next
	case seconds > 0:
		return fmt.Sprintf("ok %ds", seconds), next
	}
	return "ok", next
}

// settled waits until runbook has left no process on the hosts and this machine, and no lock is
// held. It returns how long that took.
func (w *worker) settled(t *testing.T, within time.Duration, mark string) time.Duration {
	t.Helper()
	began := time.Now()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		left := append(w.site.leftovers(t), ours(t, mark)...)
		if len(left) == 0 {
			return time.Since(began)
		}
		if time.Since(began) > within {
			t.Errorf("after %v there is still:\n%s", within, strings.Join(left, "\n"))
			return time.Since(began)
		}
		<-tick.C
	}
}

// check asserts the guarantees on both hosts: current is the old or the new release, and complete;
// every line of the log is whole; the deploy key is nowhere on the disk; the server runs a complete
// release. It returns the current release of each host, and the last switch in its log.
func (w *worker) check(t *testing.T, target string) (now, logged map[string]string) {
	t.Helper()
	now, logged = map[string]string{}, map[string]string{}
	for _, host := range []string{"web1", "web2"} {
		seen, before := w.site.see(t, host), w.before(host, target)
		name := path.Base(seen.link)
		now[host] = name
		if path.Dir(seen.link) != w.site.Root(host)+"/releases" || name != w.now[host] && name != before &&
			name != target {
			t.Errorf("%s: current points to %q, want releases/%s or releases/%s", host, seen.link, before, target)
		}
		var marker struct{ Release, Revision string }
		if err := json.Unmarshal([]byte(seen.marker), &marker); err != nil || marker.Release != name ||
			len(marker.Revision) != 40 {
			t.Errorf("%s: %s is current, and its .runbook.json is %q", host, name, seen.marker)
		}
		for line := range strings.Lines(seen.log) {
			var entry struct{ At, By, Action, Release string }
			err := json.Unmarshal([]byte(line), &entry)
			if strings.TrimSpace(line) != "" && (err != nil || entry.Action == "" || entry.Release == "" &&
				entry.Action != "restore") {
				t.Errorf("%s: in releases.log: %q: %v", host, line, err)
			}
			if entry.Action != "" && entry.Action != "prune" {
				logged[host] = entry.Release
			}
		}
		if seen.leaked != "" {
			t.Errorf("%s: the deploy key is in %s", host, seen.leaked)
		}
		if w.site.serve && !w.site.broken && !strings.Contains(seen.answer, "release "+before+",") &&
			!strings.Contains(seen.answer, "release "+target+",") {
			t.Errorf("%s: it serves %q, want release %s or %s", host, seen.answer, before, target)
		}
	}
	return now, logged
}

// before returns the release that a host goes back to if a run for target fails: its current one.
// If that is target, the fault struck after the switch, and the log names the release before it.
func (w *worker) before(host, target string) string {
	if w.now[host] == target {
		return w.noted[host]
	}
	return w.now[host]
}

// believe compares the last table with the hosts, and after an interrupt with their logs.
func (w *worker) believe(t *testing.T, r *matrixRun, now, logged map[string]string) {
	for host, name := range now {
		switch state := r.states[host]; state {
		case "released", "rolled back", "was current already":
			if name != r.target {
				t.Errorf("%s: it is said to be %s, and has %s", host, state, name)
			}
			if r.code == 130 && logged[host] != name {
				t.Errorf("%s: it is said to be %s, and the last in releases.log is %s", host, state, logged[host])
			}
		case "not touched", "prepared", "not switched", "refused", "no connection":
			if name != w.now[host] {
				t.Errorf("%s: it is said to be %s, and has %s instead of %s", host, state, name, w.now[host])
			}
		case "restored":
			if before := w.before(host, r.target); name != before {
				t.Errorf("%s: it is said to be restored, and has %s instead of %s", host, name, before)
			}
		}
	}
}

// finishing returns the words of the command in a hint that finishes an interrupted release, or
// nil.
func finishing(t *testing.T, hint string) []string {
	_, command, ok := strings.Cut(hint, "to finish what was begun: runbook run ")
	if !ok {
		return nil
	}
	command, _, _ = strings.Cut(command, "\n")
	words, err := shellWords("run " + command)
	if err != nil {
		t.Fatalf("%s: %v", command, err)
	}
	return words
}
