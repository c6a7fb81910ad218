package git

import (
	"fmt"
	"strings"

	"runbook/runtime/event"
)

// CheckRef checks the name of a branch, a tag or a full ref by the rules of git check-ref-format.
func CheckRef(name string) error {
	why := ""
	switch {
	case name == "":
		why = "is empty"
	case strings.HasPrefix(name, "-"):
		why = "begins with -"
	case strings.ContainsFunc(name, func(c rune) bool { return c <= ' ' || c == 0x7f }):
		why = "contains a space or a control character"
	case strings.ContainsAny(name, `~^:?*[\`):
		why = "contains one of ~ ^ : ? * [ \\"
	case strings.Contains(name, "..") || strings.Contains(name, "@{") || name == "@":
		why = "contains .. or @{, or is @, which have a meaning for git"
	case strings.HasSuffix(name, "."):
		why = "ends with a dot"
	}
	for part := range strings.SplitSeq(name, "/") {
		switch {
		case why != "":
		case part == "":
			why = "has a / at its beginning or end, or //"
		case strings.HasPrefix(part, ".") || strings.HasSuffix(part, ".lock"):
			why = "has a part that begins with a dot or ends in .lock"
		}
	}
	if why != "" {
		return fmt.Errorf("%q is not the name of a branch or tag: %s", name, why)
	}
	return nil
}

// isFullRevision reports whether a text is a commit hash of SHA-1 or SHA-256.
func isFullRevision(text string) bool {
	return (len(text) == 40 || len(text) == 64) && strings.Trim(text, "0123456789abcdef") == ""
}

// isShortRevision reports whether a text is a commit hash or the beginning of one.
func isShortRevision(text string) bool {
	return len(text) >= 4 && len(text) <= 64 && strings.Trim(text, "0123456789abcdefABCDEF") == ""
}

// CheckRevision checks a full commit hash: 40 hex digits in lower case, or 64 in a SHA-256
// repository.
func CheckRevision(revision string) error {
	if isFullRevision(revision) {
		return nil
	}
	if isShortRevision(revision) {
		return event.WithHint(fmt.Errorf("revision %q is not a full commit hash", revision),
			"give all digits in lower case, as `git rev-parse` prints them: 40, or 64 in a SHA-256 repository")
	}
	return event.WithHint(fmt.Errorf("revision %q is not a commit hash", revision),
		"give all digits that host.git:resolve returns")
}
