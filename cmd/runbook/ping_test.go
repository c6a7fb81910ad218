package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"runbook/runtime/lab"
)

// door passes connections on, and counts those that are open.
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

// listen is the port at which the door stands before address.
func (d *door) listen(t *testing.T, address string) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			d.count(1)
			all.Go(func() {
				defer d.count(-1)
				defer func() { _ = in.Close() }()
				out, err := net.Dial("tcp", address)
				if err != nil {
					return
				}
				all.Go(func() {
					_, _ = io.Copy(in, out) // it ends with the connection
					_ = in.Close()
				})
				_, _ = io.Copy(out, in)
				_ = out.Close()
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		all.Wait()
	})
	return l.Addr().(*net.TCPAddr).Port
}

// Of many hosts no more than 50 have a connection at a time.
func TestPingLimit(t *testing.T) {
	l, err := lab.New("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	h, err := l.Host("web1")
	if err != nil {
		t.Fatal(err)
	}
	known, err := os.ReadFile(l.KnownHosts())
	if err != nil {
		t.Fatal(err)
	}
	_, key, _ := strings.Cut(strings.TrimSpace(string(known)), " ")
	var d door
	port := d.listen(t, fmt.Sprintf("%s:%d", h.Addr, h.Port))
	var hosts strings.Builder
	fmt.Fprintf(&hosts, "return { user = %q, identity = %q, host_key = %q,\n", lab.User, l.AdminKey(), key)
	for i := range 100 {
		fmt.Fprintf(&hosts, "  { name = \"h%d\", address = \"127.0.0.1\", port = %d },\n", i, port)
	}
	path := filepath.Join(t.TempDir(), "hosts.lua")
	if err := os.WriteFile(path, []byte(hosts.String()+"}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if status, said := typed("hosts", "--hosts", path, "--ping"); status != 0 || strings.Count(said, "\nh") != 100 {
		t.Errorf("status %d:\n%s", status, said)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.most > 70 || d.most < 2 { // the door hears of an end a little late
		t.Errorf("%d connections at a time", d.most)
	}
}
