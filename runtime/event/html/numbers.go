package html

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// numbers returns the key figures of the run.
func (r *Report) numbers(all []*group, previous *Report) []figure {
	numbers := []figure{r.time(previous), r.states()}
	if slowest, ok := r.slowest(); ok {
		numbers = append(numbers, slowest)
	}
	if previous != nil {
		return append(numbers, change(all))
	}
	return append(numbers, figure{Name: "Commands", Value: grouped(r.commands), Beside: "run" +
		on(len(r.byHost)-r.none())})
}

// none returns how many rows belong to no host: 0 or 1.
func (r *Report) none() int {
	if r.byHost[""] != nil {
		return 1
	}
	return 0
}

func (r *Report) time(previous *Report) figure {
	n := figure{Name: "Time", Value: words(r.took())}
	if previous == nil {
		n.Beside = "no earlier run to compare with"
		return n
	}
	now, then := r.took(), previous.took()
	switch {
	case !notable(now, then):
		n.Beside = "as long as the previous run"
	case now > then:
		n.Beside = words(now-then) + " longer than the previous run"
	default:
		n.Beside = words(then-now) + " less than the previous run"
	}
	return n
}

// states counts the hosts by state, the worst first.
func (r *Report) states() figure {
	counts, tones, hosts := map[string]int{}, map[string]string{}, 0
	var states []string
	for _, row := range r.rows {
		if row.host == "" || row.result == nil {
			continue
		}
		hosts++
		s := row.result.State
		if counts[s] == 0 {
			states = append(states, s)
			tones[s] = row.tone()
		}
		counts[s]++
	}
	if hosts == 0 {
		return figure{Name: "Hosts", Value: grouped(len(r.byHost) - r.none())}
	}
	worst := []string{"bad", "warn", "plain", "good"}
	slices.SortStableFunc(states, func(a, b string) int {
		return slices.Index(worst, tones[a]) - slices.Index(worst,
			tones[b])
	})
	var parts []string
	for _, s := range states {
		parts = append(parts, grouped(counts[s])+" "+s)
	}
	return figure{Name: "Hosts", Value: grouped(hosts), Beside: strings.Join(parts, ", ")}
}

// slowest returns the step that took longest on one host, of those without steps within them.
func (r *Report) slowest() (figure, bool) {
	var most *span
	var host string
	for _, row := range r.rows {
		explained := map[*span]bool{}
		for _, s := range row.spans {
			if s.drawn() && s.parent != nil {
				explained[s.parent] = true
			}
		}
		for _, s := range row.spans {
			if row.host != "" && s.drawn() && !explained[s] && (most == nil || s.end-s.begun > most.end-most.begun) {
				most, host = s, row.host
			}
		}
	}
	if most == nil {
		return figure{}, false
	}
	return figure{Name: "Slowest step", Value: words(most.end - most.begun), Beside: most.title() + ", on " + host},
		true
}

// change returns the step that slowed down the most since the previous run.
func change(all []*group) figure {
	compared := slices.ContainsFunc(all, func(g *group) bool { return len(g.before) > 0 })
	if !compared {
		return figure{Name: "Against the previous run", Value: "–", Beside: "no step in common"}
	}
	worst := slices.MaxFunc(all, func(a, b *group) int { return int(max(0, a.slower()) - max(0, b.slower())) })
	if worst.slower() <= 0 {
		return figure{Name: "Against the previous run", Value: "as fast", Beside: "no step became slower", Tone: "good"}
	}
	then := typical(worst.before)
	return figure{Name: "Became slower", Value: signed(worst.slower()), Tone: "warn",
		Beside: fmt.Sprintf("%s: %s, was %s", worst.title, words(then+worst.slower()),
			words(then.Round(time.Millisecond)))}
}
