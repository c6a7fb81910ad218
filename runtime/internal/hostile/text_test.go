//go:build unix

package hostile_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/creack/pty"

	"runbook/runtime/internal/hostile"
)

// evil is the output of a host, and cleaned is what a terminal gets instead.
const (
	evil    = "\x1b]0;x\x07\u009b2J\u202eHOSTILE\x9b\r\nsection_start:1:x\r\x1b[0K::error::x\n"
	cleaned = "]0;x2JHOSTILE\uFFFD\nsection_start:1:x[0K::error::x\n"
)

// runner runs runbook in its own folder, against one host.
type runner struct {
	*testing.T
	dir   string
	hosts string
}

func newRunner(t *testing.T, attacks hostile.Attacks) runner {
	server, dir := hostile.Start(t, attacks), t.TempDir()
	r := runner{t, dir, filepath.Join(dir, "hosts.lua")}
	hosts := fmt.Sprintf(`return { { name = "web1", address = "127.0.0.1", port = %d, user = "x", `+
		`host_key = %q, vars = { x = "%s" }} }`, server.Port, server.HostKey, "HOSTILE \u202e\u009b")
	for path, text := range map[string]string{r.hosts: hosts, filepath.Join(dir, "evil"): evil} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// command returns a command that runs runbook with extra variables, NAME=VALUE.
func (r runner) command(env []string, args ...string) *exec.Cmd {
	cmd := exec.Command(build(r.T), args...)
	cmd.Dir = r.dir
	cmd.Env = append(os.Environ(), "HOME="+r.dir, "XDG_STATE_HOME="+r.dir, "SSH_AUTH_SOCK=", "NO_COLOR=1", "TERM=xterm",
		"CI=", "GITHUB_ACTIONS=", "GITLAB_CI=", "RUNBOOK_HOSTS="+r.hosts)
	cmd.Env = append(cmd.Env, env...)
	return cmd
}

// piped returns what a command writes to pipes.
func (r runner) piped(cmd *exec.Cmd) (stdout, stderr string) {
	r.Helper()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		r.Fatalf("%v\n%s", err, errs.String())
	}
	return out.String(), errs.String()
}

