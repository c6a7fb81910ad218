package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"runbook/runtime/lab"
	"runbook/runtime/lab/labtest"
)

// BenchmarkShards runs a recipe on thousands of hosts in shards, one after the other, each with a
// report of --json, and merges them into one page. All hosts are one SSH server in this process. It
// measures runbook in processes of their own: the CPU time for each host and the peak memory of a
// shard, and time and memory for the page. The largest takes five minutes:
//
//	go test ./cmd/runbook -run xxx -bench Shards/10x1000 -benchtime 1x -timeout 2h
func BenchmarkShards(b *testing.B) {
	l := labtest.Start(b, "web1")
	for _, size := range []struct{ shards, hosts int }{{1, 250}, {1, 500}, {1, 1000}, {2, 1000}, {10, 1000}} {
		b.Run(fmt.Sprintf("%dx%d", size.shards, size.hosts), func(b *testing.B) {
			for b.Loop() {
				runShards(b, l, l.Hosts[0], size.shards, size.hosts)
			}
		})
	}
}

const shardRecipe = `recipe {}
each(hosts, { at_once = 20 }, function(host)
  for _, title in ipairs({ "prepare", "switch", "check" }) do
    step(title, function() host:run("echo " .. title .. " on $(hostname)") end)
  end
  host:result({ state = "done" })
end)
`

// runShards runs all shards and merges them.
func runShards(b *testing.B, l *labtest.Lab, web *lab.Host, shards, hosts int) {
	b.Helper()
	dir := b.TempDir()
	recipe := filepath.Join(dir, "r.lua")
	if err := os.WriteFile(recipe, []byte(shardRecipe), 0o600); err != nil {
		b.Fatal(err)
	}
	list := many(b, l, web, shards*hosts)
	var cpu time.Duration
	var memory int64
	pages := []string{"report", "-o", filepath.Join(dir, "all.html")}
	for i := range shards {
		out := filepath.Join(dir, fmt.Sprintf("shard-%d.jsonl", i+1))
		used := measured(b, dir, out, "run", recipe, "--hosts", list, "--shard", fmt.Sprintf("%d/%d", i+1, shards),
			"--json", "--connect-timeout", "5m")
		b.Logf("shard %d: %.1f s of CPU, %d MiB", i+1, used.cpu.Seconds(), used.memory>>10)
		cpu, memory, pages = cpu+used.cpu, max(memory, used.memory), append(pages, out)
	}
	page := measured(b, dir, os.DevNull, pages...)
	info, err := os.Stat(filepath.Join(dir, "all.html"))
	if err != nil {
		b.Fatal(err)
	}
	if keep := os.Getenv("RUNBOOK_BENCH_PAGE"); keep != "" {
		if err := os.Rename(filepath.Join(dir, "all.html"), keep); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(cpu.Seconds()*1000/float64(shards*hosts), "cpu-ms/host")
	b.ReportMetric(float64(memory)/1024, "peak-MiB")
	b.ReportMetric(page.cpu.Seconds(), "page-cpu-s")
	b.ReportMetric(float64(page.memory)/1024, "page-peak-MiB")
	b.ReportMetric(float64(info.Size())/1e6, "page-MB")
}

// used holds the resources that a process used.
type used struct {
	cpu    time.Duration
	memory int64 // the peak, in KiB
}

// measured runs runbook, with its output in a file.
func measured(b *testing.B, dir, out string, args ...string) used {
	b.Helper()
	file, err := os.Create(out)
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command("runbook", args...)
	cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+dir) // for its journal
	cmd.Stdout = file
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	peak := peakOf(cmd.Process.Pid)
	if err := cmd.Wait(); err != nil {
		text, readErr := os.ReadFile(out)
		b.Fatalf("runbook %v: %v: %.2000s%.2000s, %v", args, err, said.String(), text, readErr)
	}
	if err := file.Close(); err != nil {
		b.Fatal(err)
	}
	return used{cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), peak()}
}

// peakOf watches the memory of a process until it is waited for, and then returns its peak in KiB.
// Rusage has at least the memory of this process, which is large with the server in it.
func peakOf(pid int) func() int64 {
	done := make(chan int64)
	go func() {
		var peak int64
		for {
			text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
			at := strings.Index(string(text), "VmHWM:")
			if err != nil || at < 0 {
				done <- peak
				return
			}
			_, _ = fmt.Sscanf(string(text[at:]), "VmHWM: %d", &peak) // without a number, peak keeps its value
			time.Sleep(5 * time.Millisecond)
		}
	}()
	return func() int64 { return <-done }
}
