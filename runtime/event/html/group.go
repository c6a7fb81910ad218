package html

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"time"
)

// group is one step of the recipe on all hosts.
type group struct {
	key    string // see groupKey
	title  string // that of all hosts, or with … where they differ
	depth  int
	aside  bool
	hue    int // the colour, which what is nested in it shares
	took   []time.Duration
	most   time.Duration
	where  string // the host that took the most
	failed int
	broke  bool            // it failed where it belongs to no host
	before []time.Duration // in the previous run
}

// varying is what differs between hosts and runs in the title of one and the same step: revisions, times, ports.
var varying = regexp.MustCompile(`[\w.:-]*\d[\w.:-]*`)

// groupKey tells which spans are one step: the titles without what is particular to a host or a run.
func groupKey(s *span) string {
	kind := "step"
	if s.aside() {
		kind = "aside"
	}
	return varying.ReplaceAllString(strings.Join(s.path, "\x00"), "…") + "\x01" + kind
}

// groups are the steps in the order in which they first began. What is a bar of many hosts is none of the run's own row,
// where it would count twice.
func (r *Report) groups() ([]*group, map[string]*group) {
	byKey := map[string]*group{}
	var all []*group
	var spans []*span
	host := map[*span]string{}
	for _, row := range r.rows {
		for _, s := range row.spans {
			if s.drawn() {
				spans, host[s] = append(spans, s), row.host
			}
		}
	}
	slices.SortStableFunc(spans, func(a, b *span) int { return cmp.Compare(a.begun, b.begun) })
	for _, s := range spans {
		key := groupKey(s)
		g := byKey[key]
		if g == nil {
			g = &group{key: key, title: s.title(), depth: s.lane(), aside: s.aside()}
			byKey[key], all = g, append(all, g)
		}
		if g.title != s.title() {
			g.title = varying.ReplaceAllString(s.title(), "…")
		}
		g.broke = g.broke || s.error != "" && host[s] == ""
		if host[s] != "" && g.where == "" {
			g.took, g.most = nil, 0 // until now it was the run's own
		}
		if host[s] == "" && g.where != "" {
			continue
		}
		took := s.end - s.begun
		g.took = append(g.took, took)
		if took >= g.most {
			g.most, g.where = took, host[s]
		}
		if s.error != "" && host[s] != "" {
			g.failed++
		}
	}
	order(all)
	return all, byKey
}

// listed are the groups that are steps of the recipe; all of them where it has none.
func listed(all []*group) []*group {
	steps := slices.DeleteFunc(slices.Clone(all), func(g *group) bool { return g.aside })
	if len(steps) == 0 {
		return all
	}
	return steps
}

// order puts what is nested behind what it is nested in, and gives each outermost step a colour.
func order(all []*group) {
	place := map[string]int{}
	for i, g := range all {
		place[titles(g.key)] = i
	}
	path := func(g *group) []int {
		var at []int
		parts := strings.Split(titles(g.key), "\x00")
		for n := range parts {
			if i, ok := place[strings.Join(parts[:n+1], "\x00")]; ok {
				at = append(at, i)
			}
		}
		return at
	}
	paths := map[*group][]int{}
	for _, g := range all {
		paths[g] = path(g)
	}
	slices.SortStableFunc(all, func(a, b *group) int { return slices.Compare(paths[a], paths[b]) })
	hues := map[int]int{}
	for _, g := range all {
		root := paths[g][0]
		if g.aside {
			g.hue = colours
			continue
		}
		if _, ok := hues[root]; !ok {
			hues[root] = len(hues) % colours
		}
		g.hue = hues[root]
	}
}

// colours is how many page.css has; the one behind them is for what is no step.
const colours = 7

// titles is a key without the kind behind it.
func titles(key string) string {
	before, _, _ := strings.Cut(key, "\x01")
	return before
}

// typical is the middle one.
func typical(took []time.Duration) time.Duration {
	if len(took) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(took))
	if n := len(sorted); n%2 == 0 {
		return (sorted[n/2-1] + sorted[n/2]) / 2
	}
	return sorted[len(sorted)/2]
}

// compare adds what the same steps took in an earlier run.
func compare(byKey map[string]*group, previous *Report) {
	if previous == nil {
		return
	}
	previous.close()
	_, before := previous.groups()
	for key, g := range byKey {
		if b := before[key]; b != nil {
			g.before = b.took
		}
	}
}

// slower is by how much a step takes longer than in the previous run, negative when it takes less; 0 when that is
// within what the same step differs by anyway, or unknown.
func (g *group) slower() time.Duration {
	if len(g.before) == 0 {
		return 0
	}
	now, then := typical(g.took), typical(g.before)
	if notable(now, then) {
		return now - then
	}
	return 0
}

// notable tells whether two times differ by more than the network and the disk make of one.
func notable(a, b time.Duration) bool {
	by := (a - b).Abs()
	return by >= 200*time.Millisecond && by*10 >= max(a, b)
}

// close ends what had no end: the run was killed, or is still under way.
func (r *Report) close() {
	for _, row := range r.rows {
		for _, s := range row.open {
			if !s.ended {
				s.end = r.last.Sub(r.first)
			}
		}
		for _, s := range row.spans {
			for _, c := range s.runs {
				if c.end < 0 {
					c.end = s.end
				}
			}
		}
	}
}