// shown returns what a command writes to a terminal.
func (r runner) shown(cmd *exec.Cmd) string {
	r.Helper()
	file, terminal, err := pty.Open()
	if err != nil {
		r.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	cmd.Stdout, cmd.Stderr = terminal, terminal
	err = cmd.Start()
	_ = terminal.Close() // the program has its own copy
	if err != nil {
		r.Fatal(err)
	}
	shown, _ := io.ReadAll(file) // a terminal ends with an error
	if err := cmd.Wait(); err != nil {
		r.Fatalf("%v\n%q", err, shown)
	}
	return strings.ReplaceAll(string(shown), "\r\n", "\n")
}

func TestExecPassesRawBytesOnlyToPrograms(t *testing.T) {
	r := newRunner(t, hostile.Attacks{})
	cat := []string{"exec", "--", "cat", filepath.Join(r.dir, "evil")}
	if out, _ := r.piped(r.command(nil, cat...)); out != evil {
		t.Errorf("to a pipe: %q", out)
	}
	if out := r.shown(r.command([]string{"TERM=dumb"}, cat...)); !strings.Contains(out, cleaned) ||
		strings.ContainsAny(out, "\x07\u202e") {
		t.Errorf("on a terminal: %q", out)
	}
	if out := r.shown(r.command(nil, cat...)); !strings.Contains(out, "]0;x2JHOSTILE\uFFFD") ||
		strings.ContainsAny(out, "\x07\u202e\u009b") || strings.Contains(out, "\x1b]0") {
		t.Errorf("on a terminal with the live view: %q", out)
	}
	if out, _ := r.piped(r.command([]string{"GITLAB_CI=true"}, cat...)); out != cleaned {
		t.Errorf("in GitLab's log: %q", out)
	}
	out, errs := r.piped(r.command([]string{"GITHUB_ACTIONS=true"}, cat...))
	word := regexp.MustCompile(`^::stop-commands::(\w{20,})\n(?:.*\n)*::(\w+)::\n$`).FindStringSubmatch(errs)
	if out != evil || word == nil || word[1] != word[2] {
		t.Errorf("in GitHub's log: %q, %q", out, errs)
	}
	// If standard output is separate, GitHub's runner may read its last lines after the end marker
	// on standard error.
	command := []string{"exec", "--", "printf 'a::b\\n::add-mask::x\\n'"}
	if out, _ := r.piped(r.command([]string{"GITHUB_ACTIONS=true"}, command...)); out != "a::b\n:\u200b:add-mask::x\n" {
		t.Errorf("standard output only, in GitHub's log: %q", out)
	}
	together, err := r.command([]string{"GITHUB_ACTIONS=true"}, command...).CombinedOutput()
	if lines := strings.Split(string(together), "\n"); err != nil || !slices.Contains(lines, "::add-mask::x") ||
		!strings.HasPrefix(lines[0], "::stop-commands::") ||
		lines[len(lines)-2] != strings.TrimPrefix(lines[0], "::stop-commands")+"::" {
		t.Errorf("with standard error in GitHub's log: %q, %v", together, err)
	}
	if out, _ := r.piped(r.command(nil, "exec", "--",
		"head -c 40000000 /dev/zero")); len(out) != 40000000 { // more than runbook keeps in memory
		t.Errorf("%d bytes of 40000000", len(out))
	}
	to, err := os.Create(filepath.Join(r.dir, "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = to.Close() }()
	cmd := r.command([]string{"GITLAB_CI=true"}, cat...)
	cmd.Stdout = to
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(to.Name()); err != nil || string(text) != evil {
		t.Errorf("to a file: %q, %v", text, err)
	}
}

func TestConsolePassesRawBytesOnlyToPrograms(t *testing.T) {
	r := newRunner(t, hostile.Attacks{})
	line := fmt.Sprintf("local text = hosts[1]:run({ 'cat', %q }).stdout print(text) return text\n",
		filepath.Join(r.dir, "evil"))
	cmd := r.command(nil, "console")
	cmd.Stdin = strings.NewReader(line)
	if out, _ := r.piped(cmd); !strings.HasPrefix(out, evil+evil) || strings.Count(out, "\x07") != 3 {
		t.Errorf("to a pipe: %q", out)
	}
	cmd = r.command(nil, "console")
	cmd.Stdin = strings.NewReader(line)
	if out := r.shown(cmd); strings.Count(out, cleaned) != 3 || strings.ContainsAny(out, "\x07\u202e") {
		t.Errorf("on a terminal: %q", out)
	}
}

// The output of a host appears in tables, JSON, the journal and errors.
func TestPingAndLogShowText(t *testing.T) {
	say := "printf '%s' 'git version 2\x1b[2J\u202e\u009b'; printf '\\n::error::x'"
	r := newRunner(t, hostile.Attacks{Programs: map[string]string{"git": say}})
	if err := os.WriteFile(filepath.Join(r.dir, "r.lua"), []byte(`recipe {}
each(hosts, function(host)
	local output = host:capture("git --version")
	step(output, function() host:result{ git = output } end)
	fail(output, output)
end)
`), 0o600); err != nil {
		t.Fatal(err)
	}
	var output strings.Builder
	for _, args := range [][]string{{"hosts", "--ping"}, {"hosts", "--ping", "--json"}, {"run", "r.lua"},
		{"run", "r.lua", "-v"}, {"run", "r.lua", "--json"}} {
		cmd := r.command(nil, args...)
		out, _ := cmd.CombinedOutput() // the run is meant to fail
		output.Write(out)
		if !bytes.Contains(out, []byte("2[2J")) {
			t.Errorf("%v shows nothing: %q", args, out)
		}
	}
	for _, args := range [][]string{{"log", "last"}, {"log", "--json", "last"}, {"log", "--grep", "git", "last"}} {
		out, err := r.command(nil, args...).CombinedOutput()
		if err != nil {
			t.Errorf("%v: %v", args, err)
		}
		output.Write(out)
	}
	if !strings.Contains(output.String(), `"HOSTILE \u202e\u009b"`) { // JSON escapes them
		t.Error("JSON does not preserve the host's values")
	}
	hostileText := regexp.MustCompile("[\x00-\x08\x0b-\x1f\x7f\u0080-\u009f\u202a-\u202e]|" +
		"git[^\n]*\\\\u(001b|009b|202e)")
	if bad := hostileText.FindString(output.String()); bad != "" {
		t.Errorf("%q is in the output", bad)
	}
}
