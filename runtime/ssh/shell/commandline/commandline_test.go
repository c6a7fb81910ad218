package commandline

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// loginShells are the login shells that hosts can have. The start-up files print, and have aliases
// and functions that hide programs.
var loginShells = map[string]struct{ file, text string }{
	"dash": {".profile", ""},
	"bash": {".bashrc", "shopt -s expand_aliases; alias id='echo alias'; date() { echo function; }\n"},
	"zsh":  {".zshenv", "echo noise; echo noise >&2; alias id='echo alias'; alias date='echo alias'\n"},
	"fish": {".config/fish/config.fish", "echo noise; echo noise >&2; alias id 'echo alias'\n" +
		"function date; echo function; end\n"},
	"tcsh": {".tcshrc", "echo noise; set noclobber; alias id 'echo alias'; alias date 'echo alias'\n"},
}

const mark = "=0123="

func TestDirectInLoginShells(t *testing.T) {
	script := filepath.Join(t.TempDir(), "say.sh")
	text := "#!/bin/sh\ncat\nprintf '%s|' \"$@\"\necho no >&2\nexit 7\n"
	if err := os.WriteFile(script, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, start := range loginShells {
		shell, err := exec.LookPath(name)
		if err != nil {
			t.Fatalf("%s is missing: install the package of that name", name)
		}
		home := t.TempDir()
		file := filepath.Join(home, start.file)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(start.text), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, tt := range []struct {
			command, out, err string
			code              int
		}{
			{script + " a=b  -x +%Y 1%2 a@b:c,d e/f_g.h", "a=b|-x|+%Y|1%2|a@b:c,d|e/f_g.h|", "no\n", 7},
			{"id -u -r", output(t, "id", "-u", "-r"), "", 0},
			{"date +fixed", "fixed\n", "", 0},
			{"readlink /proc/self/fd/0", "/dev/null\n", "", 0},
			{"nosuch", "", "nosuch", 127},
			{"/nosuch/program x", "", "/nosuch/program", 127},
			{"/etc/passwd", "", "/etc/passwd", 126},
		} {
			cmd := exec.Command(shell, "-c", Direct(tt.command, mark))
			cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "BASH_ENV=" + filepath.Join(home, ".bashrc")}
			cmd.Stdin = strings.NewReader("input")
			var stdout, stderr strings.Builder
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			_ = cmd.Run() // the status tells more
			_, out, printed := strings.Cut(stdout.String(), mark+"\n")
			_, errs, complained := strings.Cut(stderr.String(), mark+"\n")
			code := cmd.ProcessState.ExitCode()
			if !printed || !complained || out != tt.out || !strings.Contains(errs, tt.err) || code != tt.code {
				t.Errorf("%s: %s: %d, %q, %q", name, tt.command, code, &stdout, &stderr)
			}
		}
	}
}

func output(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func TestDirectIsForPlainWords(t *testing.T) {
	for _, command := range []string{"", " ", "a;b", "a|b", "a >b", "a&", "a\nb", "a\tb", "ls *", "ls ?", "ls [a]", "ls ~",
		"ls a~", "echo hi", "test -e x", "time id", "if x", "which ls", "true", "a 'b c'", `a "b"`, `a\b`, "a $b", "a `b`",
		"a {b,c}", "a !b", "a ^b", "a #b", "x=1 a", "-x", "+x", "@ a", ".", ". a", ": a", "%1", "=ls", "ls =ls", "ls %self", "é"} {
		if line := Direct(command, mark); line != "" {
			t.Errorf("%q: %q", command, line)
		}
	}
}

// Each builtin of a shell that can be /bin/sh stays with it.
func TestDirectLeavesBuiltins(t *testing.T) {
	out, err := exec.Command("bash", "-c", "compgen -b; compgen -k").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append(strings.Fields(string(out)), "local", "chdir") {
		if line := Direct(name+" x", mark); line != "" {
			t.Errorf("%q", line)
		}
	}
}
