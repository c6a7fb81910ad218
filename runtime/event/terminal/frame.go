package terminal

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"

	"runbook/runtime/event"
)

// frame draws the current state: failed hosts, busy hosts, a count of the others, and the run as a
// whole. Failed hosts are always named.
func (s *Sink) frame(now time.Time, columns, rows int) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := drawing{state: &s.now, style: s.style, now: now, columns: columns, steps: max(s.opts.Steps, s.now.most)}
	d.name = min(max(s.width, 4), max(8, columns/4))
	foot := d.foot()
	room := max(1, maxRows(rows)-len(foot)-1)

	var failed, busy []*hostState
	for _, h := range s.now.hosts {
		switch {
		case h.busy():
			busy = append(busy, h)
		case h.failed != "":
			failed = append(failed, h)
		}
	}
	lines := d.failures(failed, max(1, room/2))
	lines = append(lines, d.busy(busy, max(1, room-len(lines)))...)
	if rest := d.others(); rest != "" {
		lines = append(lines, rest)
	}
	lines = append(lines, foot...)
	if over := len(lines) - maxRows(rows); over > 0 {
		lines = lines[over:]
	}
	for i, line := range lines {
		lines[i] = ansi.Truncate(line, columns-1, "…") // a full line would wrap on some terminals
	}
	return strings.Join(lines, "\n")
}

// maxRows returns how many rows of the screen a frame may use. The others are for the permanent
// lines above it.
func maxRows(rows int) int { return max(3, rows*2/3) }

// drawing is one frame while it is drawn.
type drawing struct {
	*state
	style         styles
	now           time.Time
	columns, name int // the width of the screen, and of the column of names
	what          int // the width of the longest activity
	steps         int // the expected number of steps per host; 0 for unknown
}

func (d *drawing) host(h *hostState, style func(string) string) string {
	return style(pad(ansi.Truncate(h.name, d.name, "…"), d.name))
}

// failures returns a line for each failed host, or only their names if there are too many.
func (d *drawing) failures(failed []*hostState, room int) []string {
	var lines []string
	if len(failed) <= room {
		for _, h := range failed {
			lines = append(lines, d.host(h, d.style.failure)+"  "+d.style.failure("failed: ")+h.failed)
		}
		return lines
	}
	names := make([]string, len(failed))
	for i, h := range failed {
		names[i] = h.name
	}
	text := fmt.Sprintf("%d failed: %s", len(failed), strings.Join(names, " "))
	for _, line := range strings.Split(ansi.Wordwrap(text, d.columns-1, ""), "\n") {
		lines = append(lines, d.style.failure(strings.TrimSpace(line)))
	}
	return lines
}

// busy returns a line for each host. If there are too many, those that have been busy the longest
// are kept.
func (d *drawing) busy(hosts []*hostState, room int) []string {
	folded := 0
	if len(hosts) > room {
		folded = len(hosts) - room + 1
		byAge := slices.SortedStableFunc(slices.Values(hosts),
			func(a, b *hostState) int { return a.begin().Compare(b.begin()) })
		stay := byAge[:len(hosts)-folded]
		hosts = slices.DeleteFunc(slices.Clone(hosts), func(h *hostState) bool { return !slices.Contains(stay, h) })
	}
	var lines []string
	for _, h := range hosts {
		d.what = max(d.what, width(d.doing(h)))
	}
	for _, h := range hosts {
		lines = append(lines, d.line(h))
	}
	if folded > 0 {
		lines = append(lines, d.style.faint(fmt.Sprintf("… and %d more at work", folded)))
	}
	return lines
}

// begin returns when the host's current activity began.
func (h *hostState) begin() time.Time {
	if n := len(h.open); n > 0 && h.hook == "" {
		return h.open[n-1].since
	}
	return h.since
}

