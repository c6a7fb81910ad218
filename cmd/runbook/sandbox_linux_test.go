package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"runbook/cmd/runbook/complete"
	"runbook/cmd/runbook/sandbox"
	"runbook/runtime/run"
)

// hostileFiles each take endless time or memory in a different way.
func hostileFiles() map[string]string {
	nested := func(open, end string) string {
		return "local x = " + strings.Repeat(open, 200_000) + "1" + strings.Repeat(end, 200_000) + "\n"
	}
	return map[string]string{
		"rep":     `local x = ("x"):rep(6e9)` + "\n",
		"concat":  `local s = ("x"):rep(16) while true do s = s .. s end` + "\n",
		"table":   `local t = {} for i = 1, 1e9 do t[i] = { i } end` + "\n",
		"sort":    "local t = {} for i = 1, 3e6 do t[i] = i % 1000 end for _ = 1, 300 do table.sort(t) end\n",
		"wrap":    "local function f() coroutine.wrap(f)() end f()\n",
		"parens":  nested("(", ")"),
		"braces":  nested("{", "}"),
		"not":     nested("not ", ""),
		"pattern": stuck,
	}
}

// ended matches the messages after a file that a limit stopped, and after one that was read to its
// end.
var ended = regexp.MustCompile(`took longer than|needs more than 512 MB of memory|nests too deep|did not reach|` +
	`stopped after [0-9]|undeclared global "coroutine"|never read|^name +address`)

// TestHostileFiles gives hostile files to the commands that read files: each ends in time with a
// reason. Completion prints nothing. Some use up their time limit.
func TestHostileFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range hostileFiles() {
		recipe, hosts := filepath.Join(dir, name, "recipe.lua"), filepath.Join(dir, name, "hosts.lua")
		err := errors.Join(os.MkdirAll(filepath.Dir(recipe), 0o700),
			os.WriteFile(recipe, []byte(text+"recipe {}\n"), 0o600),
			os.WriteFile(hosts, []byte(text+"return { \"web1\" }\n"), 0o600))
		if err != nil {
			t.Fatal(err)
		}
		lines := map[string][]string{"check": {"check", recipe}, "hosts": {"hosts", "--hosts", hosts}}
		want := ended
		switch name {
		case "rep":
			want = regexp.MustCompile(`^runbook: reading the files needs more than 512 MB of memory\n` +
				`next: .* runbook check FILE\n$`)
			lines["help"] = []string{"run", "--help", recipe}
			lines["docs"] = []string{"docs", recipe}
			lines["ping"] = []string{"hosts", "--ping", "--hosts", hosts}
			lines["hosts of a recipe"] = []string{"hosts", recipe}
			lines["Tab for hosts"] = []string{complete.Command, "zsh", "run", "--hosts", hosts, "--only", ""}
		case "pattern": // uses up its time limit, as does TestOneDeadline
			want = regexp.MustCompile(`^runbook: reading the files took longer than \d+s\nnext: .*\n$`)
			delete(lines, "hosts")
		}
		for line, args := range lines {
			t.Run(name+"/"+line, func(t *testing.T) {
				took, status, text := runIn(t, dir, args)
				if took > sandbox.Starved*sandbox.Limit+2*time.Second {
					t.Errorf("it took %v", took)
				}
				switch {
				case strings.HasPrefix(line, "Tab"):
					if status != run.StatusUsage || text != "" {
						t.Errorf("exit status %d, it says %q", status, text)
					}
				case !want.MatchString(text), strings.Contains(text, "goroutine "), status != run.StatusUsage &&
					status != 0:
					t.Errorf("exit status %d, want %s, got\n%s", status, want, text)
				}
			})
		}
	}
}

// TestOneDeadline checks several endless recipes: they share one time limit, and the findings until
// then are reported.
func TestOneDeadline(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	args := []string{"check"}
	for i := range 40 { // on a busy machine the limit may take six times as long
		args = append(args, fmt.Sprintf("r%d.lua", i))
		if err := os.WriteFile(filepath.Join(dir, args[i+1]), []byte("while true do end\nrecipe {}\n"),
			0o600); err != nil {
			t.Fatal(err)
		}
	}
	took, status, text := runIn(t, dir, args)
	want := regexp.MustCompile(`^r0.lua:1:1: the recipe did not reach .*\n(r\d+.lua:.*\n)+` +
		`runbook: reading the files took longer than \d+s\nnext: .*\n$`)
	if took > sandbox.Starved*sandbox.Limit+2*time.Second || status != run.StatusUsage ||
		!want.MatchString(text) {
		t.Errorf("after %v exit status %d, it says\n%s", took, status, text)
	}
}

// TestErrorFitsTerminal wraps the lines of the child's error for the terminal of the parent.
func TestErrorFitsTerminal(t *testing.T) {
	cmd := exec.Command("runbook", "hosts", "--hosts", strings.Repeat("two words ", 12)+",web2")
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir(), "TERM=xterm", "CI=", "NO_COLOR=1", "GITHUB_ACTIONS=",
		raceOptions)
	s := onTerminal(t, cmd)
	text := s.expect("contains a space")
	for _, line := range strings.Split(text, "\n") {
		if len(line) > 119 { // of 120 columns
			t.Errorf("%d columns: %q", len(line), line)
		}
	}
}

// runIn runs the shipped runbook in a folder, and returns its exit status and its output.
func runIn(t *testing.T, dir string, args []string) (took time.Duration, status int, text string) {
	t.Helper()
	program, err := buildShipped()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_STATE_HOME="+dir, "CI=", "GITHUB_ACTIONS=", raceOptions)
	began := time.Now() // after the build, which takes a minute from an empty cache
	said, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return time.Since(began), cmd.ProcessState.ExitCode(), string(said)
}

// TestInterruptedWhileStuck interrupts a command that is stuck in a file: the first signal ends it
// and the child.
func TestInterruptedWhileStuck(t *testing.T) {
	dir := t.TempDir()
	recipe := filepath.Join(dir, "recipe.lua")
	if err := os.WriteFile(recipe, []byte(stuck+"recipe {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		var shown bytes.Buffer
		cmd := exec.Command("runbook", "check", recipe)
		cmd.Env = append(os.Environ(), raceOptions)
		cmd.Stdout, cmd.Stderr = &shown, &shown
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		child := busyChild(t, cmd.Process.Pid)
		if err := cmd.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // the exit status is compared below
		if status := cmd.ProcessState.ExitCode(); status != run.StatusInterrupted ||
			shown.String() != "runbook: interrupted\n" {
			t.Errorf("exit status %d, %q", status, shown.String())
		}
		if err := syscall.Kill(child, 0); !errors.Is(err, syscall.ESRCH) {
			t.Errorf("the child still exists: %v", err)
		}
	}
}

// busyChild waits for a child of the process that has used the processor for half a second. os/exec
// may start other children that end at once, to find out what the system supports.
func busyChild(t *testing.T, pid int) int {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for limit := time.Now().Add(time.Minute); time.Now().Before(limit); <-tick.C {
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
		if err != nil {
			t.Fatal(err)
		}
		for _, children := range threads {
			text, err := os.ReadFile(children)
			if err != nil && !errors.Is(err, os.ErrNotExist) {
				t.Fatal(err)
			}
			for _, word := range strings.Fields(string(text)) {
				child, err := strconv.Atoi(word)
				if err != nil {
					t.Fatal(err)
				}
				if timeUsedBy(t, child) >= 500*time.Millisecond {
					return child
				}
			}
		}
	}
	t.Fatal("the file is not read")
	return 0
}
