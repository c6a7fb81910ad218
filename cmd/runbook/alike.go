package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"runbook/runtime/run"
)

// group is a failure with all hosts that it came to in the same way.
type group struct {
	run.Fault          // of the first of them
	hosts     []string // nil when no host is to blame
	differ    bool     // the numbers in what the command printed are those of the first host
}

// alike puts hosts together that failed in the same way.
func (w words) alike(faults []run.Fault) []group {
	var groups []group
	byKey := map[string]int{}
	for _, f := range faults {
		key := w.key(f)
		if i, ok := byKey[key]; ok && f.Host != "" {
			g := &groups[i]
			g.differ = g.differ || f.Tail != g.Tail
			if !slices.Contains(g.hosts, f.Host) {
				g.hosts = append(g.hosts, f.Host)
			}
			continue
		}
		byKey[key] = len(groups)
		g := group{Fault: f}
		if f.Host != "" {
			g.hosts = []string{f.Host}
		}
		groups = append(groups, g)
	}
	for i, g := range groups {
		if len(g.hosts) > 1 {
			groups[i].Message = g.General()
		}
	}
	return groups
}

// numbers are process ids, times and the like, which differ from host to host.
var numbers = regexp.MustCompile(`[0-9]+`)

// key returns the same text for failures that are shown as one entry: they differ only in the host's
// address, and in the host's name and the numbers that the command printed.
func (w words) key(f run.Fault) string {
	f.Message, f.Tail = f.General(), numbers.ReplaceAllString(strings.ReplaceAll(f.Tail, f.Host, "HOST"), "#")
	f.Host, f.Address = "", ""
	return w.fault(group{Fault: f}, detail{source: true, tail: mostLines}) + "\x00" + w.hint(f)
}

// where returns the beginning of a message: the hosts and the steps. Many hosts are counted there and named below.
func (g group) where() (words []string, below string) {
	const longest = 60
	if names := strings.Join(g.hosts, ", "); len(names) <= longest || len(g.hosts) == 1 {
		words = []string{names}
	} else {
		words, below = []string{fmt.Sprintf("%d hosts", len(g.hosts))}, "\n  on "+filled(g.hosts)
	}
	words = slices.DeleteFunc(append(words, g.Step...), func(word string) bool { return word == "" })
	if len(words) == 0 && !g.Listed {
		return []string{"runbook"}, ""
	}
	return words, below
}

// filled are names with commas in lines of a screen's width, as many as a message has room for.
func filled(names []string) string {
	const indent, most = "    ", 12
	var lines []string
	line := ""
	for i, name := range names {
		last := i == len(names)-1
		if !last {
			name += ","
		}
		if line != "" && len(indent)+len(line)+1+len(name) > screenColumns-1 {
			lines = append(lines, line)
			line = ""
			if len(lines) == most-1 && !last {
				line = fmt.Sprintf("… and %d more", len(names)-i)
				break
			}
		}
		line = strings.TrimPrefix(line+" "+name, " ")
	}
	return strings.Join(append(lines, line), "\n"+indent)
}
