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
	title  string // with … for the parts that differ between hosts
	depth  int
	aside  bool
	hue    int // the colour, which nested steps share
	took   []time.Duration
	most   time.Duration
	where  string // the host that took the most time
	failed int
	broke  bool            // it failed outside of any host
	before []time.Duration // in the previous run
}

// varying matches the parts of a step's title that differ between hosts and runs: revisions, times,
// ports.
var varying = regexp.MustCompile(`[\w.:-]*\d[\w.:-]*`)

// groupKey identifies a step: its titles without the varying parts.
func groupKey(s *span) string {
	kind := "step"
	if s.aside() {
		kind = "aside"
	}
	return varying.ReplaceAllString(strings.Join(s.path, "\x00"), "…") + "\x01" + kind
}

// groups returns the steps in the order they first began. A step that hosts have is not counted in
// the run's own row, where it would count twice.
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
		s.group = g
		if g.title != s.title() {
			g.title = varying.ReplaceAllString(s.title(), "…")
		}
		g.broke = g.broke || s.error != "" && host[s] == ""
		if host[s] != "" && g.where == "" {
			g.took, g.most = nil, 0 // so far only the run's own row had it
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

// listed returns the groups that are steps of the recipe, or all groups if there is none.
func listed(all []*group) []*group {
	steps := slices.DeleteFunc(slices.Clone(all), func(g *group) bool { return g.aside })
	if len(steps) == 0 {
		return all
	}
	return steps
}

// order sorts nested steps after the step that contains them, and gives each outermost step a
// colour.
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

// colours is the number of colours in page.css. The next number is the colour of bars that are not
// steps.
const colours = 7

// titles returns a key without its kind.
func titles(key string) string {
	before, _, _ := strings.Cut(key, "\x01")
	return before
}

// typical returns the median.
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

// compare adds the times of the same steps in an earlier run.
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

// slower returns how much longer a step took than in the previous run: negative if it was faster, 0
// if the difference is not notable or unknown.
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

// notable reports whether two times differ by more than the usual variation of networks and disks.
func notable(a, b time.Duration) bool {
	by := (a - b).Abs()
	return by >= 200*time.Millisecond && by*10 >= max(a, b)
}

// close ends spans and commands without an end, of a run that was killed or is still active.
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
