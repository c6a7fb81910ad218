package run

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The recipes in testdata/corpus/wrong have the expected messages on the very lines that cause them, each as
// `-- want: TEXT`; whatever else check says is a false alarm. Those in testdata/corpus/right must pass in silence.
func TestCorpus(t *testing.T) {
	for folder, least := range map[string]int{"wrong": 60, "right": 25} {
		t.Run(folder, func(t *testing.T) {
			paths, err := filepath.Glob("testdata/corpus/" + folder + "/*.lua")
			if err != nil || len(paths) < least {
				t.Fatalf("%d recipes, %v", len(paths), err)
			}
			problems, err := Check(t.Context(), paths, Extension{})
			if err != nil {
				t.Fatal(err)
			}
			got := map[string][]string{} // by file:line
			for _, p := range problems {
				at := fmt.Sprintf("%s:%d", p.File, p.Line)
				got[at] = append(got[at], p.Error())
			}
			for at, wants := range wanted(t, "testdata/corpus/"+folder) {
				for _, want := range wants {
					got[at] = without(t, at, got[at], want)
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

// wanted are the messages that the files in a folder expect, by file:line.
func wanted(t *testing.T, dir string) map[string][]string {
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

// without takes the message that holds want out of messages.
func without(t *testing.T, at string, messages []string, want string) []string {
	t.Helper()
	for i, m := range messages {
		if strings.Contains(m, want) {
			return append(messages[:i:i], messages[i+1:]...)
		}
	}
	t.Errorf("%s: want %q, got %q", at, want, messages)
	return messages
}
