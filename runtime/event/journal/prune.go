package journal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// The limits of the journal.
const (
	KeptFor  = 90 * 24 * time.Hour
	KeptRuns = 500
)

// Prune removes the runs in dir that began more than KeptFor ago. It also removes the oldest ones
// until, with the run that is about to be recorded, at most KeptRuns are left. Active runs stay. It
// returns the number of removed runs.
func Prune(dir string, now time.Time) (int, error) {
	names, err := files(dir)
	if err != nil {
		return 0, err
	}
	slices.SortFunc(names, byAge)
	var (
		removed int
		failed  []error
	)
	for i, name := range names {
		begun, _ := begunAt(name)
		if now.Sub(begun) <= KeptFor && len(names)-i < KeptRuns { // the run that is about to be recorded counts too
			break
		}
		gone, err := remove(filepath.Join(dir, name))
		if gone {
			removed++
		}
		failed = append(failed, err)
	}
	if err := errors.Join(failed...); err != nil {
		return removed, fmt.Errorf("pruning the journal: %w", err)
	}
	return removed, nil
}

// remove removes a run's file, unless the run is active or another runbook has removed it.
func remove(path string) (bool, error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	running, err := held(f)
	if err := errors.Join(err, f.Close()); err != nil || running {
		return false, err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return false, err
	}
	return true, nil
}
