package run

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"runbook/runtime/event"
	"runbook/runtime/inventory"
	"runbook/runtime/recipe"
)

// TestInterruptedWhileReading interrupts each part of start-up. It ends as an interrupt, not as a
// mistake in what was being read.
func TestInterruptedWhileReading(t *testing.T) {
	dir := t.TempDir()
	for path, text := range map[string]string{
		"r.lua":       "recipe { options = { text = { \"a\" } } }\n",
		"endless.lua": "while true do end\nrecipe {}\n",
		"hosts.lua":   "return { \"web1\" }\n",
		"slow.lua":    "while true do end\n",
		"hosts.txt":   "web1\n",
		"ssh_config":  "User ada\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, path), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	stream := event.NewStream()
	api, err := NewAPI(Extension{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := recipe.Load(t.Context(), api, stream, filepath.Join(dir, "r.lua"), nil)
	if err != nil {
		t.Fatal(err)
	}
	load := func(hosts string) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := Prepare(ctx, loaded, Options{Inventory: inventory.Options{Dir: dir, Hosts: []string{hosts},
				SSHConfig: "ssh_config"}})
			return err
		}
	}
	check := func(path string) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := recipe.Check(ctx, api, stream, []string{filepath.Join(dir, path)})
			return Usage(err)
		}
	}
	describe := func(ctx context.Context) error {
		_, err := recipe.Describe(ctx, api, stream, filepath.Join(dir, "endless.lua"), nil)
		return Usage(err)
	}
	for _, c := range []struct {
		name  string
		after time.Duration // 0 interrupts before the start
		read  func(context.Context) error
	}{
		{"describe", 0, describe},
		{"describe an endless recipe", 20 * time.Millisecond, describe},
		{"check", 0, check("r.lua")},
		{"check an endless recipe", 20 * time.Millisecond, check("endless.lua")},
		{"hosts in Lua", 0, load("hosts.lua")},
		{"endless hosts file", 20 * time.Millisecond, load("slow.lua")},
		{"hosts in a text file", 0, load("hosts.txt")},
		{"no hosts", 0, load("")},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx, interrupt := context.WithCancelCause(t.Context())
			defer interrupt(nil)
			if c.after == 0 {
				interrupt(ErrInterrupted)
			}
			defer time.AfterFunc(c.after, func() { interrupt(ErrInterrupted) }).Stop()
			err := c.read(ctx)
			if Status(err) != StatusInterrupted || !errors.Is(err, ErrInterrupted) {
				t.Errorf("status %d: %v", Status(err), err)
			}
		})
	}
}
