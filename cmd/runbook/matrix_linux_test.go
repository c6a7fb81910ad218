package main

import (
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
)

// matrixFlags select a part of the matrix, which takes hours as a whole and minutes in its short form.
// .ci/test leaves it out; .ci/run runs the short form by .ci/matrix.
//
//	go test ./cmd/runbook -run TestMatrix -timeout 3h -v -matrix=full -matrix.jobs=release \
//	    -matrix.faults=link,disk -matrix.from=10 -matrix.to=20
type matrixFlags struct {
	kind, faults, jobs, serve, source *string
	from, to, workers, spared         *int
}

var matrix = matrixFlags{
	kind: flag.String("matrix", "short",
		"short: SIGINT and SIGKILL on hosts in this process; full: all faults on hosts with OpenSSH"),
	faults: flag.String("matrix.faults", "", "only these faults, such as sigint,disk"),
	jobs: flag.String("matrix.jobs", "release,rollback,broken",
		"what is struck; broken: a release whose application does not work"),
	serve: flag.String("matrix.serve", "switch",
		"full: with pip, Apache, a graceful restart and a health check in none, all, "+
			"or the operations from the switch on"),
	source: flag.String("matrix.source", "git",
		"how the code comes to the hosts: git, push or archive; the short one also strikes while the others are sent"),
	from:    flag.Int("matrix.from", 1, "the first operation at which a fault strikes"),
	to:      flag.Int("matrix.to", 1<<20, "the last"),
	workers: flag.Int("matrix.workers", 1, "how many labs a job has at the same time"),
	spared: flag.Int("matrix.spared", 0,
		"after so many operations a run is left in peace; by default 1 in the full matrix, 8 in the short one"),
}

// TestMatrix injects a fault at every operation of a release and of a rollback on two hosts,
// inspects the hosts without runbook, and then expects the next run to succeed without any cleaning
// up by hand.
//
// worker.check and worker.settled assert what a fault may leave. Operations are counted in the
// output of --json: every event for something done on a host. The fault strikes when the k-th
// event is read, so during that operation or just after it.
func TestMatrix(t *testing.T) {
	t.Parallel()
	// The race detector would make the matrix four times as slow. The stories run with it.
	program, err := buildShipped()
	if err != nil {
		t.Fatal(err)
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
	jobs := strings.Split(*matrix.jobs, ",")
	if !full && *matrix.source == "git" && slices.Contains(jobs, "release") {
		jobs = append(jobs, "push", "archive")
	}
	for _, job := range jobs {
		t.Run(job, func(t *testing.T) {
			t.Parallel()
			result := &outcomes{cells: map[string]map[int]string{}, operations: map[int]string{}}
			t.Cleanup(func() { t.Log("\n" + result.table(job, faults)) })
			for n := range *matrix.workers {
				t.Run(fmt.Sprintf("worker%d", n+1), func(t *testing.T) {
					t.Parallel()
					w := &worker{program: program, full: full, job: job, source: *matrix.source, faults: faults,
						number: n, result: result}
					switch job {
					case "broken":
						w.leaveBroken(t)
					case "push", "archive":
						w.source = job
						w.strikeSending(t)
					default:
						w.work(t)
					}
				})
			}
		})
	}
}

// outcomes are the results by fault and operation.
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

// table prints operations × faults.
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
	fmt.Fprintf(&b, "%d of %d cells are ok. "+
		"(ok 3s: what was left took three seconds to end; 4s back: a rollback took four.)\n", green, all)
	return b.String()
}
