package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"runbook/runtime/run"
)

// TestInterruptedAtEachPoint sends a signal when start-up opens each file: the recipe, its modules,
// the hosts file, the journal, and so on. The exit status is 130 and the message that of an
// interrupt. TestInterruptedWhileReading shows that no function continues after one.
func TestInterruptedAtEachPoint(t *testing.T) {
	dir := startUpProject(t)
	for _, c := range []struct {
		name   string
		signal syscall.Signal
		status int // when nothing interrupts it
		points []string
		args   []string
	}{
		{"run", syscall.SIGINT, run.StatusRefused,
			[]string{"recipes/r.lua", "recipes/lib/m.lua", "hosts/production.lua", ".ssh/config", "runbook/runs"},
			[]string{"run", "recipes/r.lua"}},
		{"help", syscall.SIGTERM, 0, []string{"recipes/r.lua", "recipes/lib/m.lua"},
			[]string{"run", "--help", "recipes/r.lua"}},
		{"check", syscall.SIGTERM, 0, []string{"recipes/r.lua", "recipes/lib/m.lua"},
			[]string{"check", "recipes/r.lua"}},
		{"hosts", syscall.SIGINT, 0, []string{"recipes/r.lua", "recipes/lib/m.lua", "hosts/production.lua",
			".ssh/config"}, []string{"hosts", "recipes/r.lua"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			trace := filepath.Join(t.TempDir(), "trace")
			for range 2 { // the first one makes the folder of the journal, too
				if status, text := traced(t, dir, c.args, "-o", trace); status != c.status {
					t.Fatalf("exit status %d\n%s", status, text)
				}
			}
			paths := tracedPaths(t, trace)
			for _, point := range c.points {
				if !slices.ContainsFunc(paths, func(path string) bool { return strings.HasSuffix(path, point) }) {
					t.Errorf("%s is not among %q", point, paths)
				}
			}
			interrupted := 0
			for _, path := range paths {
				status, text := traced(t, dir, c.args, "-o", "/dev/null", "-P", path, "-e",
					fmt.Sprintf("inject=%%file:signal=%d:when=1", c.signal))
				own := strings.HasPrefix(path, dir) || !filepath.IsAbs(path)
				switch {
				case status == -1 && !own: // the signal's default action, before the program began
				case status == c.status: // the program ended before Go delivered the signal
				case status != run.StatusInterrupted || !strings.Contains(text, "interrupted") ||
					strings.Contains(text, "context canceled"):
					t.Errorf("at %s: exit status %d\n%s", path, status, text)
				default:
					interrupted++
				}
			}
			if interrupted == 0 {
				t.Error("no signal came in time")
			}
		})
	}
}

// startUpProject creates a folder with a recipe whose only host refuses connections.
func startUpProject(t *testing.T) string {
	t.Helper()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := closed.Addr().(*net.TCPAddr).Port
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for path, text := range map[string]string{
		"recipes/r.lua": "local m = require \"m\"\n" +
			"recipe { hosts = \"production\", options = { text = { m.text, \"a text\" } } }\nhosts[1]:run(\"true\")\n",
		"recipes/lib/m.lua": "return { text = \"of the module\" }\n",
		"hosts/production.lua": fmt.Sprintf(
			"return { { name = \"web1\", address = \"127.0.0.1\", port = %d, user = \"nobody\" } }\n", port),
	} {
		path = filepath.Join(dir, path)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700),
			os.WriteFile(path, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// traced runs a command under strace with options. It returns the exit status, -1 if a signal ended
// the command, and its output.
func traced(t *testing.T, dir string, args []string, options ...string) (status int, text string) {
	t.Helper()
	words := append([]string{"-f", "-qq", "-e", "trace=%file"}, options...)
	cmd := exec.Command("strace", append(append(words, "runbook"), args...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_STATE_HOME="+dir, "CI=", "NO_COLOR=1", raceOptions)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String()
}

var tracedPath = regexp.MustCompile(`(?:openat|newfstatat|mkdirat|readlinkat)\(AT_FDCWD, "([^"]+)"`)

// tracedPaths returns the paths in the output of strace, each once.
func tracedPaths(t *testing.T, trace string) []string {
	t.Helper()
	text, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, m := range tracedPath.FindAllSubmatch(text, -1) {
		if path := string(m[1]); !slices.Contains(paths, path) {
			paths = append(paths, path)
		}
	}
	return paths
}

// stuck is Lua that no context can end: a single call that takes years.
const stuck = `local _ = ("a"):rep(60):match(("a*"):rep(30) .. "b")` + "\n"

// TestLastSignalEnds interrupts a call that no context can end. While a recipe is read, the second
// signal ends the program; in a run the second one skips the hooks, and the third ends it.
func TestLastSignalEnds(t *testing.T) {
	dir := startUpProject(t)
	for path, text := range map[string]string{
		"recipes/read.lua": stuck + "recipe {}\n",
		"recipes/run.lua":  "recipe {}\nprint(\"ready\")\n" + stuck,
	} {
		if err := os.WriteFile(filepath.Join(dir, path), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	start := func(t *testing.T, recipe string) (*exec.Cmd, *bufio.Reader) {
		t.Helper()
		cmd := exec.Command("runbook", "run", recipe)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_STATE_HOME="+dir, "CI=", "NO_COLOR=1", raceOptions)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		cmd.Stderr = cmd.Stdout
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = cmd.Process.Kill() }) // it may have ended
		return cmd, bufio.NewReader(out)
	}
	ends := func(t *testing.T, cmd *exec.Cmd, out *bufio.Reader, shown string) {
		t.Helper()
		text, err := io.ReadAll(out)
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); cmd.ProcessState.ExitCode() != run.StatusInterrupted || string(text) != shown {
			t.Errorf("%v, %q", err, text)
		}
	}

	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	untilStuck := func(t *testing.T, cmd *exec.Cmd) { // waits for more CPU time than start-up takes
		t.Helper()
		for limit := time.Now().Add(time.Minute); timeUsedBy(t, cmd.Process.Pid) < time.Second; <-tick.C {
			if time.Now().After(limit) {
				t.Fatal("it waits for something")
			}
		}
	}

	t.Run("read", func(t *testing.T) {
		cmd, out := start(t, "recipes/read.lua")
		untilStuck(t, cmd)
		done := make(chan struct{})
		go func() { // repeats, because the kernel merges two signals that come too soon after each other
			defer close(done)
			for cmd.Process.Signal(syscall.SIGTERM) == nil {
				select {
				case <-t.Context().Done():
					return
				case <-tick.C:
				}
			}
		}()
		ends(t, cmd, out, "runbook: interrupted\n")
		<-done
	})

	t.Run("run", func(t *testing.T) {
		cmd, out := start(t, "recipes/run.lua")
		for _, shown := range []string{"ready\n", "once more skips them\n", "skipping the remaining hooks\n"} {
			line, err := out.ReadString('\n')
			if err != nil || !strings.HasSuffix(line, shown) {
				t.Fatalf("want %q, got %q, %v", shown, line, err)
			}
			if shown == "ready\n" {
				untilStuck(t, cmd)
			}
			if err := cmd.Process.Signal(os.Interrupt); err != nil {
				t.Fatal(err)
			}
		}
		ends(t, cmd, out, "runbook: interrupted\n")
	})
}

// timeUsedBy returns the processor time of a process, 0 if it has ended.
func timeUsedBy(t *testing.T, pid int) time.Duration {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
		return 0
	}
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:])) // from the third field, the state
	ticks, err := strconv.Atoi(fields[11])
	if err != nil {
		t.Fatal(err)
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}
