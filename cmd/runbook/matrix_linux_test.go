package main

import (
	"flag"
	"fmt"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// matrixFlags say which part of the matrix to run. The whole of it takes hours, so it can be run in parts:
//
//	go test ./cmd/runbook -run TestMatrix -timeout 3h -v -matrix=full -matrix.jobs=release -matrix.faults=link,disk -matrix.from=10 -matrix.to=20
type matrixFlags struct {
	kind, faults, jobs, serve *string
	from, to, workers, spared *int
}

var matrix = matrixFlags{
	kind:    flag.String("matrix", "short", "short: SIGINT and SIGKILL on hosts in this process; full: all faults on hosts with OpenSSH"),
	faults:  flag.String("matrix.faults", "", "only these faults, such as sigint,disk"),
	jobs:    flag.String("matrix.jobs", "release,rollback,broken", "what is struck; broken: a release whose application does not work"),
	serve:   flag.String("matrix.serve", "switch", "full: with pip, Apache, a graceful restart and a health check in none, all, or the operations from the switch on"),
	from:    flag.Int("matrix.from", 1, "the first operation at which a fault strikes"),
	to:      flag.Int("matrix.to", 1<<20, "the last"),
	workers: flag.Int("matrix.workers", 1, "how many labs a job has at the same time"),
	spared:  flag.Int("matrix.spared", 0, "after so many operations a run is left in peace; by default 1 in the full matrix, 8 in the short one"),
}

// TestMatrix lets a fault strike at every operation of a release and of a rollback on two hosts, looks at the hosts
// past runbook, and then lets the next run do its work with nothing cleaned up by hand.
//
// What a strike may leave is said in worker.check and worker.settled. Operations are counted on the stream of --json:
// every event that stands for something done on a host. When the k-th is read the fault strikes, while that operation is under
// way or just done.
func TestMatrix(t *testing.T) {
	// Built without the race detector, which makes it four times as slow; the stories run it with that.
	program := filepath.Join(t.TempDir(), "runbook")
	if out, err := exec.Command("go", "build", "-buildvcs=false", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	full := *matrix.kind == "full"
	faults := shortFaults()
	if full {
		faults = fullFaults()
	}
	if *matrix.faults != "" {
		only := strings.Split(*matrix.faults, ",")
		faults = slices.DeleteFunc(fullFaults(), func(f fault) bool { return !slices.Contains(only, f.name) })
	}
	for _, job := range strings.Split(*matrix.jobs, ",") {
		t.Run(job, func(t *testing.T) {
			t.Parallel()
			result := &outcomes{cells: map[string]map[int]string{}, operations: map[int]string{}}
			t.Cleanup(func() { t.Log("\n" + result.table(job, faults)) })
			for n := range *matrix.workers {
				t.Run(fmt.Sprintf("worker%d", n+1), func(t *testing.T) {
					t.Parallel()
					w := &worker{program: program, full: full, job: job, faults: faults, number: n, result: result}
					if job == "broken" {
						w.leaveBroken(t)
						return
					}
					w.work(t)
				})
			}
		})
	}
}

// outcomes are the verdicts by fault and operation.
type outcomes struct {
	mu         sync.Mutex
	cells      map[string]map[int]string
	operations map[int]string
}

func (o *outcomes) describe(row int, operation string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.operations[row] = operation
}

func (o *outcomes) note(fault string, k int, verdict string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.cells[fault] == nil {
		o.cells[fault] = map[int]string{}
	}
	o.cells[fault][k] = verdict
}

// table shows operations × faults.
func (o *outcomes) table(job string, faults []fault) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	var b strings.Builder
	fmt.Fprintf(&b, "%-9s", job)
	for _, f := range faults {
		fmt.Fprintf(&b, "%-16s", f.name)
	}
	b.WriteString("the operation in a run without a fault\n")
	green, all := 0, 0
	for _, row := range slices.Sorted(maps.Keys(o.operations)) {
		fmt.Fprintf(&b, "%-9d", row)
		for _, f := range faults {
			verdict := o.cells[f.name][row]
			if verdict != "" {
				all++
			}
			if strings.HasPrefix(verdict, "ok") {
				green++
			}
			fmt.Fprintf(&b, "%-16s", verdict)
		}
		b.WriteString(o.operations[row] + "\n")
	}
	fmt.Fprintf(&b, "%d of %d cells are ok. (ok 3s: what was left took three seconds to end; 4s back: a rollback took four.)\n", green, all)
	return b.String()
}
