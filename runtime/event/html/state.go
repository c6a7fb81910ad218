package html

import (
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"

	"runbook/runtime/event"
)

// state returns the final state of a host, from the last table or else from its steps.
func (r *row) state() string {
	switch {
	case r.result != nil:
		return r.result.State
	case r.failed:
		return "failed"
	case len(r.open) > 0:
		return "no end"
	}
	return ""
}

// tone returns how good the state is, as a class of the page's style: what the recipe chose, or
// what the runtime's own states mean.
func (r *row) tone() string {
	if r.result != nil {
		switch r.result.Tone {
		case "good", "bad":
			return r.result.Tone
		case "busy":
			return "warn"
		}
	}
	switch r.state() {
	case "done", "unchanged":
		return "good"
	case "failed", "unknown":
		return "bad"
	case "refused", "interrupted", "not finished", "no end":
		return "warn"
	}
	return "plain"
}

func exitStatus(code int) string { return "exit status " + strconv.Itoa(code) }

// verdict is the result of the run: a word, its tone, and a sentence.
type verdict struct {
	Word, Tone, Sentence string
}

func (r *Report) verdict() verdict {
	took := words(r.took())
	if r.ended == nil || r.ended.Code == nil {
		return verdict{"No end", "warn", "The record stops after " + took +
			": runbook was killed, or the run is still active."}
	}
	hosts, failed := 0, 0
	for _, row := range r.rows {
		if row.result != nil {
			hosts++
		}
		if row.failed {
			failed++
		}
	}
	switch *r.ended.Code {
	case 0:
		if r.begun.DryRun {
			return verdict{"Dry run", "plain", "Nothing was changed" + on(hosts) + ". It took " + took + "."}
		}
		if skipped := len(r.ended.Hosts); skipped > 0 {
			return verdict{"Done", "warn", "Done" + on(hosts-skipped) + " in " + took + ", without " +
				count(skipped, "unreachable host") + "."}
		}
		return verdict{"Done", "good", "Done" + on(hosts) + " in " + took + "."}
	case 2:
		return verdict{"Not begun", "bad",
			"The command line, the recipe or the hosts file is wrong; no host was contacted."}
	case 3:
		return verdict{"Refused", "warn", "Refused after " + took + ", before anything was changed."}
	case 130:
		return verdict{"Interrupted", "warn", "Interrupted after " + took + "."}
	}
	if failed == 0 {
		return verdict{"Failed", "bad", "Failed after " + took + "."}
	}
	return verdict{"Failed", "bad", fmt.Sprintf("Failed on %d of %s after %s.", failed,
		count(max(hosts, failed), "host"), took)}
}

func on(hosts int) string {
	if hosts == 0 {
		return ""
	}
	return " on " + count(hosts, "host")
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return grouped(n) + " " + noun + "s"
}

// grouped formats a number with thin spaces between thousands.
func grouped(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "\u202f" + text[i:]
	}
	return text
}

// words formats a duration.
func words(d time.Duration) string {
	switch {
	case d < 100*time.Millisecond:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < time.Hour:
		d = d.Round(time.Second)
		return fmt.Sprintf("%d min %02d s", int(d.Minutes()), int(d.Seconds())%60)
	}
	d = d.Round(time.Minute)
	return fmt.Sprintf("%d h %02d min", int(d.Hours()), int(d.Minutes())%60)
}

// signed formats a difference: +1.2 s, −0.4 s.
func signed(d time.Duration) string {
	if d < 0 {
		return "−" + words(-d)
	}
	return "+" + words(d)
}

// recipe returns the name of the recipe's file without its folder.
func (r *Report) recipe() string {
	name := path.Base(strings.ReplaceAll(r.begun.Text, `\`, "/"))
	if r.begun.Kind != event.RunBegun || name == "." {
		return "a run"
	}
	return name
}
