package fs_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"runbook/runtime/inventory"
	"runbook/runtime/lab/labtest"
	"runbook/runtime/ssh/shell"
)

func TestMissing(t *testing.T) {
	onBoth(t, func(b *bench) {
		b.put("file", "text")
		paths := []string{b.path("none"), b.path("file"), b.path("file/none"), b.dir}
		if got, err := b.files.Missing(b.ctx, paths); err != nil || !slices.Equal(got, []string{paths[0], paths[2]}) {
			b.Errorf("%q, %v", got, err)
		}
		if got, err := b.files.Missing(b.ctx, nil); err != nil || got == nil || len(got) > 0 {
			b.Errorf("of none: %q, %v", got, err)
		}
		if _, err := b.files.Missing(b.ctx, []string{b.dir, "relative"}); err == nil {
			b.Error("a relative path is taken")
		}
	})
}

// Many paths cost one round trip.
func TestMissingAsksTogether(t *testing.T) {
	admin := filepath.Join(t.TempDir(), "admin")
	server := labtest.StartSSHD(t, []string{labtest.Line(labtest.Key(t, admin), "")})
	port, journeys := far(t, server.Address())
	b := newBench(t, func(p *shell.Pool) *shell.Host {
		return p.Host(inventory.Host{Name: "web1", Address: "127.0.0.1", Port: port, User: server.User,
			Identities: []string{admin},
			KnownHosts: []string{server.KnownHosts}, HostKeyAlias: fmt.Sprintf("[127.0.0.1]:%d", server.Port),
			IdentityAgent: "none"})
	})
	if _, err := b.files.Exists(b.ctx, b.dir); err != nil {
		t.Fatal(err)
	}
	paths := make([]string, 200)
	for i := range paths {
		paths[i] = b.path(fmt.Sprint(i))
	}
	before := journeys.Load()
	if got, err := b.files.Missing(b.ctx, paths); err != nil || len(got) != len(paths) {
		t.Fatalf("%d, %v", len(got), err)
	}
	if n := journeys.Load() - before; n > 3 {
		t.Errorf("%d paths took %d journeys", len(paths), n)
	}
}

// far relays to address and counts the trips there. A trip takes a while, and what arrives
// meanwhile travels on the next one.
func far(t *testing.T, address string) (port int, journeys *atomic.Int64) {
	t.Helper()
	journeys = &atomic.Int64{}
	port = labtest.Relay{Pass: func(toServer bool, n int) bool {
		if toServer && n > 0 {
			journeys.Add(1)
			time.Sleep(5 * time.Millisecond)
		}
		return true
	}}.Listen(t, address)
	return port, journeys
}
