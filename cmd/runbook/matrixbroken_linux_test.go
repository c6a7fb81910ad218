package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// breaking is a hook that breaks the application of a release after its import check, if a variable
// is set.
const breaking = `
  before_switch = function(host, release)
    if env("MATRIX_BREAK") then
      host:run({ "sh", "-c", 'echo "import nowhere" >> "$1"', "sh", release.dir .. "/wsgi.py" })
    end
  end,`

// leaveBroken injects faults into a release of a broken application, from its first switch on.
// Whatever is left, a rollback and then a release of a good commit must work at once, on hosts with
// OpenSSH and Apache.
func (w *worker) leaveBroken(t *testing.T) {
	w.runs = 1 // r00000 is the name of a release that is there to be pruned
	w.site = newMatrixSite(t, true, true, w.source)
	defer w.site.close(t)
	if !w.full { // pip is not under test
		tools, err := w.site.real.Tools("/usr/bin/python3")
		if err != nil {
			t.Fatal(err)
		}
		w.site.env = append(w.site.env, "RUNBOOK_PYTHON="+tools.Python)
	}
	app := filepath.Join(w.site.dir, "recipes/app.lua")
	text, err := os.ReadFile(app)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(app, []byte(strings.Replace(string(text), "return {", "return {"+breaking, 1)),
		0o644); err != nil {
		t.Fatal(err)
	}
	w.make(t)
	w.make(t)
	// All faults strike during the switch to the same broken release.
	w.site.broken = true
	bad := "bad"
	w.site.env = append(w.site.env, "MATRIX_BREAK=1")
	unharmed := w.run(t, w.brokenArguments(bad), nil)
	w.site.env = w.site.env[:len(w.site.env)-1]
	if unharmed.code != 1 || unharmed.states["web1"] != "restored" || unharmed.states["web2"] != "prepared" {
		t.Fatalf("a broken release ended with %d, %v: %s", unharmed.code, unharmed.states, unharmed.words)
	}
	unharmed = w.run(t, w.brokenArguments(bad), nil)
	for i, p := range w.brokenPoints(unharmed) {
		if p.row < *matrix.from || p.row > *matrix.to || i%*matrix.workers != w.number {
			continue
		}
		if !w.full {
			if i%6 != 0 {
				continue
			}
			w.brokenCell(t, w.faults[i/6%len(w.faults)], p, bad)
			continue
		}
		for _, f := range w.faults {
			w.brokenCell(t, f, p, bad)
		}
	}
}

func (w *worker) brokenArguments(release string) []string {
	return append([]string{"run", "recipes/release.lua", "--json", "--import-check=false", "--health-within", "2s",
		"--keep", "9", "--release", release},
		w.site.flags...)
}

// brokenPoints returns the operations from the first switch on. The health check repeats its
// requests; two of them count.
func (w *worker) brokenPoints(r *matrixRun) []point {
	count, seen := map[string]int{}, map[string]int{}
	var points []point
	for i, o := range r.operations {
		host, _, _ := strings.Cut(o, " ")
		count[host]++
		if seen[o]++; i < r.building || seen[o] > 2 {
			continue
		}
		w.result.describe(i+1, o)
		points = append(points, point{row: i + 1, nth: count[host], host: host})
	}
	return points
}

// brokenCell injects a fault into the switch to a broken release, and then runs both recoveries.
func (w *worker) brokenCell(t *testing.T, f fault, p point, bad string) {
	ok := t.Run(fmt.Sprintf("%d %s", p.row, f.name), func(t *testing.T) {
		stage := stage{serve: true, arguments: func() []string { return w.brokenArguments(bad) }}
		verdict, _ := w.struck(t, f, stage, p)
		good := w.made[len(w.made)-1]
		if good == w.last {
			good = w.made[len(w.made)-2]
		}
		began := time.Now()
		w.leave(t, []string{"run", "recipes/rollback.lua", "--json", "--release", w.last}, w.last)
		took := time.Since(began)
		w.leave(t, append([]string{"run", "recipes/release.lua", "--json", "--keep", "9", "--release", good},
			w.site.flags...), good)
		if w.last = good; verdict == "" {
			verdict = "ok, late" // the health check asked fewer times, and the run had ended before
		}
		w.result.note(f.name, p.row, fmt.Sprintf("%s, %.0fs back", verdict, took.Seconds()))
	})
	if !ok {
		w.result.note(f.name, p.row, "FAILED")
	}
}

// leave runs one recovery from a fault, and expects the release target on both hosts.
func (w *worker) leave(t *testing.T, args []string, target string) {
	t.Helper()
	done := w.run(t, args, nil)
	if done.code != 0 {
		t.Fatalf("%s\nended with %d:\n%s", strings.Join(args, " "), done.code, done.words)
	}
	w.now = map[string]string{"web1": target, "web2": target}
	w.noted = w.now
	w.site.broken = false
	defer func() { w.site.broken = true }()
	for host, name := range w.now {
		if seen := w.site.see(t, host); !strings.Contains(seen.answer, "release "+name+",") ||
			filepath.Base(seen.link) != name {
			t.Errorf("%s: after %s, %s is current, and it serves %q", host, strings.Join(args, " "), seen.link,
				seen.answer)
		}
	}
	w.settled(t, soon, done.mark)
}
