package html

import (
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"

	"runbook/runtime/event"
)

// state is what became of a host: what the last table says, or else what can be told from its steps.
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

// tone is how good a state is. A state that a recipe has made up is none of these, and is shown as neither.
func tone(state string) string {
	switch state {
	case "done", "released", "rolled back", "unchanged", "ready":
		return "good"
	case "failed", "unknown":
		return "bad"
	case "refused", "interrupted", "restored", "restored, not restarted", "not switched", "not finished", "prepared", "no end":
		return "warn"
	}
	return "plain"
}

func exitStatus(code int) string { return "exit status " + strconv.Itoa(code) }

// verdict is what became of the run: a word, how good it is, and a sentence.
type verdict struct {
	Word, Tone, Sentence string
}

func (r *Report) verdict() verdict {
	took := words(r.took())
	if r.ended == nil || r.ended.Code == nil {
		return verdict{"No end", "warn", "The record stops after " + took + ": runbook was killed, or the run is still under way."}
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
		return verdict{"Done", "good", "Done" + on(hosts) + " in " + took + "."}
	case 2:
		return verdict{"Not begun", "bad", "The command line, the recipe or the hosts file is wrong; no host was contacted."}
	case 3:
		return verdict{"Refused", "warn", "Refused after " + took + ", before anything was changed."}
	case 130:
		return verdict{"Interrupted", "warn", "Interrupted after " + took + "."}
	}
	if failed == 0 {
		return verdict{"Failed", "bad", "Failed after " + took + "."}
	}
	return verdict{"Failed", "bad", fmt.Sprintf("Failed on %d of %s after %s.", failed, count(max(hosts, failed), "host"), took)}
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

// grouped is a number with a thin space between thousands.
func grouped(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "\u202f" + text[i:]
	}
	return text
}

// words is a duration as the page shows it.
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

// signed is a difference: +1.2 s, −0.4 s.
func signed(d time.Duration) string {
	if d < 0 {
		return "−" + words(-d)
	}
	return "+" + words(d)
}

// recipe is the file's name without the folders.
func (r *Report) recipe() string {
	name := path.Base(strings.ReplaceAll(r.begun.Text, `\`, "/"))
	if r.begun.Kind != event.RunBegun || name == "." {
		return "a run"
	}
	return name
}
