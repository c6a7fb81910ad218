// Package ci reports a run to a CI service: failures at their lines of the recipe, and the result
// of each host on the page of the job.
//
// Its one rule: it writes a service's format only when that service runs it, which the service's
// environment variables show, or to a file that was asked for.
package ci

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"runbook/runtime/event"
)

// Sinks returns the sinks for the service that runs this program, if any. getenv reads its
// environment; commands go through the shield.
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

// note is a message about a line of a file.
type note struct {
	file    string // relative to the repository, or ""
	line    int
	title   string
	message string
}

// faultNote returns the note about a failure.
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

// place parses FILE:LINE. For a path outside of the repository it returns an empty note.
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
