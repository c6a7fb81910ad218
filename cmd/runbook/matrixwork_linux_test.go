package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// worker works through its share of the cells in a lab of its own, one after the other. Each cell
// starts from the state that the one before it left.
type worker struct {
	program string
	full    bool // on hosts with OpenSSH
	job     string
	source  string
	faults  []fault
	number  int
	result  *outcomes

	site  *matrixSite
	runs  int
	made  []string          // the releases that were made, the newest last
	last  string            // the release that was last made current on both hosts
	now   map[string]string // what is current on each
	noted map[string]string // the last switch in its log
}

// stage is a part of a job: runs of one kind, with faults at its operations.
type stage struct {
	serve     bool // see matrixSite
	arguments func() []string
	points    []point
}

// point is the n-th operation on a host. row is its line in the table.
type point struct {
	row, nth int
	host     string
}

func (w *worker) work(t *testing.T) {
	defer func() { w.site.close(t) }()
	for i, s := range w.stages(t) {
		var mine []point
		for i, p := range s.points {
			if p.row >= *matrix.from && p.row <= *matrix.to && i%*matrix.workers == w.number {
				mine = append(mine, p)
			}
		}
		switch {
		case len(mine) == 0:
			continue
		case s.serve != w.site.serve:
			w.begin(t, s.serve)
		case i > 0: // which releases there are now isn't known
			w.make(t)
			w.make(t)
		}
		w.strike(t, s, mine)
	}
}

// strike works through a stage.
func (w *worker) strike(t *testing.T, s stage, points []point) {
	for i, p := range points {
		spare := (i+1)%w.spared() == 0 || i == len(points)-1
		passed := true
		for _, together := range w.groups(p) {
			name := fmt.Sprintf("%d %s", p.row, inTurn(together))
			passed = t.Run(name, func(t *testing.T) { w.cell(t, s, p, together, spare) }) && passed
		}
		if !passed { // what it left must not be blamed on the next
			w.begin(t, s.serve)
		}
	}
}

// strikeSending strikes while a release is sent to the first host.
func (w *worker) strikeSending(t *testing.T) {
	defer func() { w.site.close(t) }()
	w.begin(t, false)
	done := w.make(t)
	prepare, _ := w.points(done, 0)
	points := slices.DeleteFunc(prepare, func(p point) bool {
		return p.host != "web1" || !strings.Contains(w.result.operations[p.row], "git index-pack")
	})
	if len(points) != 1 {
		t.Fatalf("it was sent %d times in\n%s", len(points), strings.Join(done.operations, "\n"))
	}
	w.strike(t, stage{false, w.releaseArguments, nil}, points)
}

// stages returns the parts of the job. A release has two: up to the first switch, new releases are
// built; from then on an existing one is released again, which saves most of the time.
func (w *worker) stages(t *testing.T) []stage {
	building, switched := w.full && *matrix.serve == "all", w.full && *matrix.serve != "none"
	w.begin(t, switched)
	if w.job == "rollback" {
		seen := w.succeed(t, w.rollbackArguments())
		prepare, change := w.points(seen, 0)
		return []stage{{switched, w.rollbackArguments, append(prepare, change...)}}
	}
	fresh := w.make(t)
	again := w.succeed(t, w.otherArguments())
	if fresh.done(fresh.building) != again.done(again.building) {
		t.Fatalf("a release that is there already is switched to in another way:\n%s\n\n%s",
			strings.Join(fresh.operations, "\n"), strings.Join(again.operations, "\n"))
	}
	if building != switched {
		w.begin(t, building)
		fresh = w.make(t)
	}
	prepare, _ := w.points(fresh, 0)
	_, change := w.points(again, fresh.building-again.building)
	return []stage{{building, w.releaseArguments, prepare}, {switched, w.otherArguments, change}}
}

// points returns the operations of a run up to the first switch, which both hosts do in parallel,
// and those from then on, one host after the other. shift is added to the rows of the latter.
func (w *worker) points(r *matrixRun, shift int) (prepare, change []point) {
	count := map[string]int{}
	for i, o := range r.operations {
		host, _, _ := strings.Cut(o, " ")
		count[host]++
		p := point{row: i + 1 + shift, nth: count[host], host: host}
		if i >= r.building {
			change = append(change, p)
			w.result.describe(p.row, o)
			continue
		}
		// The order between hosts differs from run to run.
		if p.row = 2*p.nth - 1; host == "web2" {
			p.row++
		}
		if shift == 0 {
			w.result.describe(p.row, o)
		}
		prepare = append(prepare, p)
	}
	slices.SortFunc(prepare, func(a, b point) int { return a.row - b.row })
	return prepare, change
}

// groups returns the faults at a point. A run without a fault may follow each group. Both hosts
// do the same operations. So in the short matrix, one of two faults strikes the n-th operation on
// the first host, and the other fault the n-th on the second.
func (w *worker) groups(p point) [][]fault {
	switch n := p.nth + int(p.host[len(p.host)-1]); {
	case w.full:
		return slices.Collect(slices.Chunk(w.faults, 1))
	case len(w.faults) != 2, w.job == "push", w.job == "archive":
		return [][]fault{w.faults}
	default:
		return [][]fault{{w.faults[n%2]}}
	}
}

// spared returns after how many operations a run without a fault follows.
func (w *worker) spared() int {
	switch {
	case *matrix.spared > 0:
		return *matrix.spared
	case w.full:
		return 1
	}
	return 8
}

// begin creates a lab with the releases that a fault could damage.
func (w *worker) begin(t *testing.T, serve bool) {
	t.Helper()
	if w.site != nil {
		w.site.close(t)
	}
	w.site = newMatrixSite(t, w.full, serve, w.source)
	w.made = nil
	w.make(t)
	w.make(t)
	w.site.seesLeak(t, "web2")
}

// make builds a release.
func (w *worker) make(t *testing.T) *matrixRun {
	t.Helper()
	return w.succeed(t, w.releaseArguments())
}

// succeed runs without a fault.
func (w *worker) succeed(t *testing.T, args []string) *matrixRun {
	t.Helper()
	done := w.run(t, args, nil)
	if done.code != 0 {
		t.Fatalf("%s\nended with %d:\n%s", strings.Join(args, " "), done.code, done.words)
	}
	if w.last = done.target; !slices.Contains(w.made, w.last) {
		w.made = append(w.made, w.last)
	}
	w.now = map[string]string{"web1": w.last, "web2": w.last}
	w.noted = w.now
	return done
}

// other returns the other one of the two kept releases.
func (w *worker) other() string {
	kept := w.made[len(w.made)-2:]
	if kept[0] == w.last {
		return kept[1]
	}
	return kept[0]
}

func (w *worker) named(release string) []string {
	return append([]string{"run", "recipes/release.lua", "--json", "--keep", "2", "--release", release},
		w.site.flags...)
}

// releaseArguments are the arguments of a new release.
func (w *worker) releaseArguments() []string { return w.named(fmt.Sprintf("r%05d", w.runs)) }

// otherArguments are the arguments that release an existing release again.
func (w *worker) otherArguments() []string { return w.named(w.other()) }

func (w *worker) rollbackArguments() []string {
	return []string{"run", "recipes/rollback.lua", "--json", "--release", w.other()}
}
