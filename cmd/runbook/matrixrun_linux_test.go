package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"runbook/runtime/event"
)

// matrixRun is the result of one run of runbook.
type matrixRun struct {
	operations []string          // as they were seen, "HOST KIND TEXT"
	before     map[string]string // the text of the last one on each host
	building   int               // how many of them there were before the first host was switched
	struck     bool
	code       int
	words      string // what it said on standard error, and its last event's error
	hint       string
	states     map[string]string // the last table, by host
	target     string            // the release that was to be current
	mark       string            // in the environment of all that it started on this machine
	skipped    []string
}

// operation reports whether an event is an operation on a host: the beginning of a command, or a
// change.
func operation(e event.Event) bool {
	kinds := []event.Kind{event.Connected, event.CommandBegun, event.Changed, event.LockTaken, event.KeyUsed}
	return strings.HasPrefix(e.Host, "web") && slices.Contains(kinds, e.Kind)
}

// runLimit limits the time of a run with any fault: three unanswered keepalives take 45 s.
const runLimit = 4 * time.Minute

// run starts runbook and waits for its end. It calls strike for each operation, until strike
// returns true.
func (w *worker) run(t *testing.T, args []string, strike func(process *os.Process, host string) bool) *matrixRun {
	t.Helper()
	w.runs++
	w.site.ready(t, len(w.made) > 0 && w.job != "rollback") // a rollback prunes nothing
	r := &matrixRun{before: map[string]string{}, states: map[string]string{}, target: w.target(args),
		mark: fmt.Sprintf("RUNBOOK_MATRIX=%d-%s-%d", os.Getpid(), t.Name(), w.runs)}
	w.site.bring(t, r.target)
	cmd := exec.Command(w.program, args...)
	cmd.Env = append(w.site.env, r.mark)
	cmd.Dir = w.site.dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	late := time.AfterFunc(runLimit, func() { _ = cmd.Process.Signal(os.Kill) }) // it may have ended at last
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e event.Event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Errorf("not an event: %v: %s", err, lines.Bytes())
			continue
		}
		if r.hear(e) && strike != nil && !r.struck {
			r.struck = strike(cmd.Process, e.Host)
		}
	}
	err = cmd.Wait()
	if !late.Stop() {
		t.Errorf("runbook did not end within %v", runLimit)
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	r.code = cmd.ProcessState.ExitCode()
	r.words = strings.TrimSpace(stderr.String() + r.words)
	return r
}

// hear takes an event and reports whether it is an operation. A command that follows the same one,
// as while processes start, is none: how often it is repeated differs from run to run.
func (r *matrixRun) hear(e event.Event) bool {
	switch e.Kind {
	case event.StepBegun:
		if strings.HasPrefix(e.Step[len(e.Step)-1], "switch to ") && r.building == 0 {
			r.building = len(r.operations)
		}
	case event.Result:
		r.states[e.Host] = e.State
	case event.Skipped:
		r.skipped = append(r.skipped, e.Text)
	case event.RunEnded:
		r.words, r.hint = e.Error, e.Hint
	}
	if !operation(e) || r.before[e.Host] == e.Text {
		return false
	}
	r.before[e.Host] = e.Text
	text, _, _ := strings.Cut(e.Text, "\n")
	r.operations = append(r.operations, fmt.Sprintf("%s %s %.70s", e.Host, e.Kind, text))
	return true
}

// done returns what was done from an operation on, by host and kind.
func (r *matrixRun) done(from int) string {
	var all []string
	for _, o := range r.operations[from:] {
		all = append(all, strings.Join(strings.Fields(o)[:2], " "))
	}
	return strings.Join(all, ", ")
}

// target returns the release that a command line names.
func (w *worker) target(args []string) string {
	i := slices.Index(args, "--release")
	if i < 0 {
		return ""
	}
	return args[i+1]
}
