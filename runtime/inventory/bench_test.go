package inventory

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"runbook/runtime/event"
)

// BenchmarkHostsFile loads a hosts file of 5,000 hosts.
func BenchmarkHostsFile(b *testing.B) {
	var text strings.Builder
	text.WriteString("return { user = \"deploy\",\n")
	for i := range 5000 {
		fmt.Fprintf(&text, "  { name = \"web%d\", address = \"10.0.%d.%d\", tags = { \"web\" } },\n", i, i/250, i%250)
	}
	text.WriteString("}\n")
	path := filepath.Join(b.TempDir(), "hosts.lua")
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		hosts, err := Load(b.Context(), event.NewStream(), Options{Hosts: []string{path}, SSHConfig: "/dev/null"}, "")
		if err != nil || len(hosts) != 5000 {
			b.Fatal(len(hosts), err)
		}
	}
}
