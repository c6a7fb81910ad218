package inventory

import (
	"bytes"
	"fmt"
	"strings"

	"runbook/runtime/event"
)

// parseText reads a text file with one [user@]host[:port] a line. Blank lines are nothing, and so is what follows
// a # at the beginning of a line or after a space.
func parseText(source string, text []byte) (list, error) {
	l := list{source: source}
	text = bytes.TrimPrefix(text, []byte("\ufeff")) // some editors put a byte order mark in front
	for i, line := range strings.Split(string(text), "\n") {
		line = strings.TrimSuffix(line, "\r")
		if at := commentAt(line); at >= 0 {
			line = line[:at]
		}
		line = strings.Trim(line, " \t")
		if line == "" {
			continue
		}
		e, err := parseTarget(line)
		if err != nil {
			err = fmt.Errorf("%s:%d: %w", source, i+1, err)
			if strings.ContainsAny(line, ", \t={") && event.Hint(err) == "" {
				err = event.WithHint(err, "a text file has one [user@]host[:port] a line; what says more is a .lua hosts file")
			}
			return list{}, err
		}
		e.place = fmt.Sprintf("line %d", i+1)
		e.source = fmt.Sprintf("%s:%d", source, i+1)
		e.label = e.source
		l.entries = append(l.entries, e)
	}
	return l, nil
}

func commentAt(line string) int {
	for i := range len(line) {
		if line[i] == '#' && (i == 0 || line[i-1] == ' ' || line[i-1] == '\t') {
			return i
		}
	}
	return -1
}

// parseCommas reads the list form of --hosts.
func parseCommas(text string) (list, error) {
	l := list{source: "--hosts"}
	for i, item := range strings.Split(text, ",") {
		place := fmt.Sprintf("host %d", i+1)
		e, err := parseTarget(strings.Trim(item, " \t"))
		if err != nil {
			return list{}, fmt.Errorf("%s: %s: %w", l.source, place, err)
		}
		e.place, e.source, e.label = place, l.source, l.source+": "+place
		l.entries = append(l.entries, e)
	}
	return l, nil
}
