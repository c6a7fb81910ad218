package recipe_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"runbook/runtime/recipe"
)

// TestCorpus checks the recipes in testdata/corpus. Those in wrong have the expected messages on
// the lines that cause them, each as `-- want: TEXT`; any other message is a false alarm. Those in
// right, and the ports of scripts for other tools, have no problem.
func TestCorpus(t *testing.T) {
	for folder, minimum := range map[string]int{"wrong": 60, "right": 25} {
		t.Run(folder, func(t *testing.T) {
			paths, err := filepath.Glob("testdata/corpus/" + folder + "/*.lua")
			if err != nil || len(paths) < minimum {
				t.Fatalf("%d recipes, %v", len(paths), err)
			}
			if folder == "right" {
				ports, err := filepath.Glob("../../recipes/examples/ports/*.lua")
				if err != nil || len(ports) < 26 {
					t.Fatalf("%d ports, %v", len(ports), err)
				}
				paths = append(paths, slices.DeleteFunc(ports, recipe.IsTest)...)
			}
			got := map[string][]string{} // by file:line
			for _, p := range check(t, paths...) {
				at := fmt.Sprintf("%s:%d", p.File, p.Line)
				got[at] = append(got[at], p.Error())
			}
			for at, wants := range expectedMessages(t, "testdata/corpus/"+folder) {
				for _, want := range wants {
					got[at] = remove(t, at, got[at], want)
				}
			}
			for _, left := range got {
				for _, message := range left {
					t.Errorf("unexpected: %s", message)
				}
			}
		})
	}
}

// expectedMessages returns the messages that the files in a folder expect, by file:line.
func expectedMessages(t *testing.T, dir string) map[string][]string {
	t.Helper()
	wants := map[string][]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".lua" {
			return err
		}
		text, err := os.ReadFile(path)
		for i, line := range strings.Split(string(text), "\n") {
			for _, want := range strings.Split(line, "-- want: ")[1:] {
				at := fmt.Sprintf("%s:%d", path, i+1)
				wants[at] = append(wants[at], strings.TrimSpace(want))
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return wants
}

// remove removes the message that contains want from messages.
func remove(t *testing.T, at string, messages []string, want string) []string {
	t.Helper()
	for i, m := range messages {
		if strings.Contains(m, want) {
			return append(messages[:i:i], messages[i+1:]...)
		}
	}
	t.Errorf("%s: want %q, got %q", at, want, messages)
	return messages
}

// TestCorpusLines checks each line of wrong.txt and right.txt as the body of a recipe's each.
func TestCorpusLines(t *testing.T) {
	const template = `local options = recipe { options = { root = { "/srv", "a folder" }, ` +
		`force = { false, "a switch" }, tries = { 3, "a number" } } }
local name = env("NAME", "app")
local function deploy(host) host:run({ "true" }) end
print(name, deploy, options)
each(hosts, function(host)
%s
print(host)
end)
`
	for folder, minimum := range map[string]int{"wrong": 225, "right": 85} {
		t.Run(folder, func(t *testing.T) {
			text, err := os.ReadFile("testdata/corpus/" + folder + ".txt")
			if err != nil {
				t.Fatal(err)
			}
			lines := strings.Split(strings.TrimSpace(string(text)), "\n")
			if len(lines) < minimum {
				t.Errorf("%d lines", len(lines))
			}
			path := filepath.Join(t.TempDir(), "line.lua") // alone there: check would also evaluate its neighbours
			for _, line := range lines {
				if err := os.WriteFile(path, fmt.Appendf(nil, template, line), 0o600); err != nil {
					t.Fatal(err)
				}
				code, wants, _ := strings.Cut(line, " -- want: ")
				got := map[string][]string{}
				for _, p := range check(t, path) {
					got[line] = append(got[line], p.Error())
					if p.Line != 6 {
						t.Errorf("%s: not at its line: %v", code, p)
					}
				}
				if wants != "" {
					for _, want := range strings.Split(wants, " -- want: ") {
						got[line] = remove(t, code, got[line], want)
					}
				}
				for _, message := range got[line] {
					t.Errorf("%s: unexpected: %s", code, message)
				}
			}
		})
	}
}
