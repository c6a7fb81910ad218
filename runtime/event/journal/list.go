package journal

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"runbook/runtime/event"
)

// Result is what became of a run, in a word.
type Result string

// The results.
const (
	Done        Result = "done"
	Failed      Result = "failed"
	Refused     Result = "refused" // before any change
	Interrupted Result = "interrupted"
	Killed      Result = "killed" // it never came to its end
	Running     Result = "running"
)

// Run is what the list says of one run.
type Run struct {
	ID     string    `json:"id"`   // the name it is asked for by, such as 20260105-120000
	Path   string    `json:"path"` // its file
	Begun  time.Time `json:"begun"`
	By     string    `json:"by"` // user@machine
	Recipe string    `json:"recipe"`
	Hosts  []string  `json:"hosts"` // all hosts of the run, in their order
	DryRun bool      `json:"dry_run"`
	// Release and Revision are what the run was of, where its recipe said that.
	Release  string  `json:"release,omitempty"`
	Revision string  `json:"revision,omitempty"`
	Result   Result  `json:"result"`
	Seconds  float64 `json:"seconds"`         // until its end, or until the last that is known of it
	Error    string  `json:"error,omitempty"` // why it failed, in the first line
}

// List returns the runs in dir, the newest first. A folder that isn't there holds no runs. What can't be read is left out and
// reported beside the rest, joined.
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
		if errors.Is(err, os.ErrNotExist) { // another runbook has removed it meanwhile
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

// files are the names of the runs' files in dir.
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

// begunAt is when the run of a file began, by its name, and whether the file is one of the journal's.
func begunAt(name string) (time.Time, bool) {
	id, ok := strings.CutSuffix(name, suffix)
	if !ok || len(id) < len(layout) {
		return time.Time{}, false
	}
	at, err := time.Parse(layout, id[:len(layout)])
	return at, err == nil
}

// look reads what the list says of the run in the file path.
func look(path string) (Run, error) {
	r := Run{ID: strings.TrimSuffix(filepath.Base(path), suffix), Path: path}
	f, err := os.Open(path)
	if err != nil {
		return r, err
	}
	defer func() { _ = f.Close() }() // it was only read
	first, last, err := ends(f)
	if errors.Is(err, io.EOF) { // it was killed before the first event, or will have one soon
		first.Time, _ = begunAt(filepath.Base(path))
		last.Time, err = first.Time, nil
	}
	if err != nil {
		return r, fmt.Errorf("%s: %w", path, err)
	}
	r.Begun, r.By, r.Recipe, r.Hosts, r.DryRun = first.Time, first.By, first.Text, first.Hosts, first.DryRun
	if last.Kind == event.RunEnded {
		r.Result, r.Seconds = resultOf(last), last.Seconds
		r.about(last)
		r.Error, _, _ = strings.Cut(last.Error, "\n")
		return r, nil
	}
	r.Result, r.Seconds = Killed, last.Time.Sub(first.Time).Seconds()
	if err := r.findAbout(f); err != nil {
		return r, fmt.Errorf("%s: %w", path, err)
	}
	running, err := held(f)
	if running {
		r.Result, r.Seconds = Running, time.Since(first.Time).Seconds()
	}
	return r, err
}

// about notes what the run was of.
func (r *Run) about(e event.Event) {
	r.Release, _ = e.Args["release"].(string)
	r.Revision, _ = e.Args["revision"].(string)
}

// findAbout notes the same of a run without an end, from where its recipe said how to finish it.
func (r *Run) findAbout(f *os.File) error {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	lines := bufio.NewReader(f)
	for {
		line, err := lines.ReadBytes('\n')
		switch {
		case errors.Is(err, io.EOF): // a torn line is none
			return nil
		case err != nil:
			return err
		case bytes.Contains(line[:min(len(line), 64)], []byte(`"kind":"`+string(event.Resumable)+`"`)):
			e, err := decode(line)
			if err != nil {
				return err
			}
			r.about(e)
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
	case 2, 3: // a mistake in the recipe that came up before any host was contacted, or a refusal
		return Refused
	case 130:
		return Interrupted
	}
	return Failed
}

// Last is what Find takes for the newest run.
const Last = "last"

// Find returns the run in dir that name means: an ID, the beginning of one that is the only one to begin so, or Last.
// When there is none, the error has what to do next as its hint.
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
		return Run{}, event.WithHint(fmt.Errorf("there is no run %q in %s", name, dir), "runbook log lists the runs")
	case 1:
		return look(filepath.Join(dir, found[0]+suffix))
	}
	return Run{}, event.WithHint(fmt.Errorf("%d runs begin with %q", len(found), name), "say more of the name: "+strings.Join(found, ", "))
}

func last(dir string, names []string) (Run, error) {
	if len(names) == 0 {
		return Run{}, event.WithHint(fmt.Errorf("there is no run in %s", dir), "runbook run RECIPE makes one")
	}
	newest := slices.MaxFunc(names, byAge)
	return look(filepath.Join(dir, newest))
}

// byAge orders files by when their runs began; those of one second by their number.
func byAge(a, b string) int {
	if len(a) != len(b) && a[:len(layout)] == b[:len(layout)] {
		return len(a) - len(b)
	}
	return strings.Compare(a, b)
}
