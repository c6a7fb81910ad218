//go:build unix

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"runbook/runtime/event"
	"runbook/runtime/lab"
	"runbook/runtime/lab/labtest"
)

// BenchmarkRoundTrips counts the round trips of a release, by its steps. The host is as a release
// that was made before leaves it: nothing is new but the release's name. It is behind a relay that
// delays both directions, so that one round trip is told from the next by time. With -v it prints
// what was sent at the beginning of each.
func BenchmarkRoundTrips(b *testing.B) {
	const oneWay = 25 * time.Millisecond
	l := labtest.StartWithGit(b, "web1")
	tools, err := l.Tools("python3")
	if err != nil {
		b.Fatal(err)
	}
	trips := &roundTrips{length: 2 * oneWay}
	port := labtest.Relay{Delay: oneWay, Pass: trips.count}.Listen(b, fmt.Sprintf("%s:%d", l.Hosts[0].Addr, l.Hosts[0].Port))
	b.Chdir(b.TempDir())
	key, err := os.ReadFile(l.KnownHosts())
	if err != nil {
		b.Fatal(err)
	}
	known := string(key) + strings.ReplaceAll(string(key), fmt.Sprintf(":%d ", l.Hosts[0].Port), fmt.Sprintf(":%d ", port))
	hosts := fmt.Sprintf("return { user = %q, identity = %q, known_hosts = \"known_hosts\",\n  { name = \"web1\", address = \"127.0.0.1\", port = %d },\n}\n",
		lab.User, l.AdminKey(), port)
	if err := errors.Join(os.WriteFile("hosts.lua", []byte(hosts), 0o600), os.WriteFile("known_hosts", []byte(known), 0o600)); err != nil {
		b.Fatal(err)
	}
	for name, value := range map[string]string{
		"HOME": b.TempDir(), "XDG_STATE_HOME": "", "NO_COLOR": "1", "RUNBOOK_HOSTS": "hosts.lua", "RUNBOOK_KNOWN_HOSTS": "known_hosts",
		"RUNBOOK_REPO": l.RepoURL(), "RUNBOOK_KEY": l.DeployKey(), "RUNBOOK_PYTHON": tools.Python, "RUNBOOK_MOD_WSGI_EXPRESS": tools.ModWSGIExpress,
		"RUNBOOK_PIP_ARG": "--no-index\n--find-links=" + l.Wheels(), "RUNBOOK_VENV": "reuse", "RUNBOOK_ROOT": l.Root("web1"),
	} {
		b.Setenv(name, value)
	}
	for _, words := range [][]string{{"init", "."}, {"run", "recipes/setup.lua"}, {"run", "recipes/release.lua"}} {
		if status, said := runHere(words...); status != 0 {
			b.Fatal(said)
		}
	}
	n := 0
	for b.Loop() {
		n++
		trips.reset()
		status, said := runHere("run", "recipes/release.lua", "--release", fmt.Sprint("r", n), "--json")
		if status != 0 {
			b.Fatal(said)
		}
		phases, order := trips.byStep(b, said)
		for _, name := range order {
			b.ReportMetric(float64(phases[name]), name)
		}
		b.ReportMetric(float64(len(trips.began)), "trips")
	}
}

// roundTrips are the times when a client sent something that is not on the same journey as what it
// sent before.
type roundTrips struct {
	length time.Duration
	mu     sync.Mutex
	began  []time.Time
}

func (r *roundTrips) reset() { r.began = nil }

func (r *roundTrips) count(toServer bool, n int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now := time.Now(); toServer && n > 0 && (len(r.began) == 0 || now.Sub(r.began[len(r.began)-1]) >= r.length) {
		r.began = append(r.began, now)
	}
	return true
}

// byStep counts the trips by the step that they began in.
func (r *roundTrips) byStep(b *testing.B, said string) (counts map[string]int, order []string) {
	b.Helper()
	counts = map[string]int{}
	step, rest := "connect", r.began
	for line := range strings.Lines(said) {
		var e event.Event
		if !strings.HasPrefix(line, "{") {
			continue
		} else if err := json.Unmarshal([]byte(line), &e); err != nil {
			b.Fatal(err)
		}
		took := 0
		for len(rest) > 0 && rest[0].Before(e.Time) {
			counts[step]++
			rest, took = rest[1:], took+1
		}
		if testing.Verbose() {
			fmt.Printf("%3d %-14s %-12s %.100s\n", took, e.Kind, step, strings.ReplaceAll(e.Text, "\n", " "))
		}
		if len(e.Step) > 0 {
			step, _, _ = strings.Cut(strings.Join(e.Step, "/"), " ")
			if i := slices.Index(e.Step, e.Step[len(e.Step)-1]); i > 0 {
				step, _, _ = strings.Cut(e.Step[1], " ")
			}
		}
		if !slices.Contains(order, step) {
			order = append(order, step)
		}
	}
	counts["end"] = len(rest)
	return counts, append(order, "end")
}
