// Package ci shows a run where continuous integration shows it: failures beside the lines of the recipe that they came up at,
// and what became of each host on the page of the job.
//
// Its one rule: it speaks a service's own format, and only where that service runs it, which the service's variables tell.
package ci

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"runbook/runtime/event"
)

// Sinks are those of the service that runs this, or none. getenv reads its variables; commands go through the shield.
func Sinks(getenv func(string) string, shield *Shield) []event.Sink {
	var sinks []event.Sink
	if getenv("GITHUB_ACTIONS") == "true" {
		sinks = append(sinks, &gitHub{shield: shield, root: getenv("GITHUB_WORKSPACE")})
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
