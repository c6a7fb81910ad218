package main

import (
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"runbook/runtime/run"
)

func testFlags(t *testing.T) []cli.Flag {
	t.Helper()
	own := (&program{}).runCommand(nil).Flags
	recipe, err := recipeFlags([]run.Option{
		{Name: "server_root", Kinds: []run.Kind{run.String}}, {Name: "serial", Kinds: []run.Kind{run.Boolean}}, {Name: "pip_arg", Kinds: []run.Kind{run.List}},
	}, own)
	if err != nil {
		t.Fatal(err)
	}
	return append(own, recipe...)
}

func TestArrange(t *testing.T) {
	tests := []struct {
		line        string
		wordsFollow bool
		flags, args string
		help        bool
		err         string
	}{
		{line: "a.lua --hosts x --serial", flags: "--hosts x --serial", args: "a.lua"},
		{line: "--serial a.lua --hosts=x", flags: "--serial --hosts=x", args: "a.lua"},
		{line: "--server-root /srv a.lua -v", flags: "--server-root /srv -v", args: "a.lua"},
		{line: "--pip-arg --no-index a.lua", flags: "--pip-arg --no-index", args: "a.lua"},
		{line: "-hosts x -- --odd", flags: "-hosts x", args: "--odd"},
		{line: "a.lua --help --json", flags: "--json", args: "a.lua", help: true},
		{line: "-", args: "-"},
		{line: "--hosts x uptime -s --hosts", wordsFollow: true, flags: "--hosts x", args: "uptime -s --hosts"},
		{line: "--hosts x -- uptime -s", wordsFollow: true, flags: "--hosts x", args: "uptime -s"},
		{line: "a.lua --hosts", err: "--hosts needs a value"},
		{line: "a.lua --server-rot=/x", err: "unknown option --server-rot (did you mean --server-root?)"},
		{line: "a.lua --zzzzzzzz", err: "unknown option --zzzzzzzz"},
	}
	for _, tt := range tests {
		got, err := arrange(testFlags(t), strings.Fields(tt.line), tt.wordsFollow)
		if tt.err != "" {
			if err == nil || err.Error() != tt.err {
				t.Errorf("%s: got error %v, want %q", tt.line, err, tt.err)
			}
			continue
		}
		if err != nil || strings.Join(got.flags, " ") != tt.flags || strings.Join(got.args, " ") != tt.args || got.help != tt.help {
			t.Errorf("%s: got %q %q help %v, %v", tt.line, got.flags, got.args, got.help, err)
		}
	}
}

func TestArgumentsBeforeTheRecipeIsKnown(t *testing.T) {
	own := (&program{}).runCommand(nil).Flags
	for line, want := range map[string]string{
		"--branch main a.lua":         "main a.lua",
		"--hosts x.lua a.lua --quiet": "a.lua",
		"--branch=main a.lua -- b":    "a.lua b",
	} {
		if got := strings.Join(arguments(own, strings.Fields(line)), " "); got != want {
			t.Errorf("%s: got %q, want %q", line, got, want)
		}
	}
}

func TestARecipeMayNotTakeTheNameOfAnOption(t *testing.T) {
	for _, name := range []string{"hosts", "dry_run", "v", "help"} {
		if _, err := recipeFlags([]run.Option{{Name: name}}, (&program{}).runCommand(nil).Flags); err == nil {
			t.Errorf("the option %s was accepted", name)
		}
	}
}
