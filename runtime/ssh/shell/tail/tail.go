// Package tail picks the lines of a failed command's output that explain the failure.
package tail

import (
	"regexp"
	"slices"
	"strings"
	"sync"
)

// noise matches lines that say nothing about this failure: what git adds to each failure of a
// transport, and pip to each failure of a program that it runs.
var noise = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[\s│|]*(` + strings.Join([]string{
		``, `fatal: Could not read from remote repository\.`, `Please make sure you have the correct access rights`,
		`and the repository exists\.`,
		`(note|hint): (This error originates from a subprocess|` +
			`This is an issue with the package mentioned above|See above for details).*`,
		`╰─> See above for output\.`, `\[end of output\]`,
	}, "|") + `)$`)
})

// fault matches the beginning of an error: "ERROR: …", "fatal: …", "x.c:1:10: error: …".
var fault = regexp.MustCompile(`^\s*(ERROR|Error|error|fatal|FATAL|CRITICAL)\b|: (fatal )?error: `)

// blockLines limits the lines of the first error that are shown if it is above the last lines.
const blockLines = 3

// Lines returns the last lines of a text, at most most. Of a longer text it leaves out noise and
// repeated lines. If the first error is further up, its first lines are put before these.
func Lines(text string, most int) string {
	lines := strings.Split(strings.TrimRight(text, " \t\r\n"), "\n")
	if len(lines) <= most {
		return strings.Join(lines, "\n")
	}
	var kept []string
	seen := map[string]bool{}
	for _, line := range lines {
		said := strings.TrimSpace(line)
		if noise().MatchString(line) || fault.MatchString(line) && seen[said] || strings.HasPrefix(said, "×") &&
			seen[said] {
			continue
		}
		seen[said] = true
		kept = append(kept, line)
	}
	if len(kept) <= most {
		return strings.Join(kept, "\n")
	}
	first := slices.IndexFunc(kept, fault.MatchString)
	if first < 0 || first >= len(kept)-most {
		return strings.Join(kept[len(kept)-most:], "\n")
	}
	block := kept[first:min(first+blockLines, len(kept))]
	return strings.Join(slices.Concat(block, []string{"…"}, kept[len(kept)-(most-blockLines-1):]), "\n")
}
