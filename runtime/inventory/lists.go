package inventory

import (
	"bytes"
	"fmt"
	"strings"

	"runbook/runtime/event"
)

// parseText parses a text file with one [user@]host[:port] per line. It skips blank lines, and
// comments after a # at the beginning of a line or after a space.
func parseText(source string, text []byte) (list, error) {
	l := list{source: source}
	text = bytes.TrimPrefix(text, []byte("\ufeff")) // the byte order mark of some editors
	for i, line := range strings.Split(string(text), "\n") {
		line = strings.TrimSuffix(line, "\r")
		if at := commentAt(line); at >= 0 {
			line = line[:at]
		}
		line = strings.Trim(line, " \t")
		if line == "" {
			continue
		}
		e, err := parseEntry(line)
		if err != nil {
			if foreign := ansibleError(source, string(text)); foreign != nil {
				return list{}, foreign
			}
			err = fmt.Errorf("%s:%d: %w", source, i+1, err)
			if strings.ContainsAny(line, ", \t={") && event.Hint(err) == "" {
				err = event.WithHint(err,
					"write one [user@]host[:port] per line; for more settings use a .lua hosts file")
			}
			return list{}, err
		}
		e.place = fmt.Sprintf("line %d", i+1)
		e.source = fmt.Sprintf("%s:%d", source, i+1)
		e.label = e.source
		l.entries = append(l.entries, e)
	}
	if len(l.entries) == 0 {
		return list{}, fmt.Errorf("%s: no hosts", source)
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

// parseCommas parses the list form of --hosts.
func parseCommas(text string) (list, error) {
	l := list{source: "--hosts"}
	for i, item := range strings.Split(text, ",") {
		place := fmt.Sprintf("host %d", i+1)
		e, err := parseEntry(strings.Trim(item, " \t"))
		if err != nil {
			return list{}, fmt.Errorf("%s: %s: %w", l.source, place, err)
		}
		e.place, e.source, e.label = place, l.source, l.source+": "+place
		l.entries = append(l.entries, e)
	}
	return l, nil
}
