//go:build unix

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"runbook/runtime/lab"
	"runbook/runtime/lab/labtest"
)

// door counts open connections.
type door struct {
	mu         sync.Mutex
	open, most int
}

func (d *door) count(by int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.open += by
	d.most = max(d.most, d.open)
}

// TestPingLimit pings many hosts: no more than 50 have a connection at the same time.
func TestPingLimit(t *testing.T) {
	l := labtest.Start(t, "web1")
	web := l.Hosts
	known, err := os.ReadFile(l.KnownHosts())
	if err != nil {
		t.Fatal(err)
	}
	_, key, _ := strings.Cut(strings.TrimSpace(string(known)), " ")
	var d door
	port := labtest.Relay{Opened: func() { d.count(1) }, Closed: func() { d.count(-1) }}.Listen(t,
		fmt.Sprintf("%s:%d", web[0].Addr, web[0].Port))
	var hosts strings.Builder
	fmt.Fprintf(&hosts, "return { user = %q, identity = %q, host_key = %q,\n", lab.User, l.AdminKey(), key)
	for i := range 100 {
		fmt.Fprintf(&hosts, "  { name = \"h%d\", address = \"127.0.0.1\", port = %d },\n", i, port)
	}
	path := filepath.Join(t.TempDir(), "hosts.lua")
	if err := os.WriteFile(path, []byte(hosts.String()+"}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if status, said := runHere("hosts", "--hosts", path, "--ping"); status != 0 || strings.Count(said, "\nh") != 100 {
		t.Errorf("status %d:\n%s", status, said)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.most > 70 || d.most < 2 { // the relay reports closed connections a little late
		t.Errorf("%d connections at a time", d.most)
	}
}
