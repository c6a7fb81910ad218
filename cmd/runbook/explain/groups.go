package explain

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"runbook/runtime/run"
)

// group is a failure that several hosts may share.
type group struct {
	run.Fault          // of the first host
	hosts     []string // nil if no host caused it
	differ    bool     // the numbers in the command's output differ between hosts
}

// group groups hosts that failed in the same way.
func (w Words) group(faults []run.Fault) []group {
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

// numbers matches process ids, times and the like, which differ from host to host.
var numbers = regexp.MustCompile(`[0-9]+`)

// key returns the same text for failures that are shown as one: they differ only in the host's
// address, and in the command's output only in the host's name and in numbers.
func (w Words) key(f run.Fault) string {
	f.Message, f.Tail = f.General(), numbers.ReplaceAllString(strings.ReplaceAll(f.Tail, f.Host, "HOST"), "#")
	f.Host, f.Address = "", ""
	return w.fault(group{Fault: f}, detail{source: true, tail: mostLines}) + "\x00" + w.hint(f)
}

// where returns the beginning of a message, the hosts and the steps. Many hosts are counted in it
// and named below it.
func (g group) where() (words []string, below string) {
	const longest = 60
	if names := strings.Join(g.hosts, ", "); len(names) <= longest || len(g.hosts) == 1 {
		words = []string{names}
	} else {
		words, below = []string{fmt.Sprintf("%d hosts", len(g.hosts))}, "\n  on "+wrapNames(g.hosts)
	}
	words = slices.DeleteFunc(append(words, g.Step...), func(word string) bool { return word == "" })
	if len(words) == 0 && !g.Listed {
		return []string{"runbook"}, ""
	}
	return words, below
}

// wrapNames joins names with commas, in lines of a screen's width and as many as a message has room
// for.
func wrapNames(names []string) string {
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
