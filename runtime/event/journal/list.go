package journal

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"runbook/runtime/event"
)

// Result is the outcome of a run.
type Result string

// The results.
const (
	Done        Result = "done"
	Failed      Result = "failed"
	Refused     Result = "refused" // before any change
	Interrupted Result = "interrupted"
	Killed      Result = "killed" // the record has no end
	Running     Result = "running"
)

// Run is the summary of one run.
type Run struct {
	ID      string    `json:"id"`   // such as 20260105-120000
	Path    string    `json:"path"` // its file
	Begun   time.Time `json:"begun"`
	By      string    `json:"by"` // user@machine
	Recipe  string    `json:"recipe"`
	Hosts   []string  `json:"hosts"` // all hosts of the run, in their order
	DryRun  bool      `json:"dry_run"`
	About   []Fact    `json:"-"` // facts such as the release; in JSON, fields of the object
	Result  Result    `json:"result"`
	Skipped []string  `json:"skipped,omitempty"` // the unreachable hosts that it went on without
	Seconds float64   `json:"seconds"`           // until its end, or until its last event
	Error   string    `json:"error,omitempty"`   // the first line of its error
}

// Fact is a fact about a run, with the name that its recipe gave it.
type Fact struct{ Name, Text string }

// Fact returns the text of a fact, or "".
func (r Run) Fact(name string) string {
	for _, f := range r.About {
		if f.Name == name {
			return f.Text
		}
	}
	return ""
}

// MarshalJSON writes the facts as further fields of the object. A fact whose name is taken is
// skipped.
func (r Run) MarshalJSON() ([]byte, error) {
	type plain Run // without this method
	text, err := json.Marshal(plain(r))
	if err != nil || len(r.About) == 0 {
		return text, err
	}
	fields := map[string]any{}
	if err := json.Unmarshal(text, &fields); err != nil {
		return nil, err
	}
	for _, f := range r.About {
		if _, taken := fields[f.Name]; !taken {
			fields[f.Name] = f.Text
		}
	}
	return json.Marshal(fields)
}

// List returns the runs in dir, the newest first. A missing folder has no runs. The error joins
// those of unreadable files; the other runs are returned nevertheless.
func List(dir string) ([]Run, error) {
	names, err := files(dir)
	if err != nil {
		return nil, err
	}
	var (
		runs   []Run
		failed []error
	)
	for _, name := range names {
		r, err := look(filepath.Join(dir, name))
		if errors.Is(err, os.ErrNotExist) { // another runbook has just removed it
			continue
		}
		if err != nil {
			failed = append(failed, err)
			continue
		}
		runs = append(runs, r)
	}
	slices.SortStableFunc(runs, func(a, b Run) int { return b.Begun.Compare(a.Begun) })
	return runs, errors.Join(failed...)
}

