package terminal

import (
	"slices"
	"strings"
	"time"

	"runbook/runtime/event"
)

// startHeartbeat reports steps that are still running but print nothing, or commands if the recipe
// has no steps. Without it, a long silence looks like a run that hangs.
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
	beats := []*hostState{{open: s.now.outer}}
	beats = append(beats, s.now.hosts...)
	slices.SortStableFunc(beats, func(a, b *hostState) int { return strings.Compare(a.name, b.name) })
	for _, h := range beats {
		if now.Sub(s.said[h.name]) < every {
			continue
		}
		if len(h.open) == 0 {
			s.beatCommand(h, now)
			continue
		}
		step := h.open[len(h.open)-1]
		e := event.Event{Host: h.name, Step: step.titles, Time: now}
		s.step(e, ": still running, "+event.Seconds(now.Sub(step.since).Seconds()), s.style.faint)
	}
}

// beatCommand reports the activity of a host in a recipe without steps.
func (s *Sink) beatCommand(h *hostState, now time.Time) {
	e := event.Event{Host: h.name, Time: now}
	switch {
	case s.now.steps || !h.working:
	case h.command != "":
		s.line(e, 0, s.style.faint("$ "+h.command+": still running, "+event.Seconds(now.Sub(h.since).Seconds())))
	case !h.connected:
		s.line(e, 0, s.style.faint("still connecting, "+event.Seconds(now.Sub(h.since).Seconds())))
	}
}

func (s *Sink) stopHeartbeat() {
	if s.quit == nil {
		return
	}
	close(s.quit)
	<-s.done
}
