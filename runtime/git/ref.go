package git

import (
	"fmt"
	"regexp"
	"strings"

	"runbook/runtime/event"
)

// CheckRef is nil for a name that may be a branch, a tag or a full ref, by the rules of git check-ref-format.
func CheckRef(name string) error {
	why := ""
	switch {
	case name == "":
		why = "it is empty"
	case strings.HasPrefix(name, "-"):
		why = "it begins with -"
	case strings.ContainsFunc(name, func(c rune) bool { return c <= ' ' || c == 0x7f }):
		why = "there is a space or a control character in it"
	case strings.ContainsAny(name, `~^:?*[\`):
		why = "none of ~ ^ : ? * [ \\ may stand in it"
	case strings.Contains(name, "..") || strings.Contains(name, "@{") || name == "@":
		why = "git reads .. and @ as something else"
	case strings.HasSuffix(name, "."):
		why = "it ends with a dot"
	}
	for part := range strings.SplitSeq(name, "/") {
		switch {
		case why != "":
		case part == "":
			why = "a / stands at its beginning or end, or twice"
		case strings.HasPrefix(part, ".") || strings.HasSuffix(part, ".lock"):
			why = "no part of it may begin with a dot or end in .lock"
		}
	}
	if why != "" {
		return fmt.Errorf("%q is not the name of a branch or tag: %s", name, why)
	}
	return nil
}

var (
	fullRevision  = regexp.MustCompile(`^[0-9a-f]{40}$`)
	shortRevision = regexp.MustCompile(`^[0-9a-fA-F]{4,40}$`)
)

// CheckRevision is nil for a whole commit name: 40 small hex digits.
func CheckRevision(revision string) error {
	if fullRevision.MatchString(revision) {
		return nil
	}
	if shortRevision.MatchString(revision) {
		return event.WithHint(fmt.Errorf("revision %q is not the whole name of a commit", revision),
			"give all 40 digits, in small letters, as `git rev-parse` prints them")
	}
	return event.WithHint(fmt.Errorf("revision %q is not the name of a commit", revision),
		"give the 40 digits that host.git:resolve returns")
}