// files returns the names of the runs' files in dir.
func files(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("the journal: %w", err)
	}
	var names []string
	for _, e := range entries {
		if _, ok := begunAt(e.Name()); ok && e.Type().IsRegular() {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// begunAt returns when a run began, from its file's name. It returns false for a file that is not
// of the journal.
func begunAt(name string) (time.Time, bool) {
	id, ok := strings.CutSuffix(name, suffix)
	if !ok || len(id) < len(layout) {
		return time.Time{}, false
	}
	at, err := time.Parse(layout, id[:len(layout)])
	return at, err == nil
}

// look reads the summary of the run in the file path.
func look(path string) (Run, error) {
	r := Run{ID: strings.TrimSuffix(filepath.Base(path), suffix), Path: path}
	f, err := os.Open(path)
	if err != nil {
		return r, err
	}
	defer func() { _ = f.Close() }() // it was only read
	first, last, err := ends(f)
	if errors.Is(err, io.EOF) { // killed before the first event, or just begun
		first.Time, _ = begunAt(filepath.Base(path))
		last.Time, err = first.Time, nil
	}
	if err != nil {
		return r, fmt.Errorf("%s: %w", path, err)
	}
	r.Begun, r.By, r.Recipe, r.Hosts, r.DryRun = first.Time, first.By, first.Text, first.Hosts, first.DryRun
	if last.Kind == event.RunEnded {
		r.Result, r.Seconds, r.Skipped = resultOf(last), last.Seconds, last.Hosts
		r.about(first.Order, last)
		r.Error, _, _ = strings.Cut(last.Error, "\n")
		return r, nil
	}
	r.Result, r.Seconds = Killed, last.Time.Sub(first.Time).Seconds()
	if err := r.findAbout(f, first.Order); err != nil {
		return r, fmt.Errorf("%s: %w", path, err)
	}
	running, err := held(f)
	if running {
		r.Result, r.Seconds = Running, time.Since(first.Time).Seconds()
	}
	return r, err
}

// about reads the facts from the args of an event, in this order. Journals of older versions have
// no order; their last event has no other args.
func (r *Run) about(order []string, e event.Event) {
	if len(order) == 0 && e.Kind == event.RunEnded {
		order = slices.Sorted(maps.Keys(e.Args))
	}
	r.About = nil
	for _, name := range order {
		if text, ok := e.Args[name].(string); ok && text != "" {
			r.About = append(r.About, Fact{name, text})
		}
	}
}

// findAbout reads the facts of a run without an end from its last resumable event.
func (r *Run) findAbout(f *os.File, order []string) error {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	lines := bufio.NewReader(f)
	for {
		line, err := readLine(lines)
		switch {
		case errors.Is(err, io.EOF): // the last line is empty or incomplete
			return nil
		case err != nil:
			return err
		case bytes.Contains(line[:min(len(line), 64)], []byte(`"kind":"`+string(event.Resumable)+`"`)):
			e, err := decode(line)
			if err != nil {
				return err
			}
			r.about(order, e)
		}
	}
}

func resultOf(ended event.Event) Result {
	if ended.Code == nil {
		return Failed
	}
	switch *ended.Code {
	case 0:
		return Done
	case 2, 3: // a mistake before any host was contacted, or a refusal
		return Refused
	case 130:
		return Interrupted
	}
	return Failed
}

// Last is the name of the newest run in Find.
const Last = "last"

// Find returns the run in dir with a name: an ID, the unambiguous beginning of an ID, or Last. A
// missing run is an error with a hint.
func Find(dir, name string) (Run, error) {
	names, err := files(dir)
	if err != nil {
		return Run{}, err
	}
	if name == Last {
		return last(dir, names)
	}
	var found []string
	for _, n := range names {
		id := strings.TrimSuffix(n, suffix)
		if id == name {
			return look(filepath.Join(dir, n))
		}
		if name != "" && strings.HasPrefix(id, name) {
			found = append(found, id)
		}
	}
	switch len(found) {
	case 0:
		return Run{}, event.WithHint(fmt.Errorf("no run %q in %s", name, dir), "runbook log lists the runs")
	case 1:
		return look(filepath.Join(dir, found[0]+suffix))
	}
	return Run{}, event.WithHint(fmt.Errorf("%d runs begin with %q", len(found), name),
		"write more of the name: "+strings.Join(found, ", "))
}

func last(dir string, names []string) (Run, error) {
	if len(names) == 0 {
		return Run{}, event.WithHint(fmt.Errorf("no runs in %s", dir), "runbook run RECIPE records one")
	}
	newest := slices.MaxFunc(names, byAge)
	return look(filepath.Join(dir, newest))
}

// byAge orders files by the begin of their runs; runs of the same second by their number.
func byAge(a, b string) int {
	if len(a) != len(b) && a[:len(layout)] == b[:len(layout)] {
		return len(a) - len(b)
	}
	return strings.Compare(a, b)
}

// ParseSince parses how long ago, or when: "24h", "2026-01-05", "2026-01-05 12:00:00" or
// "2026-01-05T12:00:00Z". "" is the zero time.
func ParseSince(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	for _, layout := range []string{time.DateOnly, time.DateTime, time.RFC3339} {
		if at, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			return at, nil
		}
	}
	return time.Time{}, fmt.Errorf(
		"want a duration such as 24h, a date such as 2026-01-05, or 2026-01-05T12:00:00Z, got %q", text)
}
