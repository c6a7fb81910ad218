package explain

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// The limits of a message. A line that is wider than the screen counts as several.
const (
	mostLines     = 40
	screenColumns = 100
	longestLine   = 400           // characters
	room          = mostLines - 3 // the command that finishes the run follows the message
)

// height returns the number of screen lines that text takes.
func height(text string) int {
	if text == "" {
		return 0
	}
	n := 0
	for _, line := range strings.Split(text, "\n") {
		n += max(1, (utf8.RuneCountInString(line)+screenColumns-1)/screenColumns)
	}
	return n
}

// shortLines cuts the middle out of lines that are too long, at spaces if there are any nearby.
func shortLines(text string) string {
	if len(text) <= longestLine {
		return text
	}
	const end = 100
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		runes := []rune(line)
		if len(runes) <= longestLine {
			continue
		}
		first, last := string(runes[:longestLine-end]), string(runes[len(runes)-end:])
		if at := strings.LastIndexByte(first, ' '); at > len(first)*3/4 {
			first = first[:at]
		}
		if at := strings.IndexByte(last, ' '); at >= 0 && at < len(last)/2 {
			last = last[at+1:]
		}
		lines[i] = first + " … " + last
	}
	return strings.Join(lines, "\n")
}

// cut returns as many failures as there is room for, and names the hosts of the others. The first
// failure is always there, if need be without its middle.
func cut(groups []group, parts []string, room int) string {
	for n := len(parts); ; n-- {
		more := others(groups[n:])
		text := strings.Join(parts[:n], "\n") + more
		switch {
		case height(text) <= room:
			return text
		case n == 1:
			return withoutMiddle(parts[0], room-height(more)) + more
		}
	}
}

// others counts the failures that a message has no room for, and names their hosts.
func others(groups []group) string {
	if len(groups) == 0 {
		return ""
	}
	var hosts []string
	for _, g := range groups {
		hosts = append(hosts, g.hosts...)
	}
	text := fmt.Sprintf("\n… and %d more failures", len(groups))
	if len(hosts) > 0 {
		text += ", on\n    " + wrapNames(hosts)
	}
	return text
}

// withoutMiddle returns the beginning and the end of text, in at most so many lines of a screen.
func withoutMiddle(text string, room int) string {
	if height(text) <= room {
		return text
	}
	lines := strings.Split(text, "\n")
	head := fitting(lines, room/2)
	rest := lines[len(head):]
	slices.Reverse(rest)
	tail := fitting(rest, room-1-height(strings.Join(head, "\n")))
	left := len(rest) - len(tail)
	slices.Reverse(tail)
	return strings.Join(slices.Concat(head, []string{fmt.Sprintf("  … %d more lines …", left)}, tail), "\n")
}

// fitting returns the first lines, as many as fit in so many lines of a screen.
func fitting(lines []string, room int) []string {
	for i, line := range lines {
		if room -= max(1, height(line)); room < 0 {
			return lines[:i]
		}
	}
	return lines
}

// rest points to the whole message.
func (w Words) rest() string {
	if w.Record == "" {
		return ""
	}
	return "\nthe rest is in the journal: runbook log " + w.Record + " --grep ."
}
