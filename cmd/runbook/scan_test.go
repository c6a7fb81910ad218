package main

import (
	"strings"
	"testing"

	"runbook/runtime/recipe"
)

// testFlags returns the options of run, without and with those of a recipe.
func testFlags(t *testing.T) (own, all []flagSpec) {
	t.Helper()
	own = (&program{}).runCommand(nil).flags
	more, err := recipeFlags([]recipe.Option{
		{Name: "server_root", Kinds: []recipe.Kind{recipe.String}},
		{Name: "serial", Kinds: []recipe.Kind{recipe.Boolean}},
		{Name: "pip_arg", Kinds: []recipe.Kind{recipe.List}},
	}, own)
	if err != nil {
		t.Fatal(err)
	}
	return own, append(own, more...)
}

// typedWords returns the options of a line as they were typed.
func typedWords(l line) string {
	var words []string
	for _, o := range l.options {
		words = append(words, o.words...)
	}
	return strings.Join(words, " ")
}

// TestScan splits lines with the recipe's options known from the start, and with them added later.
func TestScan(t *testing.T) {
	own, all := testFlags(t)
	tests := []struct {
		line          string
		argumentEnds  bool
		options, args string
		help          bool
		err           string
	}{
		{line: "a.lua --hosts x --serial", options: "--hosts x --serial", args: "a.lua"},
		{line: "--serial a.lua --hosts=x", options: "--serial --hosts=x", args: "a.lua"},
		{line: "--server-root /srv a.lua -v", options: "--server-root /srv -v", args: "a.lua"},
		{line: "--pip-arg --no-index a.lua", options: "--pip-arg --no-index", args: "a.lua"},
		{line: "--pip-arg --only --serial a.lua", options: "--pip-arg --only --serial", args: "a.lua"},
		{line: "-v --serial --pip-arg --json a.lua", options: "-v --serial --pip-arg --json", args: "a.lua"},
		{line: "-hosts x -- --odd", options: "-hosts x", args: "--odd"},
		{line: "--serial -- --odd", options: "--serial", args: "--odd"},
		{line: "a.lua --help --json", options: "--json", args: "a.lua", help: true},
		{line: "--serial --help a.lua", options: "--serial", args: "a.lua", help: true},
		{line: "--pip-arg --help a.lua", options: "--pip-arg --help", args: "a.lua"},
		{line: "-", args: "-"},
		{line: "--hosts x uptime -s --hosts", argumentEnds: true, options: "--hosts x", args: "uptime -s --hosts"},
		{line: "--hosts x -- uptime -s", argumentEnds: true, options: "--hosts x", args: "uptime -s"},
		{line: "a.lua --hosts", err: "--hosts needs a value"},
		{line: "a.lua --server-root", err: "--server-root needs a value"},
		{line: "a.lua --server-rot=/x", err: "unknown option --server-rot (did you mean --server-root?)"},
		{line: "a.lua --zzzzzzzz --hosts", err: "unknown option --zzzzzzzz"},
	}
	for _, tt := range tests {
		words := strings.Fields(tt.line)
		for how, got := range map[string]line{
			"at once":      scan(all, tt.argumentEnds, words),
			"in two steps": scan(own, tt.argumentEnds, words).resume(all),
		} {
			err := got.validate(all)
			if tt.err != "" {
				if err == nil || err.Error() != tt.err {
					t.Errorf("%s, %s: got error %v, want %q", tt.line, how, err, tt.err)
				}
				continue
			}
			if err != nil || typedWords(got) != tt.options || strings.Join(got.args, " ") != tt.args ||
				got.help != tt.help {
				t.Errorf("%s, %s: got %q %q help %v, %v", tt.line, how, typedWords(got), got.args, got.help, err)
			}
		}
	}
}

// TestScanWithoutTheRecipe finds the words that may be the recipe before its options are known.
func TestScanWithoutTheRecipe(t *testing.T) {
	own, _ := testFlags(t)
	for words, want := range map[string]string{
		"--branch main a.lua":         "main a.lua",
		"--hosts x.lua a.lua --quiet": "a.lua",
		"--branch=main a.lua -- b":    "a.lua b",
	} {
		if got := strings.Join(scan(own, false, strings.Fields(words)).args, " "); got != want {
			t.Errorf("%s: got %q, want %q", words, got, want)
		}
	}
}

func TestARecipeMayNotTakeTheNameOfAnOption(t *testing.T) {
	for _, name := range []string{"hosts", "dry_run", "v", "help"} {
		if _, err := recipeFlags([]recipe.Option{{Name: name}}, (&program{}).runCommand(nil).flags); err == nil {
			t.Errorf("the option %s was accepted", name)
		}
	}
}
