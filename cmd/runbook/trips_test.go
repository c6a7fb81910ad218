//go:build unix

package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"runbook/runtime/event"
	"runbook/runtime/lab"
	"runbook/runtime/lab/labtest"
)

// BenchmarkRoundTrips reports the round trips that a tripCounter counts.
func BenchmarkRoundTrips(b *testing.B) {
	c := newTripCounter(b)
	for b.Loop() {
		total := 0
		for step, count := range c.release() {
			b.ReportMetric(float64(count), step)
			total += count
		}
		b.ReportMetric(float64(total), "trips")
	}
}

// TestRoundTrips fails where a phase of a release needs more round trips than runtime/README.md
// says, and one more for a slow machine. They are told apart by time, so it runs without other
// tests, as .ci/run does, and the best of three releases counts.
func TestRoundTrips(t *testing.T) {
	phases := map[string]string{"connect": "connect", "preflight": "preflight",
		"clone": "build", "link": "build", "import": "build", "verify": "build"} // the rest is "switch"
	most := map[string]int{"connect": 7, "preflight": 12, "build": 8, "switch": 18}
	best := map[string]int{}
	c := newTripCounter(t)
	for range 3 {
		got := map[string]int{}
		for step, count := range c.release() {
			got[cmp.Or(phases[step], "switch")] += count
		}
		for phase, count := range got {
			if best[phase] == 0 || count < best[phase] {
				best[phase] = count
			}
		}
	}
	for phase, limit := range most {
		if count := best[phase]; count == 0 || count > limit {
			t.Errorf("%s takes %d round trips, want 1 to %d", phase, count, limit)
		}
	}
}

// tripCounter counts the round trips of a release to one host, by the step that they began in. Only
// the release's name is new to the host: the last release left the mirror with the commit, the
// virtualenv and the server's configuration. A relay delays both directions, so that the times
// separate round trips. With -v it prints the events, each with the round trips before it.
type tripCounter struct {
	testing.TB
	trips    *roundTrips
	releases int
}

func newTripCounter(b testing.TB) *tripCounter {
	const oneWay = 25 * time.Millisecond
	l := labtest.StartWithGit(b, "web1")
	tools, err := l.Tools("python3")
	if err != nil {
		b.Fatal(err)
	}
	known, err := os.ReadFile(l.KnownHosts())
	if err != nil {
		b.Fatal(err)
	}
	trips := &roundTrips{length: 2 * oneWay}
	web := l.Hosts[0]
	port := labtest.Relay{Delay: oneWay, Pass: trips.count}.Listen(b, fmt.Sprintf("%s:%d", web.Addr, web.Port))
	b.Chdir(b.TempDir())
	hosts := fmt.Sprintf("return { user = %q, identity = %q, known_hosts = \"known_hosts\",\n  { name = \"web1\", address = \"127.0.0.1\", port = %d },\n}\n",
		lab.User, l.AdminKey(), port)
	all := string(known) + strings.ReplaceAll(string(known), fmt.Sprintf(":%d ", web.Port), fmt.Sprintf(":%d ", port))
	if err := errors.Join(os.WriteFile("hosts.lua", []byte(hosts), 0o600),
		os.WriteFile("known_hosts", []byte(all), 0o600)); err != nil {
		b.Fatal(err)
	}
	for name, value := range map[string]string{
		"HOME": b.TempDir(), "XDG_STATE_HOME": "", "NO_COLOR": "1", "RUNBOOK_HOSTS": "hosts.lua",
		"RUNBOOK_KNOWN_HOSTS": "known_hosts",
		"RUNBOOK_REPO":        l.RepoURL(), "RUNBOOK_KEY": l.DeployKey(), "RUNBOOK_PYTHON": tools.Python,
		"RUNBOOK_MOD_WSGI_EXPRESS": tools.ModWSGIExpress,
		"RUNBOOK_PIP_ARG":          "--no-index\n--find-links=" + l.Wheels(), "RUNBOOK_VENV": "reuse",
		"RUNBOOK_ROOT": l.Root("web1"),
	} {
		b.Setenv(name, value)
	}
	for _, words := range [][]string{{"init", "."}, {"run", "recipes/release.lua"}} {
		if status, said := runHere(words...); status != 0 {
			b.Fatal(said)
		}
	}
	return &tripCounter{TB: b, trips: trips}
}

// release makes a release and returns its round trips by step.
func (c *tripCounter) release() map[string]int {
	c.trips.reset()
	c.releases++
	status, said := runHere("run", "recipes/release.lua", "--release", fmt.Sprint("r", c.releases), "--json")
	if status != 0 {
		c.Fatal(said)
	}
	return c.trips.bySteps(c.TB, said)
}

// roundTrips records when round trips began. What a client sends within one round-trip time of the
// beginning counts as the same round trip.
type roundTrips struct {
	length time.Duration
	mu     sync.Mutex
	began  []time.Time
}

// reset begins to count again.
func (r *roundTrips) reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.began = nil
}

// count is a Pass of a relay.
func (r *roundTrips) count(toServer bool, n int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now := time.Now(); toServer && n > 0 && (len(r.began) == 0 || now.Sub(r.began[len(r.began)-1]) >= r.length) {
		r.began = append(r.began, now)
	}
	return true
}

// bySteps counts the round trips by the first word of the innermost step that they began in.
func (r *roundTrips) bySteps(b testing.TB, said string) map[string]int {
	b.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	counts, step, rest := map[string]int{}, "connect", r.began
	for line := range strings.Lines(said) {
		if !strings.HasPrefix(line, "{") {
			continue // a line for people
		}
		var e event.Event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			b.Fatal(err)
		}
		took := 0
		for ; len(rest) > 0 && rest[0].Before(e.Time); rest = rest[1:] {
			took++
		}
		counts[step] += took
		if testing.Verbose() {
			b.Logf("%3d %-14s %-12s %.100s", took, e.Kind, step, strings.ReplaceAll(e.Text, "\n", " "))
		}
		if len(e.Step) > 0 {
			step, _, _ = strings.Cut(e.Step[len(e.Step)-1], " ")
		}
	}
	counts["end"] += len(rest)
	return counts
}
