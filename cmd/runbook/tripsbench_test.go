//go:build unix

package main

import (
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

// BenchmarkRoundTrips counts the round trips of a release to one host, by the step that they began
// in. Only the release's name is new to the host: the last release left the mirror with the
// commit, the virtualenv and the server's configuration. A relay delays both directions, so that
// the times separate round trips. With -v it prints the events, each with the round trips before
// it.
func BenchmarkRoundTrips(b *testing.B) {
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
	for n := 0; b.Loop(); n++ {
		trips.reset()
		status, said := runHere("run", "recipes/release.lua", "--release", fmt.Sprint("r", n), "--json")
		if status != 0 {
			b.Fatal(said)
		}
		total := 0
		for step, count := range trips.bySteps(b, said) {
			b.ReportMetric(float64(count), step)
			total += count
		}
		b.ReportMetric(float64(total), "trips")
	}
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
func (r *roundTrips) bySteps(b *testing.B, said string) map[string]int {
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
