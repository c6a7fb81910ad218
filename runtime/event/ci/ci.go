// Package ci shows a run where continuous integration shows it: failures beside the lines of the recipe that they came up at,
// and what became of each host on the page of the job.
//
// Its one rule: it speaks a service's own format, and only where that service runs it, which the service's variables tell.
package ci

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"

	"runbook/runtime/event"
)

// Sinks are those of the service that runs this, or none. getenv reads its variables; commands go to w, which the service
// reads.
func Sinks(getenv func(string) string, w io.Writer) []event.Sink {
	var sinks []event.Sink
	if getenv("GITHUB_ACTIONS") == "true" {
		sinks = append(sinks, newGitHub(w, getenv("GITHUB_WORKSPACE")))
		if path := getenv("GITHUB_STEP_SUMMARY"); path != "" {
			sinks = append(sinks, &summary{path: path})
		}
	}
	if root := getenv("CI_PROJECT_DIR"); getenv("GITLAB_CI") == "true" && root != "" {
		sinks = append(sinks, &gitLab{root: root})
	}
	return sinks
}

// note is something to show beside a line.
type note struct {
	file    string // relative to the repository, "" for none
	line    int
	title   string
	message string
}

// faultNote puts a failure into words.
func faultNote(f event.Fault, root string) note {
	n := place(f.Line, root)
	where := append([]string{}, f.Step...)
	if f.Host != "" {
		where = append([]string{f.Host}, where...)
	}
	n.title, n.message = strings.Join(where, ": "), f.Message
	if f.Command != "" {
		n.message += ": " + f.Command
	}
	if f.Code != nil {
		n.message += fmt.Sprintf(" (exit status %d)", *f.Code)
	}
	if f.Hint != "" {
		n.message += "\nnext: " + f.Hint
	}
	return n
}

// place takes FILE:LINE apart. A path outside of the repository is of no use there.
func place(at, root string) note {
	i := strings.LastIndexByte(at, ':')
	if i < 0 {
		return note{}
	}
	line, err := strconv.Atoi(at[i+1:])
	if err != nil {
		return note{}
	}
	path, err := filepath.Abs(at[:i])
	if err == nil {
		path, err = filepath.Rel(root, path)
	}
	if err != nil || !filepath.IsLocal(path) {
		return note{}
	}
	return note{file: filepath.ToSlash(path), line: line}
}

// writeErrors are the failures to write, for Close.
type writeErrors struct{ err error }

func (w *writeErrors) keep(err error) { w.err = errors.Join(w.err, err) }
