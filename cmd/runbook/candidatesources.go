package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"runbook/runtime/event"
	"runbook/runtime/event/journal"
)

// journalled are the runs on record. Without a journal there are none: a completion has nowhere to complain.
func journalled() []journal.Run {
	dir, err := journal.Dir()
	if err != nil {
		return nil
	}
	runs, err := journal.List(dir)
	if err != nil {
		return nil
	}
	return runs
}

// lastReleases are the releases that the last run with any has named, the one before it first. A dry run makes none.
func lastReleases() []candidate {
	for _, r := range journalled() {
		if r.DryRun {
			continue
		}
		events, err := journal.Read(r.Path)
		if err != nil {
			continue
		}
		if found := releasesIn(events, r); len(found) > 0 {
			return found
		}
	}
	return nil
}

func releasesIn(events []event.Event, r journal.Run) []candidate {
	var found []candidate
	for _, e := range events {
		if e.Kind != event.Result {
			continue
		}
		for _, column := range []string{"previous", "release"} {
			name := e.Columns[column]
			if name == "" || slices.ContainsFunc(found, func(c candidate) bool { return c.word == name }) {
				continue
			}
			about := map[string]string{"previous": "current before ", "release": "current after "}[column]
			found = append(found, candidate{name, about + filepath.Base(r.Recipe) + " of " + r.ID})
		}
	}
	slices.SortStableFunc(found, func(a, b candidate) int { return strings.Compare(a.word, b.word) })
	return found
}

func pastRuns() []candidate {
	var found []candidate
	for _, r := range journalled() {
		found = append(found, candidate{r.ID, r.Recipe + ", " + outcome(r)})
	}
	return found
}

// files are the folders, and the files that wanted says, in the folder that typed leads to. A folder ends in a slash.
func files(typed string, wanted func(name string) bool) []candidate {
	folder, begun := filepath.Split(typed)
	look := folder
	if home, err := os.UserHomeDir(); err == nil && strings.HasPrefix(folder, "~/") {
		look = filepath.Join(home, folder[2:])
	}
	if look == "" {
		look = "."
	}
	entries, err := os.ReadDir(look)
	if err != nil {
		return nil
	}
	var found []candidate
	for _, e := range entries {
		name := e.Name()
		if !strings.HasPrefix(name, begun) || strings.HasPrefix(name, ".") && begun == "" {
			continue
		}
		info, err := os.Stat(filepath.Join(look, name)) // a link counts as what it leads to
		switch {
		case err != nil:
		case info.IsDir():
			found = append(found, candidate{folder + name + "/", ""})
		case wanted(name):
			found = append(found, candidate{folder + name, ""})
		}
	}
	return found
}