// line returns the line of a busy host: its activity, for how long, its progress, and the latest
// detail.
func (d *drawing) line(h *hostState) string {
	what := d.doing(h)
	took := fmt.Sprintf("%7s", event.Seconds(d.now.Sub(h.begin()).Seconds()))
	far := ""
	if d.state.steps {
		far = fmt.Sprint(h.done)
		if d.steps > h.done { // otherwise the expected number was wrong
			far = fmt.Sprintf("%*d/%d", len(fmt.Sprint(d.steps)), h.done, d.steps)
		}
		far += "  "
	}
	fixed := d.name + 2 + 2 + len(took) + 2 + len(far)
	whatWidth := min(d.what, max(12, d.columns-fixed-1)) // the detail gets the rest
	style := func(text string) string { return text }
	if h.hook != "" {
		style = d.style.warning
	}
	left := d.host(h, d.style.host) + "  " + style(pad(ansi.Truncate(what, whatWidth, "…"), whatWidth)) + "  " + took +
		"  " + d.style.faint(far)
	return left + d.style.faint(h.detail())
}

// doing returns the host's activity, if possible by the title of its step.
func (d *drawing) doing(h *hostState) string {
	switch n := len(h.open); {
	case h.hook == "" && d.interrupted && n > 0:
		return "ending: " + last(h.open[n-1].titles)
	case h.hook == onFailure && n > 0:
		return "putting back: " + last(h.open[n-1].titles)
	case h.hook == onFailure:
		return "putting back"
	case h.hook != "":
		return "cleaning up"
	case n > 0 && d.columns >= 100:
		return strings.Join(h.open[n-1].titles, separator)
	case n > 0:
		return last(h.open[n-1].titles)
	case h.command != "":
		return "$ " + ansi.Truncate(h.command, 40, "…")
	case !h.connected:
		return "connecting"
	case len(d.outer) > 0:
		return last(d.outer[len(d.outer)-1].titles)
	}
	return ""
}

// detail returns the latest detail: the holder of a lock, a transfer, a line of output, or the
// command.
func (h *hostState) detail() string {
	switch {
	case h.waiting != "":
		return "waiting for the lock: " + h.waiting
	case h.transfer.Total > 0:
		return fmt.Sprintf("%s of %s  %s", megabytes(h.transfer.Bytes), megabytes(h.transfer.Total), h.transfer.Text)
	case h.transfer.Bytes > 0:
		return fmt.Sprintf("%s  %s", megabytes(h.transfer.Bytes), h.transfer.Text)
	case h.output != "":
		return strings.ReplaceAll(h.output, "\t", " ")
	case h.command != "" && len(h.open) > 0:
		return "$ " + strings.ReplaceAll(h.command, "\t", " ")
	}
	return ""
}

func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }

// others counts the idle hosts by state.
func (d *drawing) others() string {
	var order []string
	count := map[string]int{}
	for _, h := range d.hosts {
		if h.busy() || h.failed != "" {
			continue
		}
		word := cmp.Or(h.rest, "waiting")
		if word == "done" { // the recipe may use the host again
			word = "done so far"
			if d.in() != h.doneIn {
				word = "waiting"
			}
		}
		if !h.connected {
			word = "connecting"
		}
		if count[word] == 0 {
			order = append(order, word)
		}
		count[word]++
	}
	var parts []string
	for _, word := range order {
		parts = append(parts, fmt.Sprintf("%d %s", count[word], word))
	}
	if len(parts) == 0 {
		return ""
	}
	return d.style.faint(strings.Join(parts, ", "))
}

// in returns the current step outside of any host, or "".
func (s *state) in() string {
	if n := len(s.outer); n > 0 {
		return strings.Join(s.outer[n-1].titles, separator)
	}
	return ""
}

// foot returns the lines about the run as a whole.
func (d *drawing) foot() []string {
	text := d.recipe + "  " + event.Seconds(d.now.Sub(d.began).Seconds())
	if n := len(d.outer); n > 0 {
		text += "  " + strings.Join(d.outer[n-1].titles, separator)
	}
	lines := []string{d.style.faint(text)}
	if d.interrupted {
		lines = append(lines, d.style.warning("interrupted; Ctrl-C once more skips what is left"))
	}
	return lines
}
