package hosts_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"runbook/hosts"
	"runbook/runtime/event"
	"runbook/runtime/inventory"
)

// load reads text as hosts/production.lua in a folder of its own, which is the home folder too.
func load(t *testing.T, text string) (dir string, got []inventory.Host) {
	t.Helper()
	dir = t.TempDir()
	t.Setenv("HOME", dir)
	t.Setenv("USERPROFILE", dir)
	if err := os.Mkdir(filepath.Join(dir, "hosts"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "hosts", "production.lua"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := inventory.Load(t.Context(), event.NewStream(), inventory.Options{Dir: dir}, "production")
	if err != nil {
		t.Fatal(err)
	}
	return dir, got
}

func shipped(t *testing.T) string {
	t.Helper()
	text, err := hosts.Files.ReadFile("production.lua")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The shipped example must load as it is.
func TestExample(t *testing.T) {
	_, got := load(t, shipped(t))
	if len(got) != 2 || got[0].Name != "web1" || got[1].Name != "web2" {
		t.Fatalf("got %+v", got)
	}
	for _, h := range got {
		if !strings.HasPrefix(h.Address, "192.0.2.") || h.User != "deploy" || len(h.Tags) != 1 || h.Tags[0] != "web" {
			t.Errorf("got %+v", h)
		}
	}
}

// Every setting that it shows in a comment must be right too, once an admin makes it live.
func TestExampleUncommented(t *testing.T) {
	var live strings.Builder
	settings := 0
	for line := range strings.Lines(shipped(t)) {
		body, isComment := strings.CutPrefix(strings.TrimSpace(line), "-- ")
		if isComment && strings.HasPrefix(line, " ") && strings.Contains(body, " = ") {
			line = body + "\n"
			settings++
		}
		live.WriteString(line)
	}
	dir, got := load(t, live.String())
	web2 := got[1]
	if settings != 6 || web2.Port != 2222 || web2.Vars["processes"] != 4.0 || web2.Via == nil ||
		web2.Via.Address != "192.0.2.1" ||
		web2.Sudo != "passwordless" || web2.Identities[0] != filepath.Join(dir, ".ssh", "id_ed25519") ||
		web2.KnownHosts[0] != filepath.Join(dir, "hosts", "known_hosts") {
		t.Errorf("%d settings, got %+v", settings, web2)
	}
}
