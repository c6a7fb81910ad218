package script_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"runbook/runtime/event"
	"runbook/runtime/script"
)

// away is a host that answers after a delay.
type away struct {
	answered time.Time
	waits    []time.Duration // from an answer to the next call: the time in which the host is idle
}

// BenchmarkTurnWait measures how long hosts wait for their turn, when each answers after 20 ms and
// the recipe does a little work with every answer.
func BenchmarkTurnWait(b *testing.B) {
	lib, err := script.NewLibrary([]script.Object{{Name: "host", Type: reflect.TypeFor[*away](), Doc: "a host"}},
		script.Module{On: "host", Doc: "a host's own", Primitives: []script.Primitive{
			script.Func("ask", script.Reads, "asks", func(_ context.Context, h *away, _ struct{}) (string, error) {
				if !h.answered.IsZero() {
					h.waits = append(h.waits, time.Since(h.answered))
				}
				time.Sleep(20 * time.Millisecond)
				h.answered = time.Now()
				return "load average: 0.10, 0.04, 0.01", nil
			}),
		}},
		script.Module{Doc: "globals", Fields: []script.Field{{Name: "hosts", Type: "host[]", Doc: "the hosts"}},
			Primitives: []script.Primitive{
				script.Func("each", script.Reads, "for each host", func(ctx context.Context, _ script.None, a struct {
					Hosts []*away         `lua:"hosts,arg" doc:"which"`
					Fn    script.Callback `lua:"fn,arg" doc:"what to do"`
				}) (script.None, error) {
					var wg sync.WaitGroup
					for _, h := range a.Hosts {
						wg.Go(func() {
							if _, err := a.Fn.Thread(ctx, h); err != nil {
								b.Error(err)
							}
						})
					}
					wg.Wait()
					return script.None{}, nil
				}),
			}})
	if err != nil {
		b.Fatal(err)
	}
	path := filepath.Join(b.TempDir(), "r.lua")
	const source = `each(hosts, function(h) local sum = 0 ` +
		`for i = 1, 50 do sum = sum + tonumber(h:ask():match("average: ([%d.]+)")) end end)`
	if err := os.WriteFile(path, []byte(source), 0o600); err != nil {
		b.Fatal(err)
	}
	for _, n := range []int{10, 100, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var waits []time.Duration
			for b.Loop() {
				waits = append(waits, turnWaits(b, lib, path, n)...)
			}
			slices.Sort(waits)
			for name, share := range map[string]float64{"wait-p50-us": 0.5, "wait-p99-us": 0.99, "wait-max-us": 1} {
				at := min(int(share*float64(len(waits))), len(waits)-1)
				b.ReportMetric(float64(waits[at].Microseconds()), name)
			}
		})
	}
}

// turnWaits runs the recipe for n hosts and returns their waits.
func turnWaits(b *testing.B, lib *script.Library, path string, n int) (waits []time.Duration) {
	s, err := lib.NewState(event.NewStream(), script.StateOptions{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	list := make([]*away, n)
	for i := range list {
		list[i] = &away{}
	}
	if err := s.SetGlobal("hosts", list); err != nil {
		b.Fatal(err)
	}
	if err := s.Run(b.Context(), path); err != nil {
		b.Fatal(err)
	}
	for _, h := range list {
		waits = append(waits, h.waits...)
	}
	return waits
}
