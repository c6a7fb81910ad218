package tail

import (
	"strings"
	"testing"
)

// The texts are from pip 23.0 and git 2.39, the last one from gcc.
func TestLines(t *testing.T) {
	const git = `  Running command git clone --filter=blob:none --quiet 'ssh://****@127.0.0.1:1/lib.git' /tmp/lib
  ssh: connect to host 127.0.0.1 port 1: Connection refused
  fatal: Could not read from remote repository.

  Please make sure you have the correct access rights
  and the repository exists.
  error: subprocess-exited-with-error
  
  × git clone --filter=blob:none --quiet 'ssh://****@127.0.0.1:1/lib.git' /tmp/lib did not run successfully.
  │ exit code: 128
  ╰─> See above for output.
  
  note: This error originates from a subprocess, and is likely not a problem with pip.
error: subprocess-exited-with-error

× git clone --filter=blob:none --quiet 'ssh://****@127.0.0.1:1/lib.git' /tmp/lib did not run successfully.
│ exit code: 128
╰─> See above for output.

note: This error originates from a subprocess, and is likely not a problem with pip.
`
	const gitShort = `  Running command git clone --filter=blob:none --quiet 'ssh://****@127.0.0.1:1/lib.git' /tmp/lib
  ssh: connect to host 127.0.0.1 port 1: Connection refused
  error: subprocess-exited-with-error
  × git clone --filter=blob:none --quiet 'ssh://****@127.0.0.1:1/lib.git' /tmp/lib did not run successfully.
  │ exit code: 128
│ exit code: 128`
	noisy := strings.Repeat("  copying\n", 20)
	for text, want := range map[string]string{
		"":                        "",
		"one\n\ntwo\n":            "one\n\ntwo",
		git:                       gitShort,
		strings.Repeat("x\n", 20): strings.TrimSuffix(strings.Repeat("x\n", 10), "\n"),
		noisy + "  src.c:1:10: fatal error: Python.h: No such file or directory\n   1 | #include <Python.h>\n" +
			"  compilation terminated.\n" + noisy +
			"ERROR: Failed building wheel for x\n": "  src.c:1:10: fatal error: Python.h: No such file or directory\n" +
			"   1 | #include <Python.h>\n  compilation terminated.\n…\n" +
			strings.Repeat("  copying\n", 5) + "ERROR: Failed building wheel for x",
	} {
		if got := Lines(text, 10); got != want {
			t.Errorf("%q:\n%s\nwant\n%s", text, got, want)
		}
	}
}
