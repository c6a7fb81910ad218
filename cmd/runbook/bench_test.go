//go:build unix

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"runbook/runtime/lab"
	"runbook/runtime/lab/labtest"
)

// BenchmarkExec runs one command on 10, 100 and 1,000 hosts, which are all one SSH server in this
// process. It measures a runbook in a process of its own: CPU time per host and peak memory, to see
// how both grow.
func BenchmarkExec(b *testing.B) {
	l := labtest.Start(b, "web1")
	web := l.Hosts
	for _, n := range []int{10, 100, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var cpu time.Duration
			var memory int64
			for b.Loop() {
				cmd := exec.Command("runbook", "exec", "--hosts", many(b, l, web[0], n), "--", "true")
				cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+b.TempDir()) // for its journal
				if out, err := cmd.CombinedOutput(); err != nil {
					b.Fatalf("%v: %.500s", err, out)
				}
				cpu += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
				memory = max(memory, cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss)
			}
			b.ReportMetric(float64(cpu.Microseconds())/1000/float64(b.N*n), "cpu-ms/host")
			b.ReportMetric(float64(memory)/1024, "peak-MiB")
			b.ReportMetric(b.Elapsed().Seconds()*1000/float64(b.N*n), "ms/host")
		})
	}
}

// many writes a hosts file with n names for the one host, and a known_hosts file with n more lines,
// like that of a machine that knows n hosts.
func many(b *testing.B, l *labtest.Lab, h *lab.Host, n int) string {
	b.Helper()
	dir := b.TempDir()
	known, err := os.ReadFile(l.KnownHosts())
	if err != nil {
		b.Fatal(err)
	}
	knownHosts := filepath.Join(dir, "known_hosts")
	others := strings.Repeat("other.example.com ssh-ed25519 "+
		"AAAAC3NzaC1lZDI1NTE5AAAAIJ1dzqlBVPxBwM8LDAm+o1RDTEN1VLUClvaGkyUVSTPo\n", n)
	if err := os.WriteFile(knownHosts, append([]byte(others), known...), 0o600); err != nil {
		b.Fatal(err)
	}
	var out strings.Builder
	fmt.Fprintf(&out, "return { user = %q, identity = %q, known_hosts = %q,\n", lab.User, l.AdminKey(), knownHosts)
	for i := range n {
		fmt.Fprintf(&out, "  { name = \"h%d\", address = %q, port = %d },\n", i, h.Addr, h.Port)
	}
	out.WriteString("}\n")
	path := filepath.Join(dir, "hosts.lua")
	if err := os.WriteFile(path, []byte(out.String()), 0o600); err != nil {
		b.Fatal(err)
	}
	return path
}
