package main

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"runbook/runtime/run"
)

// TestAgain splits the printed command line with a shell: typed words remain or are replaced.
func TestAgain(t *testing.T) {
	_, flags := testFlags(t)
	tests := []struct {
		typed, want []string
		instead     []run.Flag
	}{
		{nil, []string{"runbook", "run", "a b.lua"}, nil},
		{
			[]string{"--hosts", "x", "--serial", "--server-root=/srv/it's", "--pip-arg", "--no-index", "--pip-arg", "",
				"-v"},
			[]string{"runbook", "run", "a b.lua", "--hosts", "x", "--serial", "--pip-arg", "--no-index", "--pip-arg",
				"", "-v", "--server-root", "/new $HOME\n"},
			[]run.Flag{{Name: "server-root", Value: "/new $HOME\n"}},
		},
	}
	for _, tt := range tests {
		line := again("a b.lua", scan(flags, false, tt.typed).options, tt.instead)
		got, err := shellWords(line)
		if err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("%q: a shell reads %q, %v; want %q", line, got, err, tt.want)
		}
	}
}

// shellWords splits a line with a real shell.
func shellWords(line string) ([]string, error) {
	out, err := exec.Command("/bin/sh", "-c", "printf '%s\\0' "+line).Output()
	if err != nil {
		return nil, err
	}
	return strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00"), nil
}
