package terminal_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"runbook/runtime/event"
	"runbook/runtime/event/terminal"
)

// samplePlan is a release on three hosts, one of them in another state, with a step of the admin's
// own.
func samplePlan() *event.Plan {
	commits := event.PlanPart{Title: "commits", Omitted: 12, Rows: [][]string{
		{"9ab34cd210", "2026-01-05", "Ada Lovelace",
			"Show the price with and without taxes, in the currency of the visitor's country"},
		{"81c2d4e6f8", "2026-01-05", "Bob", "Fix the login"},
		{"7f00112233", "2026-01-04", "Grace Brewster Murray Hopper", "Add a price"},
		{"6e5d4c3b2a", "2026-01-04", "Bob", "Größe"},
	}}
	restart := event.PlanPart{Title: "restart",
		Text: "stop and start instead of touch: Apache's limits grow, which only a new Apache process takes"}
	return &event.Plan{
		Groups: []event.PlanGroup{
			{Hosts: []string{"web1", "web2"}, Parts: []event.PlanPart{
				{Title: "release",
					Text: "20260101-120000 (4f1c2d3e5a) → 20260105-120000 (9ab34cd210), 16 commits ahead"},
				commits,
				{Title: "requirements", Rows: [][]string{{"celery", "5.3.4", "added"},
					{"Django", "4.2.1 → 4.2.3", "changed"}}},
				{Title: "migrations",
					Warning: "1 migration is orphaned: " +
						"only the current release can undo what was applied, so do that first",
					Rows: [][]string{{"shop/migrations/0004_price_with_and_without_taxes.py", "orphaned"}}},
				{Title: "httpd.conf", Text: "written again",
					Diff: "--- httpd.conf\n+++ httpd.conf\n@@ -1,3 +1,3 @@\n" +
						"   --port 8000\n-  --processes 2\n+  --processes 4\n"},
				restart,
			}},
			{Hosts: []string{"web3"}, Parts: []event.PlanPart{
				{Title: "release",
					Text: "20260103-120000 (7f00112233) → 20260105-120000 (9ab34cd210), 2 commits ahead"},
				commits, restart, {Title: "prune", Text: "20251220-120000"},
			}},
		},
		Calls: []event.PlanCall{
			{Hosts: []string{"web1", "web2", "web3"}, Step: []string{"switch", "clear the cache"},
				Text: "/srv/app/releases/20260105-120000/venv/bin/python manage.py clear_cache", Times: 2},
			{Hosts: []string{"web3"}, Text: `host.fs:write("/etc/motd", "…")`, Note: "a new file",
				Diff: "--- /etc/motd\n+++ /etc/motd\n@@ -0,0 +1,1 @@\n+welcome\n"},
		},
		Seconds: 42.3, Runs: 5,
	}
}

func TestPlanText(t *testing.T) {
	for _, columns := range []int{60, 100, 200} {
		text := terminal.PlanText(samplePlan(), columns)
		for line := range strings.Lines(text) {
			if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > columns &&
				strings.Contains(strings.TrimSpace(line), " ") {
				t.Errorf("in %d columns a line has %d: %s", columns, n, line)
			}
		}
		golden(t, filepath.Join("testdata", fmt.Sprintf("plan-%d-columns.golden", columns)), text)
	}
	for want, plan := range map[string]*event.Plan{
		"nothing would change\n": {},
		"plan for web1\n  release         the first release\ntime: about 7.0 s, as the last run\n\n": {Seconds: 7,
			Runs: 1,
			Groups: []event.PlanGroup{{Hosts: []string{"web1"},
				Parts: []event.PlanPart{{Title: "release", Text: "the first release"}}}}},
		"calls\n  -               true\n" +
			"time: not known: the journal has no run of this recipe on these hosts\n\n": {
			Calls: []event.PlanCall{{Text: "true"}}},
	} {
		if got := terminal.PlanText(plan, 0); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
