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

// run is how one run of runbook went.
type matrixRun struct {
	operations []string // as they were seen, "HOST KIND TEXT"
	building   int      // how many of them there were before the first host was switched
	struck     bool
	code       int
	words      string // what it said on standard error, and its last event's error
	hint       string
	states     map[string]string // the last table, by host
	target     string            // the release that was to be current
	mark       string            // in the environment of all that it started on this machine
	skipped    []string
}

// operation tells whether an event stands for something done on a host. Of a command its beginning does, of a
// change that it was made.
func operation(e event.Event) bool {
	kinds := []event.Kind{event.Connected, event.CommandBegun, event.Changed, event.LockTaken, event.KeyUsed}
	return strings.HasPrefix(e.Host, "web") && slices.Contains(kinds, e.Kind)
}

// runLimit is how long a run may take, whatever strikes it: three keepalives without an answer are 45 s.
const runLimit = 4 * time.Minute

// run starts runbook and waits for its end. strike is called for each operation; it returns true once it has struck.
func (w *worker) run(t *testing.T, args []string, strike func(process *os.Process, host string) bool) *matrixRun {
	t.Helper()
	w.runs++
	w.site.ready(t, len(w.made) > 0 && w.job != "rollback") // which prunes nothing
	r := &matrixRun{states: map[string]string{}, target: w.target(args), mark: fmt.Sprintf("RUNBOOK_MATRIX=%d-%s-%d", os.Getpid(), t.Name(), w.runs)}
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
		r.hear(e)
		if operation(e) && strike != nil && !r.struck {
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

func (r *matrixRun) hear(e event.Event) {
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
	if operation(e) {
		text, _, _ := strings.Cut(e.Text, "\n")
		r.operations = append(r.operations, fmt.Sprintf("%s %s %.70s", e.Host, e.Kind, text))
	}
}

// told is what was done from an operation on, by host and kind.
func (r *matrixRun) told(from int) string {
	var all []string
	for _, o := range r.operations[from:] {
		all = append(all, strings.Join(strings.Fields(o)[:2], " "))
	}
	return strings.Join(all, ", ")
}

// target is the release that a command line names.
func (w *worker) target(args []string) string {
	i := slices.Index(args, "--release")
	if i < 0 {
		return ""
	}
	return args[i+1]
}
