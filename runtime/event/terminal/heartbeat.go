package terminal

import (
	"slices"
	"strings"
	"time"

	"runbook/runtime/event"
)

// openStep is a step that has begun and not ended.
type openStep struct {
	titles []string // outermost first
	since  time.Time
}

// track keeps account of what is under way on each host.
func (s *Sink) track(e event.Event) {
	switch e.Kind {
	case event.StepBegun:
		s.open[e.Host] = append(s.open[e.Host], openStep{e.Step, time.Now()})
	case event.StepEnded:
		i := slices.IndexFunc(s.open[e.Host], func(o openStep) bool { return slices.Equal(o.titles, e.Step) })
		if i >= 0 {
			s.open[e.Host] = slices.Delete(s.open[e.Host], i, i+1)
		}
	}
}

// startHeartbeat says from time to time that a step which prints nothing is still running: a long silence and a run
// that hangs look the same.
func (s *Sink) startHeartbeat(every time.Duration) {
	s.quit, s.done = make(chan struct{}), make(chan struct{})
	go func() {
		defer close(s.done)
		ticker := time.NewTicker(every / 2)
		defer ticker.Stop()
		for {
			select {
			case <-s.quit:
				return
			case now := <-ticker.C:
				s.beat(now, every)
			}
		}
	}()
}

func (s *Sink) beat(now time.Time, every time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var hosts []string
	for host, steps := range s.open {
		if len(steps) > 0 && now.Sub(s.said[host]) >= every {
			hosts = append(hosts, host)
		}
	}
	slices.Sort(hosts)
	for _, host := range hosts {
		step := s.open[host][len(s.open[host])-1]
		indent := strings.Repeat("  ", len(step.titles)-1)
		text := last(step.titles) + ": still running, " + Seconds(now.Sub(step.since).Seconds())
		s.line(event.Event{Host: host}, indent+s.style.faint(text))
	}
}

func (s *Sink) stopHeartbeat() {
	if s.quit == nil {
		return
	}
	close(s.quit)
	<-s.done
}
