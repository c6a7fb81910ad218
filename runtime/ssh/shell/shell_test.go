package shell

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"runbook/runtime/internal/sshtest"
	"runbook/runtime/ssh/shell/commandline"
)

// The steps run one after the other in one shell, so each step proves that the one before did not
// damage the shell.
func TestCommands(t *testing.T) {
	long := strings.Repeat("0123456789abcde\n", 1<<20/16)
	steps := []struct {
		name   string
		c      Command
		code   int
		stdout string
		stderr string
	}{
		{"plain", Command{Script: "echo hello"}, 0, "hello\n", ""},
		{"no newline at the end", Command{Script: "printf hello; printf oops >&2"}, 0, "hello", "oops"},
		{"status", Command{Script: "echo no >&2; exit 7"}, 7, "", "no\n"},
		{"exec", Command{Script: "exec sh -c 'exit 3'"}, 3, "", ""},
		{"words", Command{Argv: []string{"printf", "%s|", "a b", "", "it's", "$HOME", "-n", "\n", "\xff\x01", "if"}}, 0,
			"a b||it's|$HOME|-n|\n|\xff\x01|if|", ""},
		{"a keyword as a program", Command{Argv: []string{"if"}}, 127, "", "*not found*"},
		{"syntax error", Command{Script: "if true; then"}, 2, "", "*yntax*"},
		{"unfinished quote", Command{Script: "echo 'oops"}, 2, "", "*uote*"},
		{"after a syntax error", Command{Script: "echo fine"}, 0, "fine\n", ""},
		{"closing brace", Command{Script: "echo a; ) ; echo b"}, 2, "*", "*"},
		{"here document", Command{Script: "cat <<X\none\ntwo\nX\n"}, 0, "one\ntwo\n", ""},
		{"comment at the end", Command{Script: "echo a # b"}, 0, "a\n", ""},
		{"cwd", Command{Script: "pwd", Cwd: "/usr/bin"}, 0, "/usr/bin\n", ""},
		{"cd stays inside", Command{Script: "cd /; pwd; x=1; export y=2; set -e; umask 777; " +
			"trap 'exit 9' EXIT; trap - EXIT"}, 0, "/\n", ""},
		{"nothing came out", Command{Script: `test "$(pwd)" != / && echo "$x$y"; false; echo on`}, 0, "\non\n", ""},
		{"wrong cwd", Command{Script: "echo ran", Cwd: "/does/not/exist"}, 126, "", "*cd*"},
		{"env", Command{Script: `echo "$A-$B"`, Env: map[string]string{"A": "it's $x", "B": "2\n3"}}, 0,
			"it's $x-2\n3\n", ""},
		{"stdin is closed", Command{Script: "cat; echo done"}, 0, "done\n", ""},
		{"binary", Command{Script: `printf '\000\001\377\r\n\000'`}, 0, "\x00\x01\xff\r\n\x00", ""},
		{"marks of others", Command{Script: "printf '=0123456789abcdef0123456789abcdef= 0\\n=0123'"}, 0,
			"=0123456789abcdef0123456789abcdef= 0\n=0123", ""},
		{"one MiB both ways", Command{Script: "cat", Stdin: &long}, 0, long, ""},
		{"input that is not read", Command{Script: "echo no", Stdin: &long}, 0, "no\n", ""},
		{"input with env and cwd", Command{Script: `pwd; cat; echo "$A"`, Stdin: new("in\x00put"), Cwd: "/usr",
			Env: map[string]string{"A": "b"}}, 0, "/usr\nin\x00putb\n", ""},
		{"input and status", Command{Script: "read -r a; exit $a", Stdin: new("5\n")}, 5, "", ""},
		{"input and a syntax error", Command{Script: "if", Stdin: new("")}, 2, "", "*yntax*"},
		{"a dash first", Command{Script: "-x"}, 127, "", "*not found*"},
		{"signal", Command{Script: "sh -c 'kill -s KILL $$'"}, 137, "", "*"},
		{"a program by its path", Command{Argv: []string{"/bin/sh", "-c", `cat; printf %s "$1"; echo no >&2; exit 4`,
			"sh", "it's $HOME\n"}}, 4, "it's $HOME\n", "no\n"},
		{"a program and plain words", Command{Script: "/bin/echo a=b  %c"}, 0, "a=b %c\n", ""},
		{"a program in a folder and with a variable",
			Command{Argv: []string{"/bin/sh", "-c", `pwd; echo "$A"`}, Cwd: "/usr", Env: map[string]string{"A": "x"}},
			0, "/usr\nx\n", ""},
		{"a program that isn't there", Command{Script: "/nosuch/program x"}, 127, "", "*not found*"},
		{"a program that is a folder", Command{Script: "/usr"}, 126, "", "*"},
		{"a program that a signal ends", Command{Argv: []string{"/bin/sh", "-c", "kill -s INT $$"}}, 130, "", "*"},
		{"both streams closed early", Command{Script: "echo out; echo err >&2; exec >&- 2>&-; echo lost; exit 5"}, 5,
			"out\n", "err\n"},
		{"both streams closed early by a program",
			Command{Argv: []string{"/bin/sh", "-c", "echo out; exec >&- 2>&-; exit 6"}}, 6, "out\n", ""},
		{"nothing of them stays", Command{Script: `echo "$A-$?"; pwd`, Cwd: "/"}, 0, "-0\n/\n", ""},
	}
	onEach(t, func(t *testing.T, h *Host) {
		for _, s := range steps {
			r, err := h.Run(t.Context(), s.c)
			var exit *ExitError
			if s.code != 0 && (!errors.As(err, &exit) || exit.Result.Code != s.code) || s.code == 0 && err != nil {
				t.Errorf("%s: error %v, want status %d", s.name, err, s.code)
			}
			if r.Code != s.code || !like(r.Stdout, s.stdout) || !like(r.Stderr, s.stderr) {
				t.Errorf("%s: got %d %q %q, want %d %q %q", s.name, r.Code, sshtest.Last(r.Stdout, 200),
					sshtest.Last(r.Stderr, 200), s.code, sshtest.Last(s.stdout, 200), s.stderr)
			}
		}
	})
}

// sshd passes the command line to the login shell, which is the user's choice.
func TestLogInShells(t *testing.T) {
	const script, rest = "read -r line; echo \"$line, $x\"; exec /bin/sh\n", "it's here\necho on\n"
	for _, name := range []string{"dash", "bash", "zsh", "fish", "tcsh"} {
		shell, err := exec.LookPath(name)
		if err != nil {
			t.Fatalf("%s is missing: install the package of that name", name)
		}
		for _, tt := range []struct{ line, in, out string }{
			{commandline.Script(len(script)), script + rest, "it's here, y\non\n"},
			{commandline.Start("unset CDPATH; printf %s =ab= >&2; " + commandline.Group + "; " + commandline.Guarded(60)),
				"\necho it\\'s here\n", "*it's here\n"},
		} {
			cmd := exec.Command(shell, "-c", tt.line)
			cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "x=y"}
			cmd.Stdin = strings.NewReader(tt.in)
			if out, err := cmd.CombinedOutput(); err != nil || !like(string(out), tt.out) {
				t.Errorf("%s: %q, %v", name, out, err)
			}
		}
	}
}

// like compares got with a pattern: "*x*" matches any text with x in it.
func like(got, want string) bool {
	if len(want) > 0 && want[0] == '*' {
		return strings.Contains(got, strings.Trim(want, "*"))
	}
	return got == want
}
