package main

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"runbook/runtime/run"
)

// What is printed is read by a shell again, and is then what was typed.
func TestAgain(t *testing.T) {
	flags := testFlags(t)
	tests := []struct {
		typed, want []string
		instead     []run.Flag
	}{
		{nil, []string{"runbook", "run", "a b.lua"}, nil},
		{
			[]string{"--hosts", "x", "--serial", "--server-root=/srv/it's", "--pip-arg", "--no-index", "--pip-arg", "", "-v"},
			[]string{"runbook", "run", "a b.lua", "--hosts", "x", "--serial", "--pip-arg", "--no-index", "--pip-arg", "", "-v", "--server-root", "/new $HOME\n"},
			[]run.Flag{{Name: "server-root", Value: "/new $HOME\n"}},
		},
	}
	for _, tt := range tests {
		line := again(flags, "a b.lua", tt.typed, tt.instead)
		got, err := shellWords(line)
		if err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("%q: a shell reads %q, %v; want %q", line, got, err, tt.want)
		}
	}
}

// shellWords are the words that a shell makes of a line.
func shellWords(line string) ([]string, error) {
	out, err := exec.Command("/bin/sh", "-c", "printf '%s\\0' "+line).Output()
	if err != nil {
		return nil, err
	}
	return strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00"), nil
}
